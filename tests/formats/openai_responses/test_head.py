"""What routing reads of a request, and what an upstream gets."""

import pytest

from omniroute.errors import Malformed
from omniroute.formats.codec import Place, Prepared
from omniroute.formats.openai_responses import CODEC
from omniroute.formats.openai_responses.head import ask, prepare, url


def test_the_head_is_read() -> None:
    asked = ask(b'{"model":"m","stream":true,"input":7}', Place())
    assert (asked.model, asked.stream, asked.usage_asked) == ("m", True, True)
    for body in (b'{"model":"m"}', b'{"model":"m","stream":null}', b'{"model":"m","stream":false}'):
        assert not ask(body, Place()).stream


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "must be a JSON object"),
        (b"{}", '"model" is missing'),
        (b'{"model":7}', '"model" must be a string, and is a number'),
        (b'{"model":""}', '"model" is empty'),
        (b'{"model":"\\ud83d"}', "half of a surrogate pair"),
        (b'{"model":"m","stream":1}', '"stream" must be true or false, and is a number'),
    ],
)
def test_a_head_that_routing_cannot_use_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        ask(body, Place())


def test_only_the_models_name_is_changed() -> None:
    body = b'{ "stream" : true, "model": "m", "x": 1.0 }'
    assert prepare(ask(body, Place()), "m", True) == Prepared(body)
    assert prepare(ask(body, Place()), "up", True) == Prepared(b'{ "stream" : true, "model": "up", "x": 1.0 }')


def test_every_model_is_asked_at_one_place() -> None:
    assert url("a", True) == url("b", False) == "/responses"
    assert b"openai-beta" in CODEC.passes
