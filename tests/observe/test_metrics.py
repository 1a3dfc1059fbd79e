"""Metrics: what Prometheus reads is what happened."""

from collections.abc import Iterator

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from omniroute import __version__
from omniroute.names import FailureKind, Outcome, ReloadResult, Trigger
from omniroute.observe.events import Attempted, Audited, Event, Faulted, Serving, Troubled, WatcherMoved
from omniroute.observe.metrics import BOUNDS, CONTENT_TYPE, Metrics, Probes
from tests.support.events import ANSWERED, BUSY, NOON, admitted, exchanged, reloaded, unanswered

SECRET = "sk-planted-0123456789abcdef"
IDLE = Probes(in_flight=lambda: 0, ledger=lambda: (0, 0, 0), in_sync=lambda: True, pending_restart=lambda: 0)

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]


def read(metrics: Metrics) -> Samples:
    """Parse what is rendered, by Prometheus' own rules: name, then labels in the order of their names."""
    found: Samples = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            series = found.setdefault(sample.name, {})
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in series, "the same series twice"
            series[labels] = sample.value
    return found


def after(*events: Event, probes: Probes = IDLE) -> Samples:
    metrics = Metrics(probes)
    for event in events:
        metrics.note(event)
    return read(metrics)


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get(name, {}).get(tuple(sorted(labels.items())))


def labels_of(samples: Samples) -> Iterator[tuple[str, str]]:
    for series in samples.values():
        for labels in series:
            yield from labels


def test_the_type_is_that_of_the_text() -> None:
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_before_anything_happened_there_are_no_requests_and_no_reload() -> None:
    samples = after()
    assert "omniroute_requests_total" not in samples
    assert "omniroute_config_last_reload_successful" not in samples
    assert "omniroute_config_watcher_up" not in samples
    assert value(samples, "omniroute_requests_in_flight") == 0


def test_requests_are_counted_by_what_they_came_to() -> None:
    samples = after(exchanged(1), exchanged(2), unanswered(3), exchanged(4, status=499, outcome=Outcome.CANCELLED))
    assert samples["omniroute_requests_total"] == {
        (("format", "openai-chat"), ("outcome", "ok"), ("provider", "house"), ("status", "2xx")): 2,
        (("format", "openai-chat"), ("outcome", "failed"), ("provider", ""), ("status", "5xx")): 1,
        (("format", "openai-chat"), ("outcome", "cancelled"), ("provider", "house"), ("status", "4xx")): 1,
    }


def test_attempts_are_counted_by_provider_and_failure() -> None:
    deep = Attempted("other/a/b", "main", 1, FailureKind.BUSY)
    samples = after(exchanged(attempts=(BUSY, deep, ANSWERED)))
    assert samples["omniroute_attempts_total"] == {
        (("failure", "busy"), ("provider", "other")): 2,
        (("failure", ""), ("provider", "house")): 1,
    }


def test_tokens_are_counted_once_by_class() -> None:
    samples = after(*[exchanged(cache_read_tokens=5, cache_write_tokens=7, cache_write_1h_tokens=9)] * 2, unanswered())
    assert samples["omniroute_tokens_total"] == {
        (("class", "input"), ("provider", "house")): 1_624,
        (("class", "output"), ("provider", "house")): 280,
        (("class", "cache_read"), ("provider", "house")): 10,
        (("class", "cache_write"), ("provider", "house")): 14,
        (("class", "cache_write_1h"), ("provider", "house")): 18,
    }
    assert samples["omniroute_reasoning_tokens_total"] == {(("provider", "house"),): 40}


def test_cost_is_in_dollars_and_what_is_unknown_is_counted_apart() -> None:
    samples = after(exchanged(1, cost_nano=2_500_000_000), exchanged(2, cost_nano=None), unanswered(3))
    assert samples["omniroute_cost_dollars_total"] == {(("provider", "house"),): 2.5}
    assert samples["omniroute_unpriced_requests_total"] == {(("provider", "house"),): 1}


@pytest.mark.parametrize(
    ("name", "field"),
    [("omniroute_request_duration_seconds", "micros"), ("omniroute_first_token_seconds", "first_token_micros")],
)
def test_durations_fall_into_the_bucket_whose_bound_they_do_not_pass(name: str, field: str) -> None:
    micros = (0, 10_000, 10_001, 1_280_000, 655_360_000, 655_360_001)
    samples = after(*(exchanged(number, **{field: each}) for number, each in enumerate(micros)))
    buckets = {labels[0][1]: count for labels, count in samples[f"{name}_bucket"].items()}
    assert len(buckets) == len(BOUNDS) + 1
    assert [buckets[bound] for bound in ("0.01", "0.02", "0.64", "1.28", "327.68", "655.36", "+Inf")] == [
        2, 3, 3, 4, 4, 5, 6,
    ]  # fmt: skip
    assert value(samples, f"{name}_count", provider="house") == 6
    assert value(samples, f"{name}_sum", provider="house") == pytest.approx(sum(micros) / 1e6)


def test_a_request_without_a_first_token_has_a_duration_only() -> None:
    samples = after(unanswered(), exchanged(first_token_micros=None))
    assert value(samples, "omniroute_request_duration_seconds_count", provider="") == 1
    assert value(samples, "omniroute_first_token_seconds_count", provider="house") == 0
    assert value(samples, "omniroute_first_token_seconds_count", provider="") is None


def test_what_others_know_is_asked_when_somebody_looks() -> None:
    state = {"in_flight": 3, "ledger": (10, 2, 1), "in_sync": False, "pending": 2}
    probes = Probes(
        in_flight=lambda: state["in_flight"],  # type: ignore[arg-type, return-value]  # a test's own table
        ledger=lambda: state["ledger"],  # type: ignore[arg-type, return-value]  # as above
        in_sync=lambda: state["in_sync"],  # type: ignore[arg-type, return-value]  # as above
        pending_restart=lambda: state["pending"],  # type: ignore[arg-type, return-value]  # as above
    )
    metrics = Metrics(probes)
    samples = read(metrics)
    assert value(samples, "omniroute_requests_in_flight") == 3
    assert value(samples, "omniroute_ledger_rows_written_total") == 10
    assert value(samples, "omniroute_ledger_rows_pending") == 2
    assert value(samples, "omniroute_ledger_rows_lost_total") == 1
    assert value(samples, "omniroute_config_in_sync") == 0
    assert value(samples, "omniroute_config_pending_restart") == 2
    state.update(in_flight=0, in_sync=True)
    samples = read(metrics)
    assert value(samples, "omniroute_requests_in_flight") == 0
    assert value(samples, "omniroute_config_in_sync") == 1


def test_a_reload_sets_every_metric_of_the_configuration() -> None:
    samples = after(reloaded())
    assert value(samples, "omniroute_config_last_reload_successful") == 1
    assert value(samples, "omniroute_config_last_reload_success_timestamp_seconds") == NOON / 1e6
    assert value(samples, "omniroute_config_reloads_total", result="applied", trigger="file") == 1
    assert value(samples, "omniroute_config_generation") == 42
    assert value(samples, "omniroute_config_reload_duration_seconds") == 0.212
    assert samples["omniroute_config_info"] == {(("hash", reloaded().config), ("version", __version__)): 1}


@pytest.mark.parametrize("result", list(ReloadResult))
def test_a_refused_reload_is_no_success_and_the_last_success_keeps_its_time(result: ReloadResult) -> None:
    samples = after(reloaded(), reloaded(at=NOON + 5_000_000, result=result, trigger=Trigger.POLL))
    good = result in {ReloadResult.APPLIED, ReloadResult.UNCHANGED}
    assert value(samples, "omniroute_config_last_reload_successful") == good
    assert value(samples, "omniroute_config_last_reload_success_timestamp_seconds") == NOON / 1e6 + 5 * good
    assert value(samples, "omniroute_config_reloads_total", result=result.value, trigger="poll") == 1


def test_a_gateway_that_never_had_a_good_configuration_tells_no_time_of_one() -> None:
    samples = after(reloaded(result=ReloadResult.REJECTED))
    assert "omniroute_config_last_reload_success_timestamp_seconds" not in samples


def test_only_the_configuration_in_force_is_named() -> None:
    samples = after(reloaded(config="a" * 64, generation=1), reloaded(config="b" * 64, generation=2))
    assert [dict(labels)["hash"] for labels in samples["omniroute_config_info"]] == ["b" * 64]
    assert value(samples, "omniroute_config_generation") == 2


def test_the_watcher_goes_up_and_down() -> None:
    up, down = WatcherMoved(NOON, up=True, reason="x"), WatcherMoved(NOON, up=False, reason="x")
    assert value(after(up), "omniroute_config_watcher_up") == 1
    assert value(after(up, down), "omniroute_config_watcher_up") == 0


def test_bugs_are_counted() -> None:
    assert value(after(*[Faulted(NOON, "", "x", "x")] * 2), "omniroute_faults_total") == 2


def test_events_without_a_metric_change_nothing() -> None:
    serving = Serving(NOON, up=True, address="x", generation=1, config="x")
    assert after(serving, Troubled(NOON, "x"), admitted(), Audited(NOON, "x", "y")) == after()


def test_what_clients_write_makes_no_series_and_shows_no_secret() -> None:
    metrics = Metrics(IDLE)
    metrics.note(exchanged())
    before = len(metrics.render().splitlines())
    for number in range(1_000):
        fields = {"asked": f"{SECRET}{number}", "model": f"m{number}", "target": f"house/m{number}", "key": SECRET}
        tried = msgspec.structs.replace(ANSWERED, target=f"house/m{number}", detail=SECRET)
        metrics.note(exchanged(number, request_id=SECRET, code=SECRET, attempts=(tried,), **fields))
    assert len(metrics.render().splitlines()) == before
    assert b"planted" not in metrics.render()
    assert {name for name, _ in labels_of(read(metrics))} == {
        *("format", "provider", "outcome", "status", "failure", "class", "le"),
    }


def test_an_odd_name_of_a_provider_is_escaped() -> None:
    odd = 'a"b\\c\nd'
    samples = after(exchanged(provider=odd, attempts=()))
    assert value(samples, "omniroute_cost_dollars_total", provider=odd) == 0.0021
