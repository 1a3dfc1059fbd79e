"""Process settings: variables, and what is said on the command line over them."""

from collections.abc import Iterator

import pydantic
import pytest

from omniroute.settings import Settings


@pytest.fixture(autouse=True)
def environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(f"OMNIROUTE_{name.upper()}", raising=False)
        yield patch


def test_without_variables_nothing_is_overridden() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.database, settings.log_format) == (None, None, None, None)
    assert (settings.log_level, settings.workers) == ("info", 1)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("host", "0.0.0.0", "0.0.0.0"),
        ("port", "8080", 8080),
        ("database", "sqlite:x.db", "sqlite:x.db"),
        ("workers", "3", 3),
        ("log_level", "debug", "debug"),
        ("log_format", "json", "json"),
    ],
)
def test_each_setting_has_its_variable(name: str, text: str, value: object, environment: pytest.MonkeyPatch) -> None:
    environment.setenv(f"OMNIROUTE_{name.upper()}", text)
    assert getattr(Settings(), name) == value


def test_every_setting_is_tested() -> None:
    marks = test_each_setting_has_its_variable.pytestmark  # type: ignore[attr-defined]  # pytest's
    assert {row[0] for row in marks[0].args[1]} == set(Settings.model_fields)


def test_an_empty_variable_is_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OMNIROUTE_PORT", "")
    assert Settings().port is None


def test_what_is_said_wins_over_a_variable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OMNIROUTE_PORT", "not even a number")
    assert Settings(port=1).port == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "65536"),
        ("PORT", "x"),
        ("WORKERS", "0"),
        ("WORKERS", "65"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, text: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv(f"OMNIROUTE_{name}", text)
    with pytest.raises(pydantic.ValidationError):
        Settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(pydantic.ValidationError):
        Settings().port = 1  # type: ignore[misc]  # that it is refused is what is tried
