"""When a target is late, by its own measure, and whether a second one is to be asked because of it.

Always true: nothing is learnt while that is not wanted; what is streamed and what is not are learnt apart; of the
requests for which a second target could be asked, it is asked for no larger share than the settings say.
"""

from omniroute.config.snapshot import Hedge
from omniroute.limits.headroom import Headroom
from omniroute.limits.latency import Slowness
from omniroute.routing.plan import Candidate


class Hedging:
    """Knows when a target is late, and whether one more second attempt is in order."""

    __slots__ = ("_headroom", "_hedge", "_slowness")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._hedge = Hedge()
        self._headroom = Headroom(self._hedge.max_share)
        self._slowness = {True: Slowness(), False: Slowness()}

    def heed(self, hedge: Hedge) -> None:
        """Go by these settings from now on."""
        if hedge.max_share != self._hedge.max_share:
            self._headroom = Headroom(hedge.max_share)
        self._hedge = hedge

    def took(self, candidate: Candidate, seconds: float, *, stream: bool) -> None:
        """Learn how long a target took to begin a streamed answer, or to give a whole one."""
        if self._hedge.enabled:
            self._slowness[stream].took(candidate.target.id, seconds)

    def late_after(self, candidate: Candidate, *, stream: bool) -> float | None:
        """Give the seconds after which a target is late; None where too little is known of it."""
        slow = self._slowness[stream].p95(candidate.target.id, self._hedge.min_samples)
        return None if slow is None else max(slow, self._hedge.min_wait)

    def asked(self) -> None:
        """Count a request for which a second target could be asked."""
        self._headroom.asked()

    @property
    def left(self) -> bool:
        """Whether one more second attempt is in order."""
        return self._headroom.left

    def take(self) -> None:
        """Count a second attempt."""
        self._headroom.take()
