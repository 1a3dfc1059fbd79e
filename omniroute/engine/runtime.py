"""The one object that holds the gateway's hands: configuration, network, clock, eyes, and what is counted and kept.

Always true: everything that outlives a request is reached from here and passed as an argument; there is no module
state.
"""

from collections.abc import Callable

from omniroute.engine.health import Health
from omniroute.engine.holder import Holder
from omniroute.engine.patience import Patience
from omniroute.engine.replays import Memory as Answers
from omniroute.engine.sessions import Sessions
from omniroute.engine.toll import Tolls
from omniroute.limits.memory import Memory
from omniroute.limits.port import Shared
from omniroute.observe.events import Admitted, Event
from omniroute.upstream.port import Upstream


def _unheard(event: Admitted) -> None:
    """Let an admission go by, where nobody keeps a ledger."""


class Runtime:
    """What every request is given; ``active`` holds the requests under way, each by what can interrupt it.

    ``admit`` is told of requests that may now cost something, ``report`` of everything else.
    """

    __slots__ = (
        "active", "admit", "answers", "draining", "health", "holder", "report", "sessions", "tolls", "upstream",
    )  # fmt: skip

    def __init__(
        self,
        holder: Holder,
        upstream: Upstream,
        report: Callable[[Event], None],
        admit: Callable[[Admitted], None] = _unheard,
        shared: Shared | None = None,
        answers: Answers | None = None,
    ) -> None:
        """Hold the hands; without ``shared`` and ``answers`` this process counts and remembers by itself."""
        self.holder = holder
        self.upstream = upstream
        self.report = report
        self.admit = admit
        self.health = Health()
        self.sessions = Sessions()
        self.tolls = Tolls(Memory() if shared is None else shared)
        self.answers = Answers() if answers is None else answers
        self.active: set[Patience] = set()
        self.draining = False
