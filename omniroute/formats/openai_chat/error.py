"""Says a failure in the words of this format.

Source: OpenAI's guide to error codes (https://platform.openai.com/docs/guides/error-codes) and the error object of
its API reference.
"""

import msgspec

from omniroute.formats.codec import ErrorView
from omniroute.ir.complaint import Complaint

# literal table
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def render_error(view: ErrorView) -> bytes:
    """Write an error body: OpenAI's error object, with what is ours under ``omniroute``.

    Of an upstream's complaint about the request itself (4xx), type, parameter and code are kept: clients read them.
    """
    said = view.complaint if view.complaint is not None and 400 <= view.status < 500 else Complaint()
    error = {
        "message": view.message,
        "type": said.type or _type(view.status),
        "param": said.param or view.param,
        "code": said.code or view.code,
        "omniroute": {"code": view.code, "request_id": view.request_id, "attempts": view.attempts},
    }
    return msgspec.json.encode({"error": error})


def render_error_event(view: ErrorView) -> bytes:
    """Write the last record of a stream that broke; no ``[DONE]`` follows it, because the answer is not complete."""
    return b"data: " + render_error(view) + b"\n\n"


def _type(status: int) -> str:
    """Give the error type that OpenAI uses with a status."""
    return _TYPES.get(status) or ("invalid_request_error" if status < 500 else "server_error")
