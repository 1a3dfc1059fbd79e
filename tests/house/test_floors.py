"""The floors hold (docs/decisions/0001): import-linter's contracts in ``pyproject.toml``."""

import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT


def test_every_import_contract_is_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
