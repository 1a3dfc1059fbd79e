"""Takes requests and answers through codecs: read, written, read again, whole and streamed."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from omniroute.formats.adapt import adapt
from omniroute.formats.codec import Codec, Context, Place, Said, Terms
from omniroute.formats.stream import Decoder
from omniroute.ir.events import Event
from omniroute.ir.loss import Loss
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import GenerateResponse
from tests.support.corpus import MODEL, place_of

NOW = 1_763_000_000_123_456
"""Unix microseconds at which answers are written."""


def read_request(codec: Codec, body: bytes, place: Place) -> GenerateRequest:
    """Read a request's body."""
    return codec.read_request(codec.ask(body, place))


def dressed(codec: Codec, request: GenerateRequest, model: str = MODEL) -> tuple[bytes, tuple[Loss, ...]]:
    """Write a request's body as an upstream gets it, and what was lost."""
    assert codec.render_request is not None
    assert codec.dress is not None
    rendered = codec.render_request(request)
    return codec.dress(rendered.body, Terms(model)), rendered.losses


def passed(request: GenerateRequest, codec: Codec) -> tuple[GenerateRequest, GenerateRequest, tuple[Loss, ...]]:
    """Write a request in a format, and read it there; give it as it was written, as it was read, and the losses.

    Tools are adapted before, as they are on their way to an upstream: what that changes is its own law.
    """
    adapted = request if codec.tools is None else adapt(request, codec.tools).request
    body, losses = dressed(codec, adapted)
    return adapted, read_request(codec, body, place_of(codec, MODEL, stream=request.stream)), losses


def context(request: GenerateRequest, model: str = MODEL) -> Context:
    """Give what writing an answer to a request needs."""
    return Context(request, "request-1", model, NOW)


def answered(response: GenerateResponse, codec: Codec, asked: GenerateRequest) -> tuple[GenerateResponse, Said]:
    """Write an answer in a format, and read it there."""
    said = codec.render_response(response, context(asked))
    assert codec.answer(said.body).complaint is None, said.body
    return codec.read_response(said.body), said


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut bytes in pieces."""
    stops = sorted({place % (len(body) + 1) for place in places} | {0, len(body)})
    return [body[start:stop] for start, stop in pairwise(stops)]


def decoded(codec: Codec, pieces: Iterable[bytes]) -> list[Event]:
    """Read a stream."""
    decoder = Decoder(codec.splitter(), codec.reader())
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def encoded(codec: Codec, events: Sequence[Event], asked: GenerateRequest) -> tuple[bytes, tuple[Loss, ...]]:
    """Write a stream, and give what was lost."""
    encoder = codec.encoder(context(asked))
    body = b"".join([encoder.feed(event) for event in events])
    return body, tuple(encoder.losses)
