"""Which requests are the same, and which of them one answer may serve."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.formats import CODECS
from omniroute.formats.codec import Asked, Place
from omniroute.formats.head import read_head
from omniroute.formats.sameness import cacheable, digest
from omniroute.names import Format

FUNCTION = {"type": "function", "function": {"name": "f"}}


def asked(members: object) -> Asked:
    body = members if isinstance(members, bytes) else msgspec.json.encode(members)
    return Asked("m", False, False, body, read_head(body))


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"temperature": 0},
        {"temperature": 0.0},
        {"temperature": None},
        b'{"temperature": -0.0e3 }',
        {"n": 1},
        {"n": None, "best_of": 1},
        {"store": False, "background": None, "previous_response_id": None},
        {"mcp_servers": []},
        {"tools": None},
        {"tools": []},
        {"tools": [FUNCTION, {"type": "custom", "name": "x"}]},
        {"tools": [{"name": "f", "input_schema": {}}]},
        {"tools": [{"functionDeclarations": [{"name": "f"}]}]},
        {"generationConfig": {"temperature": 0, "candidateCount": 1, "topK": 3}},
        {"generationConfig": None},
        {"options": {"num_ctx": 4096}},
        {"stream": True, "max_tokens": 5, "seed": 7, "user": "u"},
    ],
)
def test_what_may_be_answered_again(members: object) -> None:
    assert cacheable(asked(members))


@pytest.mark.parametrize(
    "members",
    [
        {"temperature": 1},
        {"temperature": 0.01},
        {"temperature": "0"},
        {"temperature": []},
        {"n": 2},
        {"best_of": 3},
        {"store": True},
        {"background": True},
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"container": "c_1"},
        {"mcp_servers": [{"url": "https://mcp.example"}]},
        {"web_search_options": {}},
        {"cachedContent": "cachedContents/1"},
        {"tools": [FUNCTION, {"type": "web_search_preview"}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"googleSearch": {}}]},
        {"tools": [{"functionDeclarations": [], "codeExecution": {}}]},
        {"tools": "all"},
        {"tools": [1]},
        {"tools": [{"type": "something new"}]},
        {"generationConfig": {"temperature": 0.5}},
        {"generation_config": {"candidate_count": 2}},
        {"generationConfig": 3},
        {"options": {"temperature": 0.8}},
    ],
)
def test_what_may_not(members: object) -> None:
    assert not cacheable(asked(members))


def test_a_tool_with_half_a_surrogate_pair_is_no_error() -> None:
    assert not cacheable(asked(rb'{"tools":[{"name":"\ud83d"}]}'))


@given(st.dictionaries(st.sampled_from(["temperature", "n", "tools", "options", "store"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)))  # fmt: skip
def test_whatever_stands_there_there_is_an_answer(members: dict[str, object]) -> None:
    assert cacheable(asked(members)) in {True, False}


# literal table: a body of each format that asks for a temperature
WARM: dict[Format, bytes] = {
    **dict.fromkeys(CODECS, b'{"model":"m","messages":[],"max_tokens":5,"prompt":"a","input":"a","temperature":0.3}'),
    Format.GEMINI: b'{"contents":[],"generationConfig":{"temperature":0.3}}',
    Format.OLLAMA: b'{"model":"m","messages":[],"options":{"temperature":0.3}}',
}


@pytest.mark.parametrize("wire", CODECS)
def test_every_format_gives_the_fields_that_are_looked_at(wire: Format) -> None:
    place = Place("m", stream=False) if wire is Format.GEMINI else Place()
    assert not cacheable(CODECS[wire].ask(WARM[wire], place))
    assert cacheable(CODECS[wire].ask(WARM[wire].replace(b"0.3", b"0"), place))


PARTS = st.lists(st.text(max_size=4) | st.none() | st.booleans(), max_size=4)


@given(PARTS, st.binary(max_size=8), PARTS, st.binary(max_size=8))
def test_two_digests_are_one_only_where_all_is_the_same(a: list[object], b: bytes, c: list[object], d: bytes) -> None:
    same = msgspec.json.encode(a) == msgspec.json.encode(c) and b == d
    assert (digest(a, b) == digest(c, d)) is same  # type: ignore[arg-type]  # what is drawn is a Naming


def test_what_is_moved_from_the_naming_to_the_body_is_another_request() -> None:
    assert digest(["a"], b'["b"]') != digest(["a", "b"], b"")
    assert digest(["ab"], b"") != digest(["a", "b"], b"")
