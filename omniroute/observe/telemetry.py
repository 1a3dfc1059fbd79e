"""How long answers took lately: percentiles by provider and by model, of the last answers of each provider.

Always true: what is kept is bounded, ``KEPT`` answers a provider, and noting one is one entry in a ring; sorting is
done when somebody looks. Only answers that an upstream gave whole count: how long a refusal took, or an answer from a
cache, says nothing of a provider. Providers come from the configuration, and so do not grow with what clients write.

``note`` belongs to the event loop; ``summary`` may run in another thread.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from omniroute.names import Outcome
from omniroute.observe.events import Event, Exchanged

KEPT = 4_000

_OK = Outcome.OK


class Percentiles(msgspec.Struct, frozen=True):
    """Milliseconds that no more than so many percent of ``count`` answers went beyond, each that of a real answer."""

    p50: int
    p95: int
    p99: int
    count: int


class Latency(msgspec.Struct, frozen=True):
    """How long answers took in all, and until their first token, where any was streamed; milliseconds."""

    p50: int
    p95: int
    p99: int
    count: int
    first_token: Percentiles | None = None


class LatencySummary(msgspec.Struct, frozen=True):
    """The answers of the last ``window_seconds``, by provider, and by model as ``provider/model``."""

    window_seconds: float
    providers: Mapping[str, Latency]
    models: Mapping[str, Latency]


_Answer = tuple[int, str, int, int | None]
"""When it began in Unix microseconds, by which target, and how long it took in all and until its first token."""


class Telemetry:
    """A reader of events that remembers how long answers took."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rings: dict[str, deque[_Answer]] = {}

    def note(self, event: Event) -> None:
        """Take an event; this is the hot path, well below a microsecond."""
        if type(event) is Exchanged and event.provider and event.outcome is _OK and not event.cache:
            ring = self._rings.get(event.provider)
            if ring is None:
                ring = self._rings[event.provider] = deque(maxlen=KEPT)
            ring.append((event.at, event.target, event.micros, event.first_token_micros))

    def summary(self, window_seconds: float, now: int) -> LatencySummary:
        """Sum up the answers that ended in the last ``window_seconds`` before ``now``, in Unix microseconds."""
        since = now - round(window_seconds * 1e6)
        providers: dict[str, Latency] = {}
        models: dict[str, Latency] = {}
        for provider, ring in sorted(self._rings.copy().items()):
            # A copy is made in one step, whatever is noted meanwhile.
            answers = [each for each in ring.copy() if each[0] + each[2] >= since]
            if not answers:
                continue
            providers[provider] = _latency(answers)
            by_target: dict[str, list[_Answer]] = {}
            for each in answers:
                by_target.setdefault(each[1], []).append(each)
            models.update((target, _latency(by_target[target])) for target in sorted(by_target))
        return LatencySummary(window_seconds, providers, models)


def _latency(answers: Sequence[_Answer]) -> Latency:
    total = _percentiles(each[2] for each in answers)
    first = [each[3] for each in answers if each[3] is not None]
    return Latency(total.p50, total.p95, total.p99, total.count, _percentiles(first) if first else None)


def _percentiles(micros: Iterable[int]) -> Percentiles:
    """Take percentiles by nearest rank, the definition that makes none up between two answers."""
    ordered = sorted(micros)
    p50, p95, p99 = (ordered[-(-len(ordered) * percent // 100) - 1] for percent in (50, 95, 99))
    return Percentiles(round(p50 / 1000), round(p95 / 1000), round(p99 / 1000), len(ordered))
