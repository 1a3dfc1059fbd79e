"""Reads the head of a completions request, and writes into it what an upstream needs.

Source: OpenAI API reference, "Create completion" (https://platform.openai.com/docs/api-reference/completions/create).
``stream`` is false where it is missing; ``prompt`` may be missing as well.

Always true: only what routing needs is read; whatever else is in the body is between the client and the upstream.
"""

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Fields, Place, Prepared
from omniroute.formats.head import kind_of, read_head
from omniroute.formats.patch import patch

_STRING = msgspec.json.Decoder(str)
_INCLUDE_USAGE = {"include_usage": b"true"}


def url(_model: str, _stream: bool) -> str:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Give the path, behind a base URL that ends in the version."""
    return "/completions"


def ask(body: bytes, _place: Place) -> Asked:
    """Read what routing needs to know of a request body; the path says nothing in this format.

    Raises:
        Malformed: the body is no JSON object, or ``model`` or ``stream`` is not what it must be.
    """
    fields = read_head(body)
    stream = _value(body, fields, "stream")
    if stream not in {b"true", b"false", b"null"}:
        raise Malformed(f'"stream" must be true or false, and is {kind_of(stream)}', "stream")
    return Asked(
        model=_model(_value(body, fields, "model")),
        stream=stream == b"true",
        usage_asked=stream == b"true" and _usage_asked(_value(body, fields, "stream_options")),
        body=body,
        fields=fields,
    )


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
        options = _value(asked.body, asked.fields, "stream_options")
        options = b"{}" if options == b"null" else options
        changes["stream_options"] = patch(options, read_head(options, '"stream_options"'), _INCLUDE_USAGE)
    return Prepared(patch(asked.body, asked.fields, changes) if changes else asked.body, hide_usage)


def _value(body: bytes, fields: Fields, name: str) -> bytes:
    """Give a field's value as it is written; ``null`` where there is none."""
    return body[fields[name]] if name in fields else b"null"


def _model(value: bytes) -> str:
    """Read ``model``: a string with something in it."""
    if value == b"null":
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


def _usage_asked(options: bytes) -> bool:
    """See whether the client wants usage itself; a shape that is not documented counts as its own wish."""
    if options == b"null":
        return False
    if not options.startswith(b"{"):
        return True
    fields = read_head(options, '"stream_options"')
    return _value(options, fields, "include_usage") not in {b"false", b"null"}
