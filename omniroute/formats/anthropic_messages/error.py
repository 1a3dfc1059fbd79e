"""Says a failure in the words of this format.

Source: Anthropic's guide to errors (https://platform.claude.com/docs/en/api/errors): the shape of an error, its types
by HTTP status, and the event ``error`` of a stream.
"""

import msgspec

from omniroute.formats.codec import ErrorView

# literal table: status → type
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def render_error(view: ErrorView) -> bytes:
    """Write an error body, with what is ours under ``omniroute``: clients go by the status, and so does the type."""
    error = {
        "type": _type(view.status),
        "message": view.message,
        "omniroute": {
            "code": view.code,
            "param": view.param,
            "request_id": view.request_id,
            "attempts": view.attempts,
        },
    }
    return msgspec.json.encode({"type": "error", "error": error, "request_id": view.request_id})


def render_error_event(view: ErrorView) -> bytes:
    """Write the last record of a stream that broke; no ``message_stop`` follows, because the answer is not complete."""
    return b"event: error\ndata: " + render_error(view) + b"\n\n"


def _type(status: int) -> str:
    """Give the error type that goes with a status."""
    return TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
