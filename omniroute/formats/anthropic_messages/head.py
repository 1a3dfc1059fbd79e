"""Reads the head of a Messages request, and writes into it what an upstream needs.

Source: Anthropic API reference, "Create a Message" (https://platform.claude.com/docs/en/api/messages/create).

Always true: only what routing needs is read; whatever else is in the body, right or wrong, is between the client and
the upstream, and reaches it unchanged.
"""

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Fields, Place, Prepared
from omniroute.formats.head import kind_of, read_head
from omniroute.formats.patch import patch

_STRING = msgspec.json.Decoder(str)


def url(model: str, stream: bool) -> str:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Give the path of the endpoint, which is the same for every model, streamed or not."""
    del model, stream
    return "/v1/messages"


def ask(body: bytes, place: Place) -> Asked:
    """Read what routing needs to know of a request body; the path says nothing in this format.

    Usage comes in every stream of this format, so it always counts as asked for.

    Raises:
        Malformed: the body is no JSON object, or ``model``, ``messages`` or ``stream`` is not what it must be.
    """
    del place
    fields = read_head(body)
    model = _model(body, fields)
    stream = "stream" in fields and _stream(body[fields["stream"]])
    _messages(body, fields)
    return Asked(model, stream, True, body, fields)


def prepare(asked: Asked, model: str, want_usage: bool) -> Prepared:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Write the upstream's name for the model into the body; usage comes anyway."""
    del want_usage
    if model == asked.model:
        return Prepared(asked.body)
    return Prepared(patch(asked.body, asked.fields, {"model": msgspec.json.encode(model)}))


def _model(body: bytes, fields: Fields) -> str:
    """Read ``model``: a string with something in it."""
    if "model" not in fields:
        raise Malformed('"model" is missing: name a model, an alias or a combo (GET /v1/models lists them)', "model")
    value = body[fields["model"]]
    if not value.startswith(b'"'):
        raise Malformed(f'"model" must be a string, and is {kind_of(value)}', "model")
    try:
        model = _STRING.decode(value)
    except msgspec.DecodeError:
        raise Malformed('"model" holds half of a surrogate pair, which is no character', "model") from None
    if not model:
        raise Malformed('"model" is empty: name a model, an alias or a combo (GET /v1/models lists them)', "model")
    return model


def _stream(value: bytes) -> bool:
    """Read ``stream``: a boolean or null; it is not streamed unless asked for."""
    if value not in {b"true", b"false", b"null"}:
        raise Malformed(f'"stream" must be true or false, and is {kind_of(value)}', "stream")
    return value == b"true"


def _messages(body: bytes, fields: Fields) -> None:
    """See that ``messages`` is an array."""
    if "messages" not in fields:
        raise Malformed('"messages" is missing: send the conversation as an array of messages', "messages")
    start = fields["messages"].start
    if not body.startswith(b"[", start):
        raise Malformed(f'"messages" must be an array, and is {kind_of(body[start : start + 1])}', "messages")
