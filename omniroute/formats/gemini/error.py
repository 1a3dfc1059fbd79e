"""Says a failure in the words of this format.

Source: Google Cloud API design guide, "Errors" (https://cloud.google.com/apis/design/errors): the HTTP status, a
message, the name of a ``google.rpc.Code``, and details, each an object with its type.
"""

from typing import Any

from omniroute.formats.codec import ErrorView
from omniroute.formats.gemini.wire import encode
from omniroute.ir.complaint import Complaint

# literal tables
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    416: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_CODES = frozenset({*_STATUSES.values(), "FAILED_PRECONDITION", "ALREADY_EXISTS", "DATA_LOSS", "UNKNOWN"})
_TYPE = "type.omniroute/error"


def render_error(view: ErrorView) -> bytes:
    """Write an error body, with what is ours as one of its details.

    Of an upstream's complaint about the request itself (4xx) the status's name is kept where it is one of this format.
    """
    said = view.complaint if view.complaint is not None and 400 <= view.status < 500 else Complaint()
    detail: dict[str, Any] = {
        "@type": _TYPE,
        "code": view.code,
        "requestId": view.request_id,
        "attempts": view.attempts,
    }
    param = said.param or view.param
    if param:
        detail["param"] = param
    error = {
        "code": view.status,
        "message": view.message,
        "status": said.type if said.type in _CODES else _status(view.status),
        "details": [detail],
    }
    return encode({"error": error})


def render_error_event(view: ErrorView) -> bytes:
    """Write the end of a stream that broke: the error as a record, and as bare JSON behind it.

    Google's client for Python raises on the former; its client for JavaScript passes over records that are errors, and
    raises on bytes at the end that are no record.
    """
    error = render_error(view)
    return b"data: " + error + b"\r\n\r\n" + error + b"\n"


def render_error_element(view: ErrorView) -> bytes:
    """Write the end of an array that broke: the error is its last element."""
    return b"\n,\r\n" + render_error(view) + b"\n]\n"


def _status(status: int) -> str:
    """Give the name that goes with an HTTP status."""
    return _STATUSES.get(status) or ("INVALID_ARGUMENT" if status < 500 else "INTERNAL")
