"""The head of a request, and where it is sent."""

import pytest

from omniroute.errors import Malformed
from omniroute.formats.codec import Place
from omniroute.formats.gemini.head import ask, prepare, url
from omniroute.formats.gemini.parts_read import DUMMY
from omniroute.ir.parts import Signature
from omniroute.ir.signatures import pack
from omniroute.names import Format

BODY = b'{ "contents" : [ ] , "x": 1.0 }'


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-pro", "models/gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "models/gemini-2.5-pro"),
        ("tunedModels/mine-1", "tunedModels/mine-1"),
        ("publishers/google/models/g", "publishers/google/models/g"),
        ("vendor/a model", "models/vendor/a%20model"),
        ("a?b#c", "models/a%3Fb%23c"),
        ("../secret", "models/..%2Fsecret"),
        ("projects/../x", "models/projects%2F..%2Fx"),
        ("a//b", "models/a%2F%2Fb"),
    ],
)
def test_a_models_name_becomes_its_path(model: str, path: str) -> None:
    assert url(model, False) == f"/{path}:generateContent"
    assert url(model, True) == f"/{path}:streamGenerateContent?alt=sse"


def test_model_and_stream_are_what_the_path_says_and_the_body_stays_as_it_is() -> None:
    found = ask(BODY, Place("models/m", True))
    assert (found.model, found.stream, found.usage_asked, found.body) == ("m", True, True, BODY)
    assert ask(BODY, Place("m")).stream is False
    assert prepare(found, "another", True).body == BODY


@pytest.mark.parametrize("contents", [b"[]", b"{}", b'"hi"'])
def test_contents_may_be_one_or_a_string(contents: bytes) -> None:
    assert ask(b'{"contents":%s}' % contents, Place("m")).model == "m"


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        (BODY, Place(), "the path names no model"),
        (b"{}", Place("m"), '"contents" is missing'),
        (b'{"contents":null}', Place("m"), '"contents" is missing'),
        (b'{"contents":3}', Place("m"), '"contents" must be an array, and is a number'),
        (b"[]", Place("m"), "must be a JSON object"),
    ],
)
def test_what_routing_cannot_do_without_is_demanded(body: bytes, place: Place, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        ask(body, place)


@pytest.mark.parametrize("name", ["thoughtSignature", "thought_signature"])
def test_a_signature_that_was_packed_for_a_client_never_reaches_a_provider(name: str) -> None:
    packed = pack(Signature(Format.ANTHROPIC_MESSAGES, "sig"), Format.GEMINI)
    body = b'{"contents":[{"parts":[{"text":"a","%s" : "%s"}, {"text":"%s"}]}]}'
    given = body % (name.encode(), packed.encode(), packed.encode())
    prepared = prepare(ask(given, Place("m")), "m", False).body
    assert prepared == body % (name.encode(), DUMMY.encode(), packed.encode())
