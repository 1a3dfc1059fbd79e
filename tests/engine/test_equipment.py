"""Secrets turned into what is sent, once a snapshot."""

from pathlib import Path

import msgspec
import pytest

from omniroute import __version__
from omniroute.config.snapshot import Auth, Provider
from omniroute.engine.equipment import Equipment, Way, equip
from omniroute.upstream.secrets import resolve_all
from tests.support.snapshots import provider, snapshot

BEARER, NONE, HEADER, QUERY = Auth("bearer"), Auth("none"), Auth("header", "X-Api-Key"), Auth("query", "key")
SECRET = "hunter2-hunter2"


def equipped(each: Provider, **environ: str) -> Equipment:
    config = snapshot(each)
    return equip(config, resolve_all(config, environ, Path()))


def way(auth: Auth, headers: tuple[tuple[str, str], ...] = ()) -> Way:
    made = msgspec.structs.replace(provider("p", auth=auth), headers=headers)
    return equipped(made, P_MAIN=SECRET).ways["p", "main"]


def test_a_request_says_what_it_is_what_it_takes_and_who_sends_it() -> None:
    assert way(NONE).headers == (
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("user-agent", f"omniroute/{__version__}"),
    )


@pytest.mark.parametrize(
    ("auth", "header", "query"),
    [
        (BEARER, ("authorization", f"Bearer {SECRET}"), ""),
        (HEADER, ("x-api-key", SECRET), ""),
        (QUERY, None, f"?key={SECRET}"),
    ],
)
def test_a_credential_is_shown_as_its_provider_wants_it(auth: Auth, header: tuple[str, str], query: str) -> None:
    made = way(auth)
    assert [each for each in made.headers if SECRET in each[1]] == ([header] if header else [])
    assert made.query == query


def test_a_header_of_the_provider_takes_the_place_of_ours() -> None:
    made = way(BEARER, (("User-Agent", "house/1"), ("x-team", "blue")))
    assert [value for name, value in made.headers if name.lower() == "user-agent"] == ["house/1"]
    assert ("x-team", "blue") in made.headers
    assert ("authorization", f"Bearer {SECRET}") in made.headers


def test_every_credential_has_its_own_way() -> None:
    made = equipped(provider("p", credentials=("a", "b"), auth=BEARER), P_A="key-a", P_B="key-b")
    assert {name: each.secret for (_, name), each in made.ways.items()} == {"a": "key-a", "b": "key-b"}
    assert made.unusable == {}


def test_a_credential_without_its_secret_has_no_way_and_the_reason_is_kept() -> None:
    made = equipped(provider("p", credentials=("a", "b"), auth=BEARER), P_A="key-a")
    assert set(made.ways) == {("p", "a")}
    assert "P_B is not set" in made.unusable["p", "b"]


def test_no_secret_shows_when_equipment_is_printed() -> None:
    made = equipped(provider("p", auth=BEARER), P_MAIN=SECRET)
    printed = f"{made!r} {made} {made.ways['p', 'main']!r} {made.ways['p', 'main']}"
    assert SECRET not in printed
    assert "1 credentials" in printed


def test_a_credential_is_taken_out_of_what_its_provider_says() -> None:
    assert way(BEARER).hide(f"no such key: {SECRET}, {SECRET}!") == "no such key: ***, ***!"
    assert way(NONE).hide("nothing to hide") == "nothing to hide"


def test_it_names_the_servers_that_may_be_asked() -> None:
    made = provider("p", auth=NONE)
    moved = msgspec.structs.replace(made, base_url="https://elsewhere.example/v1")
    assert equipped(moved).origins == {"https://elsewhere.example:443"}
