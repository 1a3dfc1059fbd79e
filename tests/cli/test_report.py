"""Writing findings and files out."""

import json
from pathlib import Path

import click
import pytest

from omniroute.cli.loading import read_config
from omniroute.cli.report import findings, refuse, write_file
from omniroute.config.diagnostics import Diagnostic
from omniroute.names import Severity
from tests.cli.command import written

FOUND = Diagnostic("OR9001", Severity.ERROR, "there is nothing here")


def test_findings_stand_without_a_count_of_what_was_checked() -> None:
    assert findings([FOUND], colour=False) == "error[OR9001]: there is nothing here\n\n"
    assert findings([], colour=False) == ""


def test_what_is_no_finding_is_left_out() -> None:
    assert findings(["words", FOUND], colour=False) == findings([FOUND], colour=False)


def test_findings_can_have_colours() -> None:
    assert "\x1b[" in findings([FOUND], colour=True)


def test_a_file_is_written_with_the_directories_above_it(tmp_path: Path) -> None:
    write_file(tmp_path / "a" / "b.txt", "grün\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "grün\n".encode()


def test_a_file_that_cannot_be_written_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(click.ClickException, match=r"cannot write .*b\.txt: (Not a directory|File exists)"):
        write_file(tmp_path / "a" / "b.txt", "")


def test_a_refusal_says_what_is_wrong_to_people_and_to_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reading = read_config(written(tmp_path, "[combos.x]\n"))
    for as_json in (False, True):
        with pytest.raises(SystemExit) as end:
            refuse(reading, "never", as_json=as_json)
        assert end.value.code == 1
        said = capsys.readouterr()
        assert ("OR2002" in said.out, "OR2002" in said.err) == (as_json, not as_json)
        assert not as_json or json.loads(said.out)["valid"] is False
