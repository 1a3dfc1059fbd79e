"""A failed attempt as a value, and what each kind of failure means for the next one.

Always true: retry decisions read ``FailureKind`` only, through ``MEANING``; nothing decides by searching prose.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from omniroute.errors import OmniRouteError
from omniroute.ir.complaint import Complaint
from omniroute.names import CredentialName, FailureKind, TargetId


class Failure(msgspec.Struct, frozen=True):
    """Why one attempt did not give an answer.

    ``started`` says that the client had already seen a part of the answer, after which nothing else may be
    tried. ``retry_after`` is in seconds. ``detail`` is ours and safe to show; ``complaint`` is the upstream's.
    ``blameless`` says that it was not the upstream's doing: a client that did not read its answer.
    """

    kind: FailureKind
    target: TargetId
    credential: CredentialName
    detail: str
    status: int | None = None
    retry_after: float | None = None
    started: bool = False
    complaint: Complaint | None = None
    blameless: bool = False


class Meaning(msgspec.Struct, frozen=True):
    """What a kind of failure says about the attempts that are left.

    ``moves`` says whether another candidate may be tried; ``spoils`` which of the others are spoilt by it: none,
    those with the same credential, or those with the same target. ``status`` and ``code`` are what a client
    sees where this failure decides the answer. ``weight`` orders failures by how much they tell the client:
    of several, the heaviest is reported.
    """

    moves: bool
    spoils: Literal["none", "credential", "target"]
    status: int
    code: str
    weight: int


# literal table: one row a kind
MEANING: dict[FailureKind, Meaning] = {
    FailureKind.INVALID: Meaning(False, "none", 400, "upstream_invalid_request", 90),
    FailureKind.REFUSED: Meaning(False, "none", 400, "upstream_refused", 85),
    FailureKind.CONTEXT: Meaning(True, "target", 400, "context_length_exceeded", 80),
    FailureKind.CUT: Meaning(True, "target", 502, "upstream_cut", 75),
    FailureKind.BUSY: Meaning(True, "credential", 429, "upstream_rate_limited", 70),
    FailureKind.NOT_FOUND: Meaning(True, "target", 404, "upstream_model_not_found", 60),
    FailureKind.TIMEOUT: Meaning(True, "target", 504, "upstream_timeout", 50),
    FailureKind.MALFORMED: Meaning(True, "target", 502, "upstream_malformed", 40),
    FailureKind.DOWN: Meaning(True, "target", 502, "upstream_unavailable", 30),
    FailureKind.QUOTA: Meaning(True, "credential", 502, "upstream_quota", 20),
    FailureKind.AUTH: Meaning(True, "credential", 502, "upstream_auth", 10),
}


class AllFailed(OmniRouteError):
    """Every candidate failed, or one in a way that no other could mend; ``failures`` holds each, in order."""

    def __init__(self, asked: str, failures: Sequence[Failure]) -> None:
        """Hold the failures; status and code are those of the one whose beginning was seen, else that tells most."""
        self.failures = tuple(failures)
        self.deciding = max(self.failures, key=lambda each: (each.started, MEANING[each.kind].weight))
        tried = "; ".join(f"{each.target}: {each.detail}" for each in self.failures)
        super().__init__(f"'{asked}' could not be answered: {tried}")
        self.status = _status(self.deciding)
        self.code = MEANING[self.deciding.kind].code

    @property
    def retry_after(self) -> float | None:
        """The earliest time, in seconds, at which an upstream that was busy said to come again."""
        waits = [each.retry_after for each in self.failures if each.retry_after is not None]
        return min(waits, default=None)


def _status(failure: Failure) -> int:
    """The status for the client; of a request that an upstream found invalid, the upstream's own."""
    own = failure.status
    if failure.kind is FailureKind.INVALID and own is not None and 400 <= own < 500:
        return own
    return MEANING[failure.kind].status
