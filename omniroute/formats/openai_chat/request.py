"""Reads the head of a Chat Completions request, and writes into it what an upstream needs.

Source: OpenAI API reference, "Create chat completion" (https://platform.openai.com/docs/api-reference/chat/create).

Always true: only what routing needs is read; whatever else is in the body, right or wrong, is between the client and
the upstream, and reaches it unchanged.
"""

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Field, Place, Prepared
from omniroute.formats.head import kind_of, read_head
from omniroute.formats.patch import patch

_STRING = msgspec.json.Decoder(str)
_READ = frozenset({"model", "messages", "stream", "stream_options"})
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
    values = {field.name: body[field.start : field.end] for field in fields if field.name in _READ}
    model = _model(values.get("model"))
    stream = _stream(values.get("stream", b"null"))
    _messages(values.get("messages"))
    usage_asked = stream and _usage_asked(values.get("stream_options", b"null"))
    return Asked(model=model, stream=stream, usage_asked=usage_asked, body=body, fields=fields)


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


def _model(value: bytes | None) -> str:
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


def _stream(value: bytes) -> bool:
    """Read ``stream``: a boolean or null."""
    if value not in {b"true", b"false", b"null"}:
        raise Malformed(f'"stream" must be true or false, and is {kind_of(value)}', "stream")
    return value == b"true"


def _messages(value: bytes | None) -> None:
    """See that ``messages`` is an array; what is in it, the upstream judges."""
    if value is None:
        raise Malformed('"messages" is missing: send the conversation as an array of messages', "messages")
    if not value.startswith(b"["):
        raise Malformed(f'"messages" must be an array, and is {kind_of(value)}', "messages")


def _usage_asked(options: bytes) -> bool:
    """See whether the client wants usage itself; a shape that is not documented counts as its own wish."""
    if options == b"null":
        return False
    if not options.startswith(b"{"):
        return True
    for field in _options(options):
        if field.name == "include_usage":
            return options[field.start : field.end] not in {b"false", b"null"}
    return False


def _with_usage(asked: Asked) -> bytes:
    """Give the request's ``stream_options`` with ``include_usage`` set, and all else in it as it was."""
    for field in asked.fields:
        options = asked.body[field.start : field.end]
        if field.name == "stream_options" and options != b"null":
            return patch(options, _options(options), _INCLUDE_USAGE)
    return patch(b"{}", (), _INCLUDE_USAGE)


def _options(options: bytes) -> tuple[Field, ...]:
    """Find the fields of ``stream_options``."""
    return read_head(options, '"stream_options"')
