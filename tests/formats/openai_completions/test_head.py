"""The head of a request: what routing needs, the upstream's name for the model, and the wish for usage."""

import json

import pytest

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Place
from omniroute.formats.openai_completions.head import ask, prepare, url


def asked(**more: object) -> Asked:
    return ask(json.dumps({"model": "m", "prompt": "p", **more}).encode(), Place())


@pytest.mark.parametrize(("value", "stream"), [(None, False), (False, False), (True, True)])
def test_an_answer_comes_whole_unless_the_client_says_otherwise(value: bool | None, stream: bool) -> None:
    assert asked(stream=value).stream is stream
    assert not asked().stream


def test_the_path_says_nothing() -> None:
    assert url("a", True) == url("b", False) == "/completions"
    assert ask(b'{"model": "m"}', Place("other", True)) == ask(b'{"model": "m"}', Place())


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "model"),
        (b'{"model": []}', "model"),
        (b'{"model": ""}', "model"),
        (b'{"model": "\\ud83d"}', "model"),
        (b'{"model": "m", "stream": 1}', "stream"),
    ],
)
def test_what_routing_cannot_understand_is_malformed(body: bytes, param: str) -> None:
    with pytest.raises(Malformed) as raised:
        ask(body, Place())
    assert raised.value.param == param


@pytest.mark.parametrize(
    ("options", "wish"),
    [
        (None, False),
        ({}, False),
        ({"include_usage": False}, False),
        ({"include_usage": None}, False),
        ({"include_usage": True}, True),
        ([], True),
    ],
)
def test_the_wish_for_usage_is_read_of_streams(options: object, wish: bool) -> None:
    assert asked(stream=True, stream_options=options).usage_asked is wish
    assert not asked(stream_options=options).usage_asked


def test_only_the_models_name_changes() -> None:
    request = asked()
    assert prepare(request, "m", True).body == request.body
    assert prepare(request, "n", True).body == request.body.replace(b'"m"', b'"n"')


@pytest.mark.parametrize("options", [None, {}, {"other": 1, "include_usage": False}])
def test_usage_is_asked_for_and_hidden_where_the_client_did_not_want_it(options: dict[str, object] | None) -> None:
    prepared = prepare(asked(stream=True, stream_options=options), "m", True)
    assert json.loads(prepared.body)["stream_options"] == {**(options or {}), "include_usage": True}
    assert prepared.hide_usage


def test_usage_is_not_asked_for_where_it_is_not_wanted_or_was_asked_for() -> None:
    for request in (asked(stream=True, stream_options={"include_usage": True}), asked()):
        assert prepare(request, "m", True).body == request.body
        assert not prepare(request, "m", True).hide_usage
    request = asked(stream=True)
    assert prepare(request, "m", False).body == request.body
    assert "stream_options" in json.loads(prepare(request, "m", True).body)
