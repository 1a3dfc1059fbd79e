"""What a client is told beside the answer itself: headers, and errors in its own dialect.

Always true: every error names our stable code and the request, and every failed attempt; what an upstream said of
the request itself is kept in its own words, because clients know how to read those.
"""

from typing import Protocol, runtime_checkable
from urllib.parse import quote

from omniroute.engine.limit_headers import retry_headers
from omniroute.engine.record import Record
from omniroute.engine.terms import Headers
from omniroute.errors import Malformed, OmniRouteError, RateLimited
from omniroute.formats.codec import ErrorView
from omniroute.formats.translate import Carrier
from omniroute.ir.loss import summary
from omniroute.routing.failure import AllFailed, Failure
from omniroute.routing.plan import Candidate
from omniroute.upstream.port import Answer


class ClientLeft(Exception):
    """The client went away before its request was complete."""


JSON: Headers = (("content-type", "application/json"),)
VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
LONGEST_NAME = 256
"""Characters shown in a header of a target's name, which could be as long as a body."""


class Client(Protocol):
    """The client's side of an exchange: what the gateway's edge makes of a connection.

    ``started`` says that a response has begun, ``ended`` that its last part has been sent, or that it has begun as
    a whole: then nothing can be added to it. Nothing here raises because the client has left.
    """

    started: bool
    ended: bool

    async def body(self, limit: int) -> bytes:
        """Read the whole request body, and from then on notice when the client leaves.

        Raises:
            TooLarge: it is, or says it is, longer than ``limit`` bytes.
            ClientLeft: the client left before it was complete.
        """
        ...

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a complete response."""
        ...

    async def start(self, status: int, headers: Headers) -> None:
        """Begin a streamed response."""
        ...

    async def send(self, data: bytes) -> None:
        """Send a part of it; waits while the client is slower than the upstream."""
        ...

    async def end(self, data: bytes) -> None:
        """Send the last part, and end the response."""
        ...


@runtime_checkable
class Prompt(Protocol):
    """A client that can be sent a part without waiting."""

    def put(self, data: bytes) -> bool:
        """Send a part of a streamed response, however full the connection is; say whether there is room for more."""
        ...


def answer_headers(
    record: Record, candidate: Candidate, answer: Answer, carrier: Carrier, *, stream: bool = False
) -> Headers:
    """Build the headers of a good answer: which target gave it, at which attempt, and what was lost until now."""
    headers: Headers = (
        ("content-type", _kind(answer, carrier.client.media if stream else "application/json")),
        ("x-omniroute-target", _visible(candidate.target.id)),
        ("x-omniroute-attempts", str(record.attempts + 1)),
    )
    headers += carrier.told + session_header(record) + record.told
    if record.replaced is not None:
        headers = (*headers, ("x-omniroute-deprecated", " -> ".join(map(_visible, record.replaced))))
    if carrier.losses:
        headers = (*headers, ("x-omniroute-loss", summary(carrier.losses)))
    return (*headers, ("cache-control", "no-cache")) if stream else headers


def session_header(record: Record) -> Headers:
    """Give the header that names the request's conversation, where it has one."""
    return () if record.session is None else (("x-omniroute-session-id", _visible(record.session)),)


def _kind(answer: Answer, wanted: str) -> str:
    """Give the content type: the upstream's own words for it, where they mean what the client is sent."""
    said = answer.headers.get("content-type", "")
    return said if said.startswith(wanted) else wanted


def _visible(name: str) -> str:
    """Write a name, which a client may have made up, as a header's value: what is not visible ASCII in percent."""
    shown = name[:LONGEST_NAME]
    return shown if shown.isascii() and shown.isprintable() else quote(shown, safe=VISIBLE)


def error_headers(record: Record, error: OmniRouteError) -> Headers:
    """Build the headers of an error: how often we tried, and when to come again where upstreams were busy."""
    headers = JSON + record.told
    if record.attempts:
        headers = (*headers, ("x-omniroute-attempts", str(record.attempts)))
    if isinstance(error, AllFailed) and error.status == 429 and error.retry_after is not None:
        headers = (*headers, ("retry-after", str(max(1, round(error.retry_after)))))
    if isinstance(error, RateLimited):
        headers += retry_headers(error)
    return headers


def view_of(record: Record, error: OmniRouteError) -> ErrorView:
    """Gather what an error says."""
    failed = error if isinstance(error, AllFailed) else None
    return ErrorView(
        status=error.status,
        code=error.code,
        message=error.message,
        request_id=record.request_id,
        param=error.param if isinstance(error, Malformed) else None,
        complaint=failed.deciding.complaint if failed else None,
        attempts=tuple(_shown(each) for each in failed.failures) if failed else (),
    )


def _shown(failure: Failure) -> dict[str, str | int | None]:
    """What a client may know of a failed attempt."""
    return {
        "target": failure.target,
        "credential": failure.credential,
        "kind": failure.kind.value,
        "status": failure.status,
        "detail": failure.detail,
    }
