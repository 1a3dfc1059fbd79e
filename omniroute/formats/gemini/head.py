"""Reads the head of a request; says where one is sent.

Source: Gemini API reference, "Generating content" (https://ai.google.dev/api/generate-content).

Always true: model and method stand in the path, so the body reaches an upstream of this format as it came.
"""

import re
from urllib.parse import quote

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Place, Prepared
from omniroute.formats.gemini.parts_read import DUMMY, MARKED
from omniroute.formats.head import kind_of, read_head

_PREFIX = "models/"
_NAMED_WHOLE = ("tunedModels", "publishers", "projects")
"""How the names of models begin that are not in the collection ``models``."""

_FOREIGN = re.compile(rb'("thought(?:S|_s)ignature"\s*:\s*")' + MARKED.encode() + rb'[^"]*')

PASSES = frozenset(
    {
        b"x-goog-api-client",
        b"x-goog-user-project",
        b"x-goog-request-reason",
        b"x-server-timeout",
        b"x-vertex-ai-llm-request-type",
        b"x-vertex-ai-llm-shared-request-type",
    }
)
"""Google's system parameters (https://cloud.google.com/apis/docs/system-parameters) but those that name a model, its
clients' deadline, and the headers of its provisioned throughput."""


def resource(model: str) -> str:
    """Give a model's resource name, percent-encoded: ``models/NAME``, or the whole name where it has another root."""
    name = model.removeprefix(_PREFIX)
    steps = name.split("/")
    if any(step in {"", ".", ".."} for step in steps):
        return _PREFIX + quote(name, safe="", errors="replace")
    path = quote(name, safe="/:@", errors="replace")
    return path if len(steps) > 1 and steps[0] in _NAMED_WHOLE else _PREFIX + path


def url(model: str, stream: bool) -> str:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Give what is appended to a base URL, which ends with the API's version."""
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/{resource(model)}:{method}"


def ask(body: bytes, place: Place) -> Asked:
    """Read what routing needs to know of a request; model and method are what its path said.

    Raises:
        Malformed: the path names no model, the body is no JSON object, or ``contents`` is not what it must be.
    """
    model = (place.model or "").removeprefix(_PREFIX)
    if not model:
        raise Malformed("the path names no model: send to models/{model}:generateContent", "model")
    fields = read_head(body)
    contents = body[fields["contents"]] if "contents" in fields else b"null"
    if contents == b"null":
        raise Malformed('"contents" is missing: send the conversation as an array of contents', "contents")
    if contents[:1] not in {b"[", b"{", b'"'}:
        raise Malformed(f'"contents" must be an array, and is {kind_of(contents)}', "contents")
    return Asked(model=model, stream=bool(place.stream), usage_asked=True, body=body, fields=fields)


def prepare(asked: Asked, model: str, want_usage: bool) -> Prepared:  # noqa: FBT001 - codec.Codec's shape
    """Give the body as it is: the model stands in the path, and every answer carries its usage.

    Only a signature that a gateway gave the client for another format's (``ir.signatures``), which no provider of this
    format would take, gives way to the one that is documented for such calls.
    """
    return Prepared(_FOREIGN.sub(rb"\1" + DUMMY.encode(), asked.body) if MARKED.encode() in asked.body else asked.body)
