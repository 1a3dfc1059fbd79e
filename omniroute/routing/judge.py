"""An upstream's answer → what kind of failure it is, by rules only.

Always true: the HTTP status speaks first, then a structured code or type; nobody searches prose. The codes are
those that providers document: OpenAI (https://platform.openai.com/docs/guides/error-codes), Anthropic
(https://docs.anthropic.com/en/api/errors) and Google (https://ai.google.dev/gemini-api/docs/troubleshooting).
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from omniroute.ir.complaint import Complaint
from omniroute.names import FailureKind

# literal tables
BY_STATUS: dict[int, FailureKind] = {
    400: FailureKind.INVALID,
    401: FailureKind.AUTH,
    402: FailureKind.QUOTA,
    403: FailureKind.AUTH,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    413: FailureKind.CONTEXT,
    422: FailureKind.INVALID,
    429: FailureKind.BUSY,
    504: FailureKind.TIMEOUT,
    529: FailureKind.BUSY,
}
BY_CODE: dict[str, FailureKind] = {
    "context_length_exceeded": FailureKind.CONTEXT,
    "request_too_large": FailureKind.CONTEXT,
    "content_filter": FailureKind.REFUSED,
    "content_policy_violation": FailureKind.REFUSED,
    "moderation_blocked": FailureKind.REFUSED,
    "insufficient_quota": FailureKind.QUOTA,
    "billing_hard_limit_reached": FailureKind.QUOTA,
    "model_not_found": FailureKind.NOT_FOUND,
    "invalid_api_key": FailureKind.AUTH,
    "authentication_error": FailureKind.AUTH,
    "permission_error": FailureKind.AUTH,
    "rate_limit_exceeded": FailureKind.BUSY,
    "rate_limit_error": FailureKind.BUSY,
    "overloaded_error": FailureKind.BUSY,
    "server_is_overloaded": FailureKind.BUSY,
    "not_found_error": FailureKind.NOT_FOUND,
    "billing_error": FailureKind.QUOTA,
    "timeout_error": FailureKind.TIMEOUT,
    "INVALID_ARGUMENT": FailureKind.INVALID,
    "FAILED_PRECONDITION": FailureKind.INVALID,
    "UNAUTHENTICATED": FailureKind.AUTH,
    "PERMISSION_DENIED": FailureKind.AUTH,
    "NOT_FOUND": FailureKind.NOT_FOUND,
    "RESOURCE_EXHAUSTED": FailureKind.BUSY,
    "DEADLINE_EXCEEDED": FailureKind.TIMEOUT,
    "invalid_request_error": FailureKind.INVALID,
}
SHARPER: dict[FailureKind, frozenset[FailureKind]] = {
    FailureKind.INVALID: frozenset(
        {FailureKind.CONTEXT, FailureKind.REFUSED, FailureKind.NOT_FOUND, FailureKind.AUTH, FailureKind.QUOTA}
    ),
    FailureKind.AUTH: frozenset({FailureKind.QUOTA, FailureKind.REFUSED}),
    FailureKind.BUSY: frozenset({FailureKind.QUOTA}),
}
"""What a structured code may make of what the status said; a code never overrides a contrary status."""

LONGEST_WAIT = 86_400.0
"""A day: what an upstream asks for beyond that is not believed."""


def kind_of(status: int, complaint: Complaint) -> FailureKind:
    """Name the failure that an error status, with what was said in its body, means."""
    by_status = _by_status(status)
    by_code = _by_code(complaint)
    if by_code is not None and by_code in SHARPER.get(by_status, frozenset()):
        return by_code
    return by_status


def kind_of_complaint(complaint: Complaint) -> FailureKind:
    """Name the failure that an error inside an answer of status 200 means: its own status, else its code."""
    if complaint.status is not None and complaint.status >= 400:
        return kind_of(complaint.status, complaint)
    return _by_code(complaint) or FailureKind.DOWN


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read ``Retry-After`` (RFC 9110 §10.2.3): seconds, or a date measured against ``now`` (Unix seconds)."""
    written = headers.get("retry-after")
    if written is None:
        return None
    seconds = written.strip()
    if seconds.isascii() and seconds.isdigit():
        return min(float(seconds), LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(written)
    except ValueError:
        return None
    wait = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    return min(max(0.0, wait), LONGEST_WAIT)


def _by_status(status: int) -> FailureKind:
    """Give the kind of a status; what is not listed is the request's fault below 500, and the server's above."""
    listed = BY_STATUS.get(status)
    if listed is not None:
        return listed
    return FailureKind.INVALID if 400 <= status < 500 else FailureKind.DOWN


def _by_code(complaint: Complaint) -> FailureKind | None:
    """Give the kind of a structured code, or of a type where the code says nothing."""
    return BY_CODE.get(complaint.code or "") or BY_CODE.get(complaint.type or "")
