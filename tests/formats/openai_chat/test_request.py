"""A Chat Completions request: what routing reads of it, and the two fields that change on its way."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Place
from omniroute.formats.openai_chat import request as head
from omniroute.formats.openai_chat.request import prepare, url
from tests.formats.samples import NEEDS_TRAFFIC, own, recorded

HEAD = b'{"model": "a/b", "messages": []'


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "a/b", "messages": [{"role": "user", "content": "hi"}]} | fields).encode()


def ask(written: bytes) -> Asked:
    return head.ask(written, Place())


def refusal(written: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        ask(written)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "stream", "usage_asked"),
    [
        ({}, False, False),
        ({"stream": None}, False, False),
        ({"stream": False}, False, False),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": None}, True, False),
        ({"stream": True, "stream_options": {}}, True, False),
        ({"stream": True, "stream_options": {"include_obfuscation": False}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": None}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": True, "stream_options": {"include_usage": "yes"}}, True, True),
        ({"stream": True, "stream_options": [1]}, True, True),
        ({"stream": False, "stream_options": {"include_usage": True}}, False, False),
    ],
)
def test_stream_and_usage_are_read(fields: dict[str, Any], stream: bool, usage_asked: bool) -> None:
    asked = ask(body(**fields))
    assert (asked.model, asked.stream, asked.usage_asked) == ("a/b", stream, usage_asked)


@pytest.mark.parametrize(
    ("written", "param", "words"),
    [
        (b'{"messages": []}', "model", '"model" is missing'),
        (b'{"model": "", "messages": []}', "model", '"model" is empty'),
        (b'{"model": null, "messages": []}', "model", '"model" must be a string, and is null'),
        (b'{"model": 7, "messages": []}', "model", '"model" must be a string, and is a number'),
        (b'{"model": ["a"], "messages": []}', "model", '"model" must be a string, and is an array'),
        (b'{"model": "\\ud83d", "messages": []}', "model", '"model" holds half of a surrogate pair'),
        (b'{"model": "a"}', "messages", '"messages" is missing'),
        (b'{"model": "a", "messages": "hi"}', "messages", '"messages" must be an array, and is a string'),
        (b'{"model": "a", "messages": {}}', "messages", '"messages" must be an array, and is an object'),
        (HEAD + b', "stream": "true"}', "stream", '"stream" must be true or false, and is a string'),
        (HEAD + b', "stream": 1}', "stream", '"stream" must be true or false, and is a number'),
        (HEAD + b', "model": "c"}', "model", '"model" stands twice in the request body'),
        (
            HEAD + b', "stream": true, "stream_options": {"include_usage": true, "include_usage": false}}',
            "include_usage",
            '"include_usage" stands twice in "stream_options"',
        ),
        (b"[]", None, "the request body must be a JSON object"),
        (b"", None, "the request body is not JSON: it is empty"),
    ],
)
def test_what_is_wrong_is_refused_with_the_field_at_fault(written: bytes, param: str | None, words: str) -> None:
    error = refusal(written)
    assert error.param == param
    assert error.message.startswith(words)


def test_what_is_in_the_messages_is_the_upstreams_concern() -> None:
    assert ask(b'{"model":"a","messages":[7, {"role": "nobody"}, "cut \\ud83d"], "new": 1e999}').model == "a"


def test_the_model_is_written_in_its_place_and_nothing_else_changes() -> None:
    written = b'{ "temperature": 1.00, "model" : "a/b","messages": [ ],\n "n": 1e2 }'
    prepared = prepare(ask(written), 'up "x" \u00e9', True)
    assert prepared.body == written.replace(b'"a/b"', '"up \\"x\\" \u00e9"'.encode())
    assert not prepared.hide_usage


def test_the_body_itself_goes_on_where_nothing_changes() -> None:
    written = body(stream=True, stream_options={"include_usage": True})
    prepared = prepare(ask(written), "a/b", True)
    assert prepared.body is written
    assert not prepared.hide_usage


@pytest.mark.parametrize(
    ("options", "after"),
    [
        (b"", b', "stream": true,"stream_options":{"include_usage":true}}'),
        (b', "stream_options": null', b', "stream": true, "stream_options": {"include_usage":true}}'),
        (b', "stream_options": { }', b', "stream": true, "stream_options": {"include_usage":true }}'),
        (
            b', "stream_options": {"include_usage": false, "x" : 1.0}',
            b', "stream": true, "stream_options": {"include_usage": true, "x" : 1.0}}',
        ),
        (
            b', "stream_options": {"include_obfuscation" : false }',
            b', "stream": true, "stream_options": {"include_obfuscation" : false,"include_usage":true }}',
        ),
    ],
)
def test_usage_is_asked_for_where_the_client_did_not(options: bytes, after: bytes) -> None:
    written = HEAD + b', "stream": true' + options + b"}"
    prepared = prepare(ask(written), "a/b", True)
    assert prepared.body == HEAD + after
    assert prepared.hide_usage


@pytest.mark.parametrize(
    ("fields", "want_usage"),
    [
        ({"stream": True}, False),
        ({"stream": False}, True),
        ({}, True),
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
        ({"stream": True, "stream_options": "all"}, True),
    ],
)
def test_usage_is_asked_for_in_streams_alone_and_only_where_wanted(fields: dict[str, Any], want_usage: bool) -> None:
    written = body(**fields)
    prepared = prepare(ask(written), "a/b", want_usage)
    assert prepared.body is written
    assert not prepared.hide_usage


def test_our_own_requests_are_read() -> None:
    for case in own("request.json"):
        written = (case / "request.json").read_bytes()
        request = json.loads(written)
        asked = ask(written)
        assert (asked.model, asked.stream) == (request["model"], request.get("stream", False))
        assert asked.usage_asked == ("stream_options" in request)


@NEEDS_TRAFFIC
def test_recorded_requests_are_read_and_changed_in_the_named_fields_alone() -> None:
    requests = [each.request for each in recorded() if each.request is not None and b'"model"' in each.request]
    assert len(requests) > 30
    for written in requests:
        before = json.loads(written)
        prepared = prepare(ask(written), "upstream-model", True)
        after = json.loads(prepared.body)
        assert after.pop("model") == "upstream-model"
        options = after.pop("stream_options", None)
        if before.get("stream"):
            assert options == (before.get("stream_options") or {}) | {"include_usage": True}
        before.pop("model")
        before.pop("stream_options", None)
        assert after == before


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_are_refused_and_nothing_else(written: bytes) -> None:
    refusal(written)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["include_usage", "x"]), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["model", "messages", "stream", "stream_options", "n"]), JSON), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_object_is_refused_or_can_be_prepared(fields: dict[str, Any], want_usage: bool) -> None:
    written = json.dumps({"model": "m", "messages": []} | fields).encode()
    try:
        asked = ask(written)
    except Malformed:
        return
    prepared = prepare(asked, "m2", want_usage)
    assert ask(prepared.body).model == "m2"
    assert prepare(asked, "m2", want_usage) == prepared
    assert not prepared.hide_usage or ask(prepared.body).usage_asked


def test_the_path_says_neither_model_nor_stream() -> None:
    assert {url("a-model", True), url("other", False)} == {"/chat/completions"}
