"""Top-level fields are found to the byte, and whatever cannot be read is refused in words that help."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.errors import Malformed
from omniroute.formats.head import LONGEST_NAME, read_head

SPACE = st.text(" \t\r\n", max_size=3)
HALF = re.compile("[\ud800-\udfff]")
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, str]]]:
    """A JSON object as someone may write it, and its fields with their values' texts."""
    pairs = draw(st.dictionaries(TEXT, VALUES, max_size=5)).items()
    written, texts = [], []
    for name, value in pairs:
        text = json.dumps(value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
        texts.append((name, text))
        label = json.dumps(name, ensure_ascii=draw(st.booleans()))
        written.append(draw(SPACE) + label + draw(SPACE) + ":" + draw(SPACE) + text + draw(SPACE))
    whole = draw(SPACE) + "{" + (",".join(written) or draw(SPACE)) + "}" + draw(SPACE)
    return whole.encode(), texts


def refusal(body: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read_head(body)
    return caught.value


@given(bodies())
@settings(max_examples=200, deadline=None)
def test_every_field_is_found_where_its_value_stands(body: tuple[bytes, list[tuple[str, str]]]) -> None:
    written, texts = body
    assert [(name, written[where].decode()) for name, where in read_head(written).items()] == texts


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", 'd"', "é"]), VALUES), max_size=5), SPACE)
@settings(max_examples=300, deadline=None)
def test_a_field_that_stands_twice_is_always_found(pairs: list[tuple[str, Any]], space: str) -> None:
    body = "{" + f"{space},{space}".join(json.dumps(name) + ":" + json.dumps(value) for name, value in pairs) + "}"
    names = [name for name, _ in pairs]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        assert refusal(body.encode()).param in repeated
    else:
        assert list(read_head(body.encode())) == names


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "b": 2, "a": 1}',
        b'{"a": 1, "b": 2, "a": 12}',
        b'{"a": 12, "b": 2, "a": 1}',
        b'{"a": {"k": 1, "b": 9}, "b": 2, "a": {"k": 1}}',
        b'{"a": [1, "b"], "b": 2, "a": [1,"b"]}',
        b'{"a": 1, "\\u0061": 2}',
    ],
)
def test_a_repeated_field_is_named(body: bytes) -> None:
    error = refusal(body)
    assert error.message == '"a" stands twice in the request body; send it once'
    assert error.param == "a"


def test_a_repeated_name_is_shortened() -> None:
    name = b'"' + b"x" * 5000 + b'": 1'
    assert refusal(b"{" + name + b"," + name + b"}").param == "x" * LONGEST_NAME


def test_a_field_repeated_deeper_down_is_no_concern_of_ours() -> None:
    assert list(read_head(b'{"a": {"b": 1, "b": 2}}')) == ["a"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the request body is not JSON: it is empty"),
        (b" \n", "the request body is not JSON: it is empty"),
        (b"{", "the request body is not JSON: it ends too early, at line 1, column 2 (byte 1)"),
        (b'{"a": 1,\n "b" 2}', "the request body is not JSON: expected ':' at line 2, column 6 (byte 14)"),
        (b'{"a": 1,}', "the request body is not JSON: trailing comma in object at line 1, column 9 (byte 8)"),
        (b"[1]", "the request body must be a JSON object, and is an array"),
        (b' "x"', "the request body must be a JSON object, and is a string"),
        (b"12", "the request body must be a JSON object, and is a number"),
        (b"null", "the request body must be a JSON object, and is null"),
        (b"true", "the request body must be a JSON object, and is true"),
        (b"false", "the request body must be a JSON object, and is false"),
        (b'{"a": "\xff"}', "the request body is not UTF-8: invalid start byte at line 1, column 8 (byte 7)"),
        (b'{"\xc3": 1}', "the request body is not UTF-8: invalid continuation byte at line 1, column 3 (byte 2)"),
        (
            b"\xef\xbb\xbf{}",
            "the request body begins with a byte order mark; send UTF-8 without it (RFC 8259 §8.1)",
        ),
        (b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "the request body is nested too deeply"),
        (b'{"\\ud83d":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "the request body is nested too deeply"),
        (
            b'{"a": "\\ud83d", }',
            "the request body is not JSON: trailing comma in object at line 1, column 17 (byte 16)",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(body: bytes, message: str) -> None:
    assert refusal(body).message == message


def test_half_of_a_surrogate_pair_is_left_to_the_upstream() -> None:
    body = b'{"a": "cut \\ud83d", "\\ud83d\\ude00": "\\\\ud83d\\ude00", "\\ude00": 1}'
    fields = read_head(body)
    assert list(fields) == ["a", "\U0001f600", "\ufffd"]
    assert [body[where] for where in fields.values()] == [b'"cut \\ud83d"', b'"\\\\ud83d\\ude00"', b"1"]


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_give_fields_or_a_refusal(body: bytes) -> None:
    try:
        fields = read_head(body)
    except Malformed:
        return
    assert list(fields) == list(json.loads(body))


@given(bodies(), st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_body_gives_fields_or_a_refusal(
    body: tuple[bytes, list[tuple[str, str]]], data: st.DataObject
) -> None:
    written, _ = body
    at = data.draw(st.integers(0, len(written)))
    damaged = written[:at] + data.draw(st.sampled_from([b"", b'"', b"{", b"}", b",", b":", b"\\", b"\x00", b"\xff"]))
    damaged += written[at + data.draw(st.integers(0, 2)) :]
    try:
        fields = read_head(damaged)
    except Malformed:
        return
    value = {HALF.sub("\ufffd", name): inner for name, inner in json.loads(damaged).items()}
    assert [(name, json.loads(damaged[where])) for name, where in fields.items()] == list(value.items())
