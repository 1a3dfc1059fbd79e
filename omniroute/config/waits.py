"""How long one attempt can take before the next one begins: the sums that ``check`` and its worst cases share.

Always true: these are what an attempt is held to (``engine/attempt.py``). A connection is waited for no longer than
what comes after it, which has its whole time once the connection is there; the first event of a stream is waited for
from the beginning of the attempt. All times are in seconds.
"""

import msgspec

from omniroute.config.snapshot import Timeouts


class Bound(msgspec.Struct, frozen=True):
    """The most attempts that a request for a name can make, and the longest until its answer begins or has failed."""

    name: str
    attempts: int
    seconds: float


def streamed(timeouts: Timeouts) -> float:
    """Give the longest that a streamed attempt can take without a client seeing any of it."""
    return max(_connected(timeouts, timeouts.first_byte), timeouts.first_token)


def whole(timeouts: Timeouts) -> float:
    """Give the longest that an attempt can take whose answer comes at once."""
    return _connected(timeouts, timeouts.answer)


def longest(timeouts: Timeouts) -> float:
    """Give the longest that an attempt of either kind can take before another one may begin."""
    return max(streamed(timeouts), whole(timeouts))


def _connected(timeouts: Timeouts, limit: float) -> float:
    return min(timeouts.connect, limit) + limit
