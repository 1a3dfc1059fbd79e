"""A built wheel carries what the gateway needs beside its code: schemas, catalogue, starter configuration."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT

READS = """
import json, sys
from omniroute.engine.files import schema_document, shipped_catalogue
import omniroute
print(json.dumps([omniroute.__file__, len(schema_document()["properties"]), [s.name for s in shipped_catalogue()]]))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as an installer lays it out."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_every_schema_and_every_provider_is_in_it(unpacked: Path) -> None:
    package = unpacked / "omniroute"
    laid = {"schemas": "schemas", "omniroute/catalogue": "catalogue", "omniroute/catalogue/prices": "catalogue/prices"}
    for folder, where in laid.items():
        names = {path.name for path in (ROOT / folder).iterdir() if path.suffix in {".json", ".toml"}}
        assert names
        assert {path.name for path in (package / where).iterdir()} >= names
    assert (package / "py.typed").exists()
    assert (package / "cli" / "starter.toml").exists()


def test_it_reads_its_own_schema_and_catalogue_and_not_a_checkouts(unpacked: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READS], cwd=tmp_path, env={"PYTHONPATH": str(unpacked)}, capture_output=True, check=True
    )
    file, tables, sources = json.loads(done.stdout)
    assert Path(file).is_relative_to(unpacked)
    assert tables > 5
    assert any(name.endswith("echo.toml") for name in sources)
    assert any(name.endswith("prices/openai.json") for name in sources)
