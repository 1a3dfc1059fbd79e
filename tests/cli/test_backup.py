"""``omniroute backup``: from the command line, over real files."""

import json
from pathlib import Path

import pytest

from omniroute.storage.report import recent
from tests.cli.command import ECHO, run, written
from tests.storage.test_report import ledger_of
from tests.support.events import exchanged


@pytest.fixture
def database(tmp_path: Path) -> str:
    return ledger_of(tmp_path / "omniroute.db", *map(exchanged, range(3)))


def test_a_backup_is_made_listed_and_restored(database: str, tmp_path: Path) -> None:
    made = run("backup", "create", "--database", database)
    assert made.exit_code == 0
    path = Path(made.stdout.strip())
    assert path.parent == tmp_path / "backups"
    listed = run("backup", "list", "--database", database).stdout.splitlines()
    assert listed[0].split() == ["backup", "made", "(UTC)", "for", "bytes"]
    assert listed[1].startswith(str(path))
    [told] = json.loads(run("backup", "list", "--database", database, "--format", "json").stdout)
    assert (told["path"], told["why"], told["size"]) == (str(path), "manual", path.stat().st_size)
    ledger_of(Path(database), exchanged(9))
    done = run("backup", "restore", path, "--database", database)
    assert done.exit_code == 0
    assert done.stdout.startswith(
        f"{database} is now what {path} was; what was there is kept as {tmp_path / 'backups'}"
    )
    assert len(recent(database, 99)) == 3


def test_a_restore_where_nothing_was_keeps_nothing(database: str, tmp_path: Path) -> None:
    path = run("backup", "create", "--database", database).stdout.strip()
    done = run("backup", "restore", path, "--database", tmp_path / "new.db")
    assert done.stdout == f"{tmp_path / 'new.db'} is now what {path} was\n"


def test_backups_go_where_they_are_told_to_and_only_so_many_stay(database: str, tmp_path: Path) -> None:
    safe = tmp_path / "safe"
    paths = [run("backup", "create", "--database", database, "--to", safe, "--keep", 2).stdout.strip() for _ in "abc"]
    assert sorted(map(str, safe.iterdir())) == paths[1:]
    assert len(run("backup", "list", "--database", database, "--to", safe).stdout.splitlines()) == 3
    none = run("backup", "list", "--database", database)
    assert (none.exit_code, none.stdout) == (0, "")
    assert "`omniroute backup create` makes one" in none.stderr


def test_the_database_is_the_one_that_the_configuration_names(database: str, tmp_path: Path) -> None:
    config = written(tmp_path / "config", f'[runtime]\ndatabase = "sqlite:{database}"\n{ECHO}')
    assert run("backup", "create", "--config", config).exit_code == 0
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_what_cannot_be_done_is_told(tmp_path: Path) -> None:
    for arguments in (("create",), ("export",), ("restore", tmp_path / "x.db")):
        done = run("backup", *arguments, "--database", tmp_path / "none.db")
        assert (done.exit_code, "there is no database at" in done.stderr) == (1, True)
    done = run("backup", "create", "--database", ":memory:")
    assert (done.exit_code, "in memory" in done.stderr) == (1, True)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_rows_go_out_to_a_file_and_come_in_again_once(form: str, database: str, tmp_path: Path) -> None:
    out, other = tmp_path / "rows", tmp_path / "other.db"
    done = run("backup", "export", out, "--database", database, "--format", form)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "3 rows\n")
    on_stdout = run("backup", "export", "--database", database, "--format", form).stdout
    assert on_stdout == out.read_text("utf-8")
    for told in ("3 rows came in, 0 were there already\n", "0 rows came in, 3 were there already\n"):
        done = run("backup", "import", out, "--database", other, "--format", form)
        assert (done.exit_code, done.stdout) == (0, told)
    assert recent(str(other), 9) == recent(database, 9)


def test_a_file_that_holds_no_rows_is_told(database: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text('{"at": 1}\n')
    done = run("backup", "import", path, "--database", database)
    assert (done.exit_code, "line 1 is no usage row: " in done.stderr) == (1, True)
