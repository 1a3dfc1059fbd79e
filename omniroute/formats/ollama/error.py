"""Says a failure in the words of this format.

Source: Ollama API reference, "Errors" (https://docs.ollama.com/api/errors): an object with one string, ``error``, as
the body of a failed request and as the last line of a stream that broke. The official clients raise on both; members
beside it they pass over, so what is ours stands there.
"""

import msgspec

from omniroute.formats.codec import ErrorView


def render_error(view: ErrorView) -> bytes:
    """Write an error body."""
    ours = {"code": view.code, "request_id": view.request_id, "attempts": view.attempts}
    return msgspec.json.encode({"error": view.message, "omniroute": ours})


def render_error_event(view: ErrorView) -> bytes:
    """Write the last line of a stream that broke; none with ``done`` follows it."""
    return render_error(view) + b"\n"
