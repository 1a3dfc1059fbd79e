"""Reads the head of a chat request, and writes into it the upstream's name for the model.

Source: Ollama API reference, "Generate a chat completion" (https://docs.ollama.com/api/chat). ``stream`` is true where
it is missing. ``messages`` may be missing: such a request loads or unloads a model.

Always true: only what routing needs is read; whatever else is in the body is between the client and the upstream.
"""

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Place, Prepared
from omniroute.formats.head import kind_of, read_head
from omniroute.formats.patch import patch

_STRING = msgspec.json.Decoder(str)
_READ = ("model", "messages", "stream")


def url(_model: str, _stream: bool) -> str:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Give the path of a chat, behind the origin."""
    return "/api/chat"


def ask(body: bytes, _place: Place) -> Asked:
    """Read what routing needs to know of a request body; the path says nothing in this format.

    Raises:
        Malformed: the body is no JSON object, or ``model``, ``messages`` or ``stream`` is not what it must be.
    """
    fields = read_head(body)
    values = {name: body[fields[name]] for name in _READ if name in fields}
    messages = values.get("messages", b"null")
    if messages != b"null" and not messages.startswith(b"["):
        raise Malformed(f'"messages" must be an array, and is {kind_of(messages)}', "messages")
    return Asked(
        model=_model(values.get("model")),
        stream=_stream(values.get("stream", b"null")),
        usage_asked=True,
        body=body,
        fields=fields,
    )


def prepare(asked: Asked, model: str, _want_usage: bool) -> Prepared:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Write the upstream's name for the model into the body; usage comes unasked."""
    changes = {} if model == asked.model else {"model": msgspec.json.encode(model)}
    return Prepared(patch(asked.body, asked.fields, changes) if changes else asked.body)


def _model(value: bytes | None) -> str:
    """Read ``model``: a string with something in it."""
    if value is None:
        raise Malformed('"model" is missing: name a model, an alias or a combo (GET /api/tags lists them)', "model")
    if not value.startswith(b'"'):
        raise Malformed(f'"model" must be a string, and is {kind_of(value)}', "model")
    try:
        model = _STRING.decode(value)
    except msgspec.DecodeError:
        raise Malformed('"model" holds half of a surrogate pair, which is no character', "model") from None
    if not model:
        raise Malformed('"model" is empty: name a model, an alias or a combo (GET /api/tags lists them)', "model")
    return model


def _stream(value: bytes) -> bool:
    """Read ``stream``: a boolean or null; true by default."""
    if value not in {b"true", b"false", b"null"}:
        raise Malformed(f'"stream" must be true or false, and is {kind_of(value)}', "stream")
    return value != b"false"
