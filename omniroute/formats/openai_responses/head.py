"""Reads the head of a Responses request, and writes into it what an upstream needs.

Source: OpenAI API reference, "Create a model response" (https://platform.openai.com/docs/api-reference/responses/create).

Always true: only what routing needs is read; whatever else is in the body, right or wrong, is between the client and
the upstream, and reaches it unchanged.
"""

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Place, Prepared
from omniroute.formats.head import kind_of, read_head
from omniroute.formats.patch import patch

PASSES = frozenset({b"openai-organization", b"openai-project", b"openai-beta"})
"""Request headers of the API reference that are between a client and OpenAI."""

_STRING = msgspec.json.Decoder(str)
_READ = ("model", "stream")


def url(_model: str, _stream: bool) -> str:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Give the path, which is the same for all."""
    return "/responses"


def ask(body: bytes, _place: Place) -> Asked:
    """Read what routing needs to know of a request body; usage is in every answer of this format.

    Raises:
        Malformed: the body is no JSON object, or ``model`` or ``stream`` is not what it must be.
    """
    fields = read_head(body)
    values = {name: body[fields[name]] for name in _READ if name in fields}
    model, stream = _model_of(values.get("model")), _stream_of(values.get("stream", b"null"))
    return Asked(model=model, stream=stream, usage_asked=True, body=body, fields=fields)


def prepare(asked: Asked, model: str, _want_usage: bool) -> Prepared:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Write the upstream's name for the model into the body."""
    if model == asked.model:
        return Prepared(asked.body)
    return Prepared(patch(asked.body, asked.fields, {"model": msgspec.json.encode(model)}))


def _model_of(value: bytes | None) -> str:
    """Read ``model``: a string with something in it."""
    if value is None:
        raise Malformed('"model" is missing: name a model, an alias or a combo (GET /v1/models lists them)', "model")
    if not value.startswith(b'"'):
        raise Malformed(f'"model" must be a string, and is {kind_of(value)}', "model")
    try:
        model = _STRING.decode(value)
    except msgspec.DecodeError:
        raise Malformed('"model" holds half of a surrogate pair, which is no character', "model") from None
    if not model:
        raise Malformed('"model" is empty: name a model, an alias or a combo (GET /v1/models lists them)', "model")
    return model


def _stream_of(value: bytes) -> bool:
    """Read ``stream``: a boolean or null."""
    if value not in {b"true", b"false", b"null"}:
        raise Malformed(f'"stream" must be true or false, and is {kind_of(value)}', "stream")
    return value == b"true"
