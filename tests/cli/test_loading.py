"""Reading a configuration for a command: as ``serve`` reads it."""

from pathlib import Path

from omniroute.cli.exits import Exit
from omniroute.cli.loading import read_config, verdict
from omniroute.config.diagnostics import Diagnostic
from omniroute.engine.files import find_config
from omniroute.names import Severity
from tests.cli.command import written


def finding(severity: Severity) -> Diagnostic:
    return Diagnostic("OR5004", severity, "something")


def test_a_configuration_is_read_compiled_and_counted_once(tmp_path: Path) -> None:
    reading = read_config(written(tmp_path).parent)
    assert reading.snapshot is not None
    assert reading.document is not None
    assert reading.found == ()
    assert reading.context.config_hash == reading.snapshot.id
    assert reading.context.files == 1
    assert {table: count for table, count in reading.context.counts.items() if count} == {"providers": 1, "combos": 1}


def test_a_file_that_cannot_be_read_is_all_that_is_found(tmp_path: Path) -> None:
    written(tmp_path, '[combos.x]\ntargets = ["missing/model"]\n', "combos.toml")
    (tmp_path / "providers.toml").write_bytes(b"[providers.missing]\n# \xff\n")
    reading = read_config(tmp_path)
    assert [each.code for each in reading.found] == ["OR1003"]
    assert (reading.snapshot, reading.document) == (None, None)
    assert reading.context.files == 2


def test_faults_leave_neither_snapshot_nor_document(tmp_path: Path) -> None:
    reading = read_config(written(tmp_path, "[combos.x]\n"))
    assert (reading.snapshot, reading.document) == (None, None)
    assert reading.found
    assert reading.context.config_hash is None


def test_the_worst_finding_decides_the_exit_code(tmp_path: Path) -> None:
    where = find_config(tmp_path)
    error, warning, hint = map(finding, (Severity.ERROR, Severity.WARNING, Severity.HINT))
    assert verdict(where, [hint, warning]) is Exit.FINE
    assert verdict(where, [hint, warning], deny_warnings=True) is Exit.WARNINGS
    assert verdict(where, [hint], deny_warnings=True) is Exit.FINE
    assert verdict(where, [warning, error], deny_warnings=True) is Exit.PROBLEMS
    assert verdict(find_config(tmp_path / "nowhere"), [error]) is Exit.USAGE
