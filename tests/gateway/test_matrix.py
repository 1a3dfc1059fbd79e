"""Every client format × every upstream format × whole or streamed, on our own samples of answers (tests/wire)."""

from dataclasses import replace

import pytest

from omniroute.names import Format
from tests.support.matrix import PAIRS, Case, Miss, Pair, cases_of, difference, misses, unexpected
from tests.support.sdk import Heard, Spent
from tests.support.wires import UPSTREAMS

MISSES: tuple[Miss, ...] = ()
"""Samples of our own that do not come through, and why: none."""


@pytest.mark.parametrize("pair", PAIRS, ids=str)
async def test_a_client_hears_what_the_upstreams_own_sdk_hears(pair: Pair) -> None:
    found = await misses(pair, cases_of("own", pair.wire, stream=pair.stream))
    assert unexpected(pair, found, MISSES) == {}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", UPSTREAMS, ids=str)
def test_there_are_samples(wire: Format, stream: bool) -> None:
    assert len(cases_of("own", wire, stream=stream)) > 2


def test_every_listed_miss_names_a_sample() -> None:
    names = {(pair.wire, case.name) for pair in PAIRS for case in cases_of("own", pair.wire, stream=pair.stream)}
    assert {(miss.wire, miss.name) for miss in MISSES} <= names


# The judge itself.

ANSWER = Heard("It is mild.", "Let me see.", [("weather", {"city": "Oslo"})], "tools", Spent(21, 7, 4, 2))
OTHERWISE: dict[str, object] = {
    "text": "It is cold.",
    "thoughts": "",
    "calls": [("weather", {"city": "Rome"})],
    "finish": "stop",
    "spent": Spent(21, 9, 4, 2),
    "error": "APIError",
}
CHAT_FROM_GEMINI = Pair(Format.OPENAI_CHAT, Format.GEMINI, stream=False)
WHOLE = Case("own", "one", stream=False, status=200, body=b"")


@pytest.mark.parametrize("name", OTHERWISE)
def test_whatever_is_heard_otherwise_is_a_miss(name: str) -> None:
    assert difference(CHAT_FROM_GEMINI, WHOLE, ANSWER, replace(ANSWER)) is None
    through = replace(ANSWER, **{name: OTHERWISE[name]})
    assert difference(CHAT_FROM_GEMINI, WHOLE, ANSWER, through)


def test_an_error_that_becomes_an_answer_is_a_miss_and_so_is_a_cut_that_ends_cleanly() -> None:
    failed = replace(ANSWER, error="APIError", message="overloaded")
    cut = replace(WHOLE, name="cut-stream", stream=True)
    assert difference(CHAT_FROM_GEMINI, WHOLE, failed, failed) is None
    assert difference(CHAT_FROM_GEMINI, WHOLE, failed, ANSWER)
    assert difference(CHAT_FROM_GEMINI, cut, ANSWER, failed) is None
    assert difference(CHAT_FROM_GEMINI, cut, ANSWER, ANSWER)


def test_a_miss_that_is_not_listed_is_found_and_so_is_a_listed_one_that_passes() -> None:
    listed = (Miss(Format.GEMINI, "one", "for a reason"),)
    assert unexpected(CHAT_FROM_GEMINI, {"one": "text: ...", "two": None}, listed) == {}
    assert unexpected(CHAT_FROM_GEMINI, {"one": "text: ...", "two": "text: ..."}, listed) == {"two": "text: ..."}
    assert list(unexpected(CHAT_FROM_GEMINI, {"one": None}, listed)) == ["one"]
