"""Says a failure in the words of this format.

Source: OpenAI's guide to error codes (https://platform.openai.com/docs/guides/error-codes), the error object of its API
reference, and the event ``response.failed`` with the codes of ``response.error``.
"""

from typing import Any

import msgspec

from omniroute.formats.codec import ErrorView
from omniroute.ir.complaint import Complaint

# literal table
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def render_error(view: ErrorView) -> bytes:
    """Write an error body: OpenAI's error object, with what is ours under ``omniroute``.

    Of an upstream's complaint about the request itself (4xx), type, parameter and code are kept: clients read them.
    """
    return msgspec.json.encode({"error": _error(view)})


def render_error_event(view: ErrorView) -> bytes:
    """Write the last record of a stream that broke.

    It is the documented ``response.failed``, which clients of the event stream understand, with the error at its top
    as well: OpenAI's SDKs raise an exception for a record that has ``error`` there, and for no other. Its place in the
    sequence is not known here and is left out.
    """
    error = _error(view)
    code = _said(view).code or ("rate_limit_exceeded" if view.status == 429 else "server_error")
    response = {
        "id": view.request_id,
        "object": "response",
        "created_at": 0,
        "status": "failed",
        "error": {"code": code, "message": view.message},
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    record = {"type": "response.failed", "response": response, "error": error}
    return b"event: response.failed\ndata: " + msgspec.json.encode(record) + b"\n\n"


def _error(view: ErrorView) -> dict[str, Any]:
    """Write OpenAI's error object."""
    said = _said(view)
    return {
        "message": view.message,
        "type": said.type or _type(view.status),
        "param": said.param or view.param,
        "code": said.code or view.code,
        "omniroute": {"code": view.code, "request_id": view.request_id, "attempts": view.attempts},
    }


def _said(view: ErrorView) -> Complaint:
    """Give an upstream's complaint about the request itself."""
    return view.complaint if view.complaint is not None and 400 <= view.status < 500 else Complaint()


def _type(status: int) -> str:
    """Give the error type that OpenAI uses with a status."""
    return _TYPES.get(status) or ("invalid_request_error" if status < 500 else "server_error")
