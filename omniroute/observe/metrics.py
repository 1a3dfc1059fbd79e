"""Metrics for Prometheus: what is counted, under which names.

Always true: noting an event adds integers to plain dictionaries and lists; families, labels and text are made when
somebody looks. Labels come from closed lists and from the configuration: what a client writes, such as the name of a
model, is never one. An unknown cost is counted as such, not as zero.

``note`` belongs to the event loop; ``render`` may run in another thread and sees each count as it was at some moment.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from omniroute import __version__
from omniroute.names import FailureKind, Format, Outcome, ReloadResult, Trigger
from omniroute.observe.events import (
    Admitted,
    Audited,
    Event,
    Exchanged,
    Faulted,
    Reloaded,
    Serving,
    Troubled,
    WatcherMoved,
)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Of what ``render`` gives."""

BOUNDS = tuple(0.01 * 2**n for n in range(17))
"""Upper bounds of the histograms' buckets, in seconds: 0.01 to 655.36, each twice the one before.

OpenTelemetry's conventions for generative AI name the first fourteen for ``gen_ai.client.operation.duration``; the
rest reach past ten minutes, which is how long a request may take where nothing else is configured.
"""

_BOUNDS_MICROS = tuple(round(bound * 1e6) for bound in BOUNDS)
_BOUND_LABELS = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")
_SUCCESSFUL = frozenset({ReloadResult.APPLIED, ReloadResult.UNCHANGED})


class Probes(msgspec.Struct, frozen=True):
    """What is asked of others when somebody looks.

    ``in_flight`` counts requests, ``ledger`` rows: written, pending, lost. ``in_sync`` says whether what is in force
    is what the files say, and ``pending_restart`` counts the settings that wait for a restart.
    """

    in_flight: Callable[[], int]
    ledger: Callable[[], tuple[int, int, int]]
    in_sync: Callable[[], bool]
    pending_restart: Callable[[], int]


class _Histogram:
    """Durations in microseconds, counted by bucket."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0

    def add(self, micros: int) -> None:
        self.counts[bisect_left(_BOUNDS_MICROS, micros)] += 1
        self.sum += micros

    def buckets(self) -> list[tuple[str, float]]:
        """Count, for each bound, what is not above it."""
        return list(zip(_BOUND_LABELS, accumulate(self.counts.copy()), strict=True))


class _Provider:
    """What one provider's answers came to; under the empty name, what was never answered."""

    __slots__ = (
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "duration",
        "first_token",
        "input",
        "nano",
        "output",
        "reasoning",
        "unpriced",
    )

    def __init__(self) -> None:
        self.duration = _Histogram()
        self.first_token = _Histogram()
        self.input = 0
        self.output = 0
        self.cache_read = 0
        self.cache_write = 0
        self.cache_write_1h = 0
        self.reasoning = 0
        self.nano = 0
        self.unpriced = 0

    def add_tokens(self, event: Exchanged) -> None:
        """Add what a provider reported; a class that it left out adds nothing."""
        self.input += event.input_tokens or 0
        self.output += event.output_tokens or 0
        self.cache_read += event.cache_read_tokens or 0
        self.cache_write += event.cache_write_tokens or 0
        self.cache_write_1h += event.cache_write_1h_tokens or 0
        self.reasoning += event.reasoning_tokens or 0


class Metrics:
    """A reader of events that counts them."""

    def __init__(self, probes: Probes) -> None:
        """Begin at zero."""
        self._probes = probes
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._requests: dict[tuple[Format, str, Outcome, int], int] = {}
        self._attempts: dict[tuple[str, FailureKind | None], int] = {}
        self._providers: dict[str, _Provider] = {}
        self._faults = 0
        self._reloads: dict[tuple[ReloadResult, Trigger], int] = {}
        self._last_reload: Reloaded | None = None
        self._last_success: Reloaded | None = None
        self._watcher_up: bool | None = None

    def note(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Exchanged():
                self._count_request(event)
            case Reloaded():
                self._count_reload(event)
            case WatcherMoved():
                self._watcher_up = event.up
            case Faulted():
                self._faults += 1
            case Admitted() | Audited() | Serving() | Troubled():
                pass

    def render(self) -> bytes:
        """Write everything in Prometheus' text format; its type is ``CONTENT_TYPE``."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Give every family with its samples; the registry asks for it."""
        yield from self._traffic()
        yield from self._by_provider()
        yield from self._ledger()
        yield from self._config()

    def _count_request(self, event: Exchanged) -> None:
        """Count one request; this is the hot path, about one microsecond."""
        kind = (event.format, event.provider, event.outcome, event.status // 100)
        self._requests[kind] = self._requests.get(kind, 0) + 1
        for attempt in event.attempts:
            result = (attempt.target.partition("/")[0], attempt.failure)
            self._attempts[result] = self._attempts.get(result, 0) + 1
        provider = self._providers.get(event.provider)
        if provider is None:
            provider = self._providers[event.provider] = _Provider()
        provider.duration.add(event.micros)
        if event.first_token_micros is not None:
            provider.first_token.add(event.first_token_micros)
        provider.add_tokens(event)
        if event.cost_nano is not None:
            provider.nano += event.cost_nano
        else:
            provider.unpriced += 1

    def _count_reload(self, event: Reloaded) -> None:
        kind = (event.result, event.trigger)
        self._reloads[kind] = self._reloads.get(kind, 0) + 1
        self._last_reload = event
        if event.result in _SUCCESSFUL:
            self._last_success = event

    def _traffic(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "omniroute_requests",
            "Requests that ended, by what they came to; the provider is the one that answered, empty where none did.",
            labels=("format", "provider", "outcome", "status"),
        )
        for (wire, provider, outcome, hundreds), count in self._requests.copy().items():
            requests.add_metric((wire, provider, outcome, f"{hundreds}xx"), count)
        yield requests
        attempts = CounterMetricFamily(
            "omniroute_attempts",
            "Attempts at upstreams, by why they failed; empty where they did not.",
            labels=("provider", "failure"),
        )
        for (provider, failure), count in self._attempts.copy().items():
            attempts.add_metric((provider, failure or ""), count)
        yield attempts
        yield GaugeMetricFamily("omniroute_requests_in_flight", "Requests under way.", self._probes.in_flight())
        yield CounterMetricFamily("omniroute_faults", "Bugs caught while serving.", self._faults)

    def _by_provider(self) -> Iterator[Metric]:
        providers = self._providers.copy()
        tokens = CounterMetricFamily(
            "omniroute_tokens",
            "Tokens as providers report them; the classes do not overlap.",
            labels=("provider", "class"),
        )
        reasoning = CounterMetricFamily(
            "omniroute_reasoning_tokens", "Reasoning tokens; output tokens include them.", labels=("provider",)
        )
        cost = CounterMetricFamily(
            "omniroute_cost_dollars", "Cost of the answers whose cost is known, in US dollars.", labels=("provider",)
        )
        unpriced = CounterMetricFamily(
            "omniroute_unpriced_requests", "Answers whose cost is not known.", labels=("provider",)
        )
        for name, each in providers.items():
            if not name:
                continue
            tokens.add_metric((name, "input"), each.input)
            tokens.add_metric((name, "output"), each.output)
            tokens.add_metric((name, "cache_read"), each.cache_read)
            tokens.add_metric((name, "cache_write"), each.cache_write)
            tokens.add_metric((name, "cache_write_1h"), each.cache_write_1h)
            reasoning.add_metric((name,), each.reasoning)
            cost.add_metric((name,), each.nano / 1e9)
            unpriced.add_metric((name,), each.unpriced)
        yield from (tokens, reasoning, cost, unpriced)
        yield _histogram(
            "omniroute_request_duration_seconds",
            "From a request's first byte to its answer's last.",
            ((name, each.duration) for name, each in providers.items()),
        )
        yield _histogram(
            "omniroute_first_token_seconds",
            "From a request's first byte to the first token of its answer.",
            ((name, each.first_token) for name, each in providers.items() if name),
        )

    def _ledger(self) -> Iterator[Metric]:
        written, pending, lost = self._probes.ledger()
        yield CounterMetricFamily("omniroute_ledger_rows_written", "Usage rows written to the database.", written)
        yield GaugeMetricFamily("omniroute_ledger_rows_pending", "Usage rows that wait to be written.", pending)
        yield CounterMetricFamily("omniroute_ledger_rows_lost", "Usage rows that were lost; the log says why.", lost)

    def _config(self) -> Iterator[Metric]:
        reloads = CounterMetricFamily(
            "omniroute_config_reloads",
            "Looks at the configuration that found something to do, by what came of them.",
            labels=("result", "trigger"),
        )
        for kind, count in self._reloads.copy().items():
            reloads.add_metric(kind, count)
        yield reloads
        probes = self._probes
        in_sync = "Whether what is in force is what the files say."
        yield GaugeMetricFamily("omniroute_config_in_sync", in_sync, probes.in_sync())
        pending = "Settings that were changed and wait for a restart."
        yield GaugeMetricFamily("omniroute_config_pending_restart", pending, probes.pending_restart())
        if self._watcher_up is not None:
            up = "Whether changes of the files are noticed at once."
            yield GaugeMetricFamily("omniroute_config_watcher_up", up, self._watcher_up)
        if self._last_reload is not None:
            yield from _last_reload(self._last_reload)
        if self._last_success is not None:
            at = "When the configuration was last found good, in Unix seconds."
            seconds = self._last_success.at / 1e6
            yield GaugeMetricFamily("omniroute_config_last_reload_success_timestamp_seconds", at, seconds)


def _last_reload(last: Reloaded) -> Iterator[Metric]:
    good = "Whether the last reload put the configuration in force, or found it there."
    yield GaugeMetricFamily("omniroute_config_last_reload_successful", good, last.result in _SUCCESSFUL)
    took = "How long the last reload took."
    yield GaugeMetricFamily("omniroute_config_reload_duration_seconds", took, last.micros / 1e6)
    generation = "Number of the configuration in force; it grows with every change."
    yield GaugeMetricFamily("omniroute_config_generation", generation, last.generation)
    info = GaugeMetricFamily(
        "omniroute_config_info", "The configuration in force, and the program's version.", labels=("hash", "version")
    )
    info.add_metric((last.config, __version__), 1)
    yield info


def _histogram(name: str, documentation: str, providers: Iterable[tuple[str, _Histogram]]) -> Metric:
    family = HistogramMetricFamily(name, documentation, labels=("provider",))
    for provider, histogram in providers:
        family.add_metric((provider,), histogram.buckets(), histogram.sum / 1e6)
    return family
