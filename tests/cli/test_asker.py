"""Who asks, and when: options of several commands."""

from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from omniroute.cli.asker import asker_options, shown
from omniroute.engine.showing import Showing
from tests.support.snapshots import key, provider, snapshot


@click.command()
@asker_options
def command(key: str | None, at: float) -> None:
    click.echo(f"{key} {at}")


@pytest.mark.parametrize("written", ["2026-11-23T08:00+01:00", "2026-11-23T07:00:00Z", "2026-11-23 07:00+00:00"])
def test_a_time_is_read_with_its_offset(written: str) -> None:
    at = datetime(2026, 11, 23, 7, tzinfo=UTC).timestamp()
    assert CliRunner().invoke(command, ["--key", "alice", "--at", written]).output == f"alice {at}\n"


def test_now_is_the_time_where_none_is_said() -> None:
    before = datetime.now(UTC).timestamp()
    name, at = CliRunner().invoke(command, []).output.split()
    assert name == "None"
    assert before <= float(at) <= datetime.now(UTC).timestamp()


@pytest.mark.parametrize("written", ["soon", "2026-11-23", "2026-11-23T08:00"])
def test_a_time_without_offset_is_wrong_usage(written: str) -> None:
    done = CliRunner().invoke(command, ["--at", written])
    assert (done.exit_code, f"'{written}' is no time with offset" in done.output) == (2, True)


def test_a_key_has_to_be_there_and_is_needed_only_where_one_is_named() -> None:
    config = snapshot(provider("house"), keys=[key("alice", "sk-alice")])
    assert shown(config, "alice", 5.0, "s") == Showing("alice", 5.0, "s", needed=True)
    assert shown(config, None, 5.0) == Showing(None, 5.0, None, needed=False)
    with pytest.raises(click.BadParameter, match="there is no client key 'bob'; there are: alice"):
        shown(config, "bob", 5.0)
    with pytest.raises(click.BadParameter, match="there are: none"):
        shown(snapshot(provider("house")), "bob", 5.0)
