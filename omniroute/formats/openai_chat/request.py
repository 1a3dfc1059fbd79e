"""Reads the head of a Chat Completions request, and writes into it what an upstream needs.

Source: OpenAI API reference, "Create chat completion" (https://platform.openai.com/docs/api-reference/chat/create).

Always true: only what routing needs is read; whatever else is in the body, right or wrong, is between the client and
the upstream, and reaches it unchanged.
"""

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Fields, Place, Prepared
from omniroute.formats.head import kind_of, read_head
from omniroute.formats.patch import patch

_STRING = msgspec.json.Decoder(str)
_INCLUDE_USAGE = {"include_usage": b"true"}


def url(_model: str, _stream: bool) -> str:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Give what is appended to a base URL; the body says the model, and whether to stream."""
    return "/chat/completions"


def ask(body: bytes, _place: Place) -> Asked:
    """Read what routing needs to know of a request body; the path says nothing.

    Raises:
        Malformed: the body is no JSON object, or ``model``, ``messages`` or ``stream`` is not what it must be.
    """
    fields = read_head(body)
    model = _model(body, fields)
    stream = "stream" in fields and _stream(body[fields["stream"]])
    _messages(body, fields)
    usage_asked = stream and "stream_options" in fields and _usage_asked(body[fields["stream_options"]])
    return Asked(model, stream, usage_asked, body, fields)


def prepare(asked: Asked, model: str, want_usage: bool) -> Prepared:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Write the upstream's name for the model into the body; ask for usage where it is wanted and was not asked for.

    Usage is asked for by ``stream_options.include_usage``, which only a streamed request may carry. Where the client
    sent a ``stream_options`` that has another shape than the documented one, it stays as it is.
    """
    changes: dict[str, bytes] = {}
    if model != asked.model:
        changes["model"] = msgspec.json.encode(model)
    hide_usage = asked.stream and want_usage and not asked.usage_asked
    if hide_usage:
        changes["stream_options"] = _with_usage(asked)
    return Prepared(patch(asked.body, asked.fields, changes) if changes else asked.body, hide_usage)


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
    """Read ``stream``: a boolean or null."""
    if value not in {b"true", b"false", b"null"}:
        raise Malformed(f'"stream" must be true or false, and is {kind_of(value)}', "stream")
    return value == b"true"


def _messages(body: bytes, fields: Fields) -> None:
    """See that ``messages`` is an array; what is in it, the upstream judges."""
    if "messages" not in fields:
        raise Malformed('"messages" is missing: send the conversation as an array of messages', "messages")
    start = fields["messages"].start
    if not body.startswith(b"[", start):
        raise Malformed(f'"messages" must be an array, and is {kind_of(body[start : start + 1])}', "messages")


def _usage_asked(options: bytes) -> bool:
    """See whether the client wants usage itself; a shape that is not documented counts as its own wish."""
    if options == b"null":
        return False
    if not options.startswith(b"{"):
        return True
    where = _options(options).get("include_usage")
    return where is not None and options[where] not in {b"false", b"null"}


def _with_usage(asked: Asked) -> bytes:
    """Give the request's ``stream_options`` with ``include_usage`` set, and all else in it as it was."""
    where = asked.fields.get("stream_options")
    options = b"null" if where is None else asked.body[where]
    if options == b"null":
        return patch(b"{}", {}, _INCLUDE_USAGE)
    return patch(options, _options(options), _INCLUDE_USAGE)


def _options(options: bytes) -> Fields:
    """Find the fields of ``stream_options``."""
    return read_head(options, '"stream_options"')
