"""The head of a request: what routing needs of it, and what is written into it."""

import pytest

from omniroute.errors import Malformed
from omniroute.formats.anthropic_messages.head import ask, prepare, url
from omniroute.formats.codec import Place

BODY = b'{ "messages" : [],"model":"m", "temperature":1.0 ,"x":1}'


def test_the_head_is_read_and_the_rest_is_let_be() -> None:
    asked = ask(BODY, Place())
    assert (asked.model, asked.stream, asked.usage_asked, asked.body) == ("m", False, True, BODY)


@pytest.mark.parametrize(("written", "stream"), [(b"true", True), (b"false", False), (b"null", False)])
def test_stream_is_false_unless_asked_for(written: bytes, stream: bool) -> None:
    assert ask(b'{"model":"m","messages":[],"stream":%b}' % written, Place()).stream is stream


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"[]", None),
        (b'{"messages":[]}', "model"),
        (b'{"messages":[],"model":7}', "model"),
        (b'{"messages":[],"model":""}', "model"),
        (b'{"messages":[],"model":"\\ud800"}', "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":"hi"}', "messages"),
        (b'{"model":"m","messages":[],"stream":1}', "stream"),
        (b'{"model":"m","messages":[],"model":"n"}', "model"),
    ],
)
def test_a_head_that_cannot_be_routed_is_refused_by_name(body: bytes, param: str | None) -> None:
    with pytest.raises(Malformed) as raised:
        ask(body, Place())
    assert raised.value.param == param


def test_only_the_models_name_is_changed() -> None:
    asked = ask(BODY, Place())
    assert prepare(asked, "m", True).body is asked.body
    prepared = prepare(asked, 'up"stream', True)
    assert prepared.body == BODY.replace(b'"m"', b'"up\\"stream"')
    assert not prepared.hide_usage


def test_the_path_is_the_same_for_every_model() -> None:
    assert url("a", True) == url("b", False) == "/v1/messages"
