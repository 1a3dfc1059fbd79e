"""No file under version control names a directory of the machine on which it was written."""

import re
import shutil
import subprocess

import pytest

from tests.house.tree import ROOT, none_of

DIRECTORIES = ("work", "tmp", "root")
MACHINE = re.compile(rf"(?<![\w./-])/(?:{'|'.join(DIRECTORIES)})(?:/|\b(?![-\w]))".encode())


def versioned() -> list[str]:
    """Give the files that git keeps or would keep."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_versioned_file_names_a_directory_of_one_machine() -> None:
    none_of(name for name in versioned() if MACHINE.search((ROOT / name).read_bytes()))


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_a_directory_of_a_machine_is_found(directory: str) -> None:
    assert MACHINE.search(f"see /{directory}/main/README.md".encode())
    assert MACHINE.search(f'cwd="/{directory}"'.encode())
    assert not MACHINE.search(f"https://example.org/{directory}/page and a/{directory}/b".encode())
