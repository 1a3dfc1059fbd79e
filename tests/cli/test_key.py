"""``omniroute key new``: what is printed lets in what is printed, and nobody else."""

import re
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest

from omniroute.cli.loading import read_config
from tests.cli.command import ECHO, run, written
from tests.support.client import chat, fetch
from tests.support.gateway import running

SHOWN = re.compile(r"^sk-omni-[A-Za-z0-9_-]{43}$", re.MULTILINE)


def made(name: str = "alice") -> tuple[str, str]:
    """Make a key: the key itself, and the TOML that lets it in."""
    done = run("key", "new", name)
    assert done.exit_code == 0
    (key,) = SHOWN.findall(done.stderr)
    return key, done.stdout


def test_standard_output_is_toml_that_holds_the_keys_digest_and_not_the_key() -> None:
    key, table = made()
    assert tomllib.loads(table) == {"keys": {"alice": {"sha256": sha256(key.encode()).hexdigest()}}}
    assert key not in table


def test_two_keys_are_never_the_same() -> None:
    assert made()[0] != made()[0]


@pytest.mark.parametrize("name", ["Alice", "", "a b", "-a", "a/b", "ä", "a\n"])
def test_a_name_that_the_configuration_would_refuse_is_wrong_usage(name: str) -> None:
    done = run("key", "new", "--", name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "write a name in lower-case letters" in done.stderr


@pytest.mark.parametrize("name", ["alice", "ci-2.team_a", "7"])
def test_what_is_printed_can_be_appended_to_a_configuration(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, ECHO + made(name)[1])
    assert run("check", path, "--deny-warnings").exit_code == 0


async def test_a_gateway_lets_the_printed_key_in_and_nobody_else(tmp_path: Path) -> None:
    key, table = made()
    other, _ = made()
    snapshot = read_config(written(tmp_path, ECHO + table)).snapshot
    assert snapshot is not None
    async with running(snapshot) as gateway:
        url = f"{gateway.url}/v1/chat/completions"
        statuses = [
            (await fetch(url, chat("hello"), headers)).status
            for headers in (
                {"authorization": f"Bearer {key}"},
                {"x-api-key": key},
                {},
                {"authorization": f"Bearer {other}"},
                {"authorization": f"Bearer {sha256(key.encode()).hexdigest()}"},
            )
        ]
    assert statuses == [200, 200, 401, 401, 401]
