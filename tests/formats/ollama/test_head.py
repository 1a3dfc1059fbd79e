"""The head of a request: what routing needs, and the upstream's name for the model."""

import json

import pytest

from omniroute.errors import Malformed
from omniroute.formats.codec import Place
from omniroute.formats.ollama.head import ask, prepare, url

BODY = b'{ "model": "llama3", "messages": [], "n": 1.50 }'


@pytest.mark.parametrize(
    ("more", "stream"),
    [({}, True), ({"stream": None}, True), ({"stream": True}, True), ({"stream": False}, False)],
)
def test_an_answer_streams_unless_the_client_says_otherwise(more: dict[str, object], stream: bool) -> None:
    asked = ask(json.dumps({"model": "llama3", **more}).encode(), Place())
    assert (asked.model, asked.stream, asked.usage_asked) == ("llama3", stream, True)


def test_the_path_says_nothing() -> None:
    assert url("any", True) == url("other", False) == "/api/chat"
    assert ask(BODY, Place("other", False)).model == "llama3"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"[]", None),
        (b"{}", "model"),
        (b'{"model": 1}', "model"),
        (b'{"model": ""}', "model"),
        (b'{"model": "\\ud83d"}', "model"),
        (b'{"model": "m", "stream": "yes"}', "stream"),
        (b'{"model": "m", "messages": {}}', "messages"),
    ],
)
def test_what_routing_cannot_understand_is_malformed(body: bytes, param: str | None) -> None:
    with pytest.raises(Malformed) as raised:
        ask(body, Place())
    assert raised.value.param == param


def test_only_the_models_name_changes() -> None:
    asked = ask(BODY, Place())
    assert prepare(asked, "llama3", True).body == BODY
    prepared = prepare(asked, "llama3:70b", True)
    assert prepared.body == BODY.replace(b'"llama3"', b'"llama3:70b"')
    assert not prepared.hide_usage
