"""Reports of our own faults: where it happened, and nobody's secret."""

import os
from collections.abc import Callable
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omniroute import __version__
from omniroute.cli.crash import place, report, write_report
from omniroute.errors import StorageError
from omniroute.storage.db import locate

SECRET = "sk-planted-0123456789abcdef"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def caught(act: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as found:  # noqa: PT011 - what it is, the caller looks at
        act()
    return found.value


def raised(failure: Exception, cause: BaseException | None = None) -> Exception:
    def fail() -> None:
        raise failure from cause

    return caught(fail)


def fault_of_ours() -> Exception:
    return caught(lambda: locate(SECRET, Path()))


def told(error: Exception) -> str:
    return report(error, "omniroute check", NOW)


def test_a_report_says_what_ran_where_and_when() -> None:
    text = told(raised(ValueError("x")))
    for line in (f"omniroute   {__version__}", "command     omniroute check", "time        2026-11-23 12:00:00 UTC"):
        assert f"{line}\n" in text


def test_a_report_names_the_exceptions_in_the_order_in_which_they_happened() -> None:
    text = told(raised(ValueError("x"), raised(KeyError("y"))))
    assert text.index("builtins.KeyError\n") < text.index("then:\n") < text.index("builtins.ValueError\n")


@pytest.mark.parametrize("interesting", [True, False])
def test_a_report_follows_what_was_being_handled_unless_it_was_said_not_to_matter(*, interesting: bool) -> None:
    def fail() -> None:
        try:
            {}["nothing"]
        except KeyError:
            if interesting:
                int("one")
            raise ValueError from None

    assert ("builtins.KeyError" in told(caught(fail))) == interesting


def test_a_report_tells_every_exception_of_a_group() -> None:
    text = told(raised(ExceptionGroup(SECRET, [raised(KeyError(SECRET)), raised(ValueError(SECRET))])))
    assert "builtins.ExceptionGroup\n" in text
    assert "  | builtins.KeyError\n" in text
    assert "  | builtins.ValueError\n" in text
    assert SECRET not in text


def test_only_words_that_are_known_to_hold_no_secret_are_reported() -> None:
    assert "StorageError: the disk is full\n" in told(raised(StorageError("the disk is full")))
    assert "FileNotFoundError: No such file or directory\n" in told(
        raised(OSError(2, "No such file or directory", "x"))
    )
    assert SECRET not in told(raised(ValueError(SECRET)))


def test_the_place_is_the_last_line_of_ours() -> None:
    assert place(fault_of_ours()).startswith("omniroute/storage/db.py:")
    assert place(raised(ExceptionGroup("", [fault_of_ours()]))).startswith("omniroute/storage/db.py:")


def test_the_place_of_what_never_came_through_ours_is_where_it_happened() -> None:
    assert place(raised(ValueError())).startswith("tests/cli/test_crash.py:")
    assert place(ValueError()) == "an unknown place"


def test_a_report_stands_in_the_working_directory(tmp_path: Path) -> None:
    with chdir(tmp_path):
        written = write_report(raised(ValueError()), "omniroute check")
    assert written is not None
    assert [path.name for path in tmp_path.iterdir()] == [written.name]


def test_where_the_working_directory_is_gone_a_report_stands_with_temporary_files(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    with chdir(gone), pytest.MonkeyPatch.context() as environment:
        gone.rmdir()
        written = write_report(raised(ValueError()), "omniroute check")
        os.chdir(tmp_path)  # or there is no way back from where nothing is
        del environment
    assert written is not None
    assert written.is_absolute()
    written.unlink()
