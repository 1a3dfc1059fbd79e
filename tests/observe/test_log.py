"""The log: what is loud enough is written, and nobody waits for it."""

import io
import json
import threading
from collections.abc import Callable
from datetime import UTC

import pytest

from omniroute.names import Outcome, ReloadResult
from omniroute.observe.events import Audited, Event, Faulted, Serving, Told, Troubled, WatcherMoved
from omniroute.observe.log import MOST_WAITING, RANK, RELOADS, REQUESTS, Level, Log, Style, level_of
from tests.support.events import NOON, admitted, exchanged, reloaded, unanswered

SECRET = "sk-planted-0123456789abcdef"

EVENTS: list[tuple[Told, Level]] = [
    (exchanged(), "debug"),
    (exchanged(outcome=Outcome.REFUSED), "debug"),
    (exchanged(outcome=Outcome.CANCELLED), "debug"),
    (unanswered(), "warning"),
    (exchanged(outcome=Outcome.CUT), "warning"),
    (reloaded(), "info"),
    (reloaded(result=ReloadResult.UNCHANGED), "info"),
    (reloaded(result=ReloadResult.UNSTABLE), "warning"),
    (reloaded(result=ReloadResult.REJECTED), "error"),
    (WatcherMoved(NOON, up=True, reason="x"), "info"),
    (WatcherMoved(NOON, up=False, reason="x"), "warning"),
    (Serving(NOON, up=True, address="x", generation=1, config="x"), "info"),
    (Audited(NOON, "alice", "key.refused"), "debug"),
    (Audited(NOON, "", "backup.made"), "info"),
    (Troubled(NOON, "x"), "warning"),
    (Faulted(NOON, "", "x", "x"), "error"),
]


def logged(*events: Event, style: Style = "text", level: Level = "info") -> list[str]:
    stream = io.StringIO()
    log = Log(stream, style, level, UTC)
    log.start()
    for event in events:
        log.note(event)
    log.close()
    return stream.getvalue().splitlines()


class Stream(io.StringIO):
    """A stream that does something odd at its first writes."""

    def __init__(self, *oddities: Callable[[], None]) -> None:
        super().__init__()
        self._oddities = list(oddities)

    def write(self, text: str, /) -> int:
        if self._oddities:
            self._oddities.pop(0)()
        return super().write(text)


def full() -> None:
    raise OSError(28, "No space left on device")


def test_every_outcome_and_every_result_has_its_level() -> None:
    assert set(REQUESTS) == set(Outcome)
    assert set(RELOADS) == set(ReloadResult)


@pytest.mark.parametrize(("event", "level"), EVENTS)
def test_an_event_is_as_loud_as_it_matters(event: Told, level: Level) -> None:
    assert level_of(event) == level


@pytest.mark.parametrize("threshold", list(RANK))
def test_what_is_quieter_than_the_level_is_not_written(threshold: Level) -> None:
    loud = [event for event, level in EVENTS if RANK[level] >= RANK[threshold]]
    lines = logged(*(event for event, _ in EVENTS), level=threshold, style="json")
    assert [json.loads(line)["event"] for line in lines] == [type(event).__name__.lower() for event in loud]


def test_by_default_a_request_that_went_well_is_no_line_and_a_failed_one_is() -> None:
    stream = io.StringIO()
    log = Log(stream, "text", zone=UTC)
    log.start()
    log.note(exchanged())
    log.note(unanswered())
    log.close()
    assert stream.getvalue() == "12:00:00 502 alice smart failed upstream_rate_limited 1.2 s (other/small busy)\n"


def test_an_admission_is_no_line_at_any_level() -> None:
    assert logged(admitted(), level="debug") == []


def test_every_fault_of_a_refused_configuration_is_a_line() -> None:
    refused = reloaded(result=ReloadResult.REJECTED, errors=2, faults=("a.toml:1:1: one", "b.toml:2:2: two"))
    assert logged(refused)[1:] == ["  a.toml:1:1: one", "  b.toml:2:2: two"]


def test_lines_come_in_the_order_of_their_events() -> None:
    lines = logged(*(Troubled(NOON, f"trouble {number}") for number in range(500)))
    assert [int(line.split()[-1]) for line in lines] == list(range(500))


def test_a_line_is_seen_without_waiting_for_the_close() -> None:
    seen = threading.Event()

    class Flushed(io.StringIO):
        def flush(self) -> None:
            seen.set()

    log = Log(Flushed(), "text")
    log.start()
    log.note(reloaded())
    assert seen.wait(30)
    log.close()


def test_nobody_waits_for_a_slow_reader_and_the_log_says_what_is_missing() -> None:
    go_on = threading.Event()
    stream = Stream(lambda: None if go_on.wait(30) else pytest.fail("never read"))
    log = Log(stream, "json")
    log.start()
    for number in range(MOST_WAITING + 50):
        log.note(Troubled(NOON + number, "x"))
    go_on.set()
    log.close(30)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    missing = [line["what"] for line in lines if line["what"] != "x"]
    written = len(lines) - len(missing)
    assert written in {MOST_WAITING, MOST_WAITING + 1}
    assert missing == [f"{MOST_WAITING + 50 - written} lines are missing here"]


def test_a_stream_that_cannot_be_written_for_a_while_loses_lines_and_says_so() -> None:
    stream = Stream(full, full)
    log = Log(stream, "text", zone=UTC)
    for what in ("one", "two", "three"):
        log.note(Troubled(NOON, what))
    log.start()
    log.close()
    assert stream.getvalue() == "12:00:00 warning: three\n12:00:00 warning: 2 lines are missing here\n"


def test_a_stream_that_is_gone_harms_nobody() -> None:
    stream = io.StringIO()
    stream.close()
    log = Log(stream, "text")
    log.start()
    log.note(reloaded())
    log.close()
    log.note(reloaded())


def test_a_close_does_not_wait_for_ever_for_a_stream_that_nobody_reads() -> None:
    go_on = threading.Event()
    log = Log(Stream(lambda: None if go_on.wait(30) else pytest.fail("never read")), "text")
    log.start()
    log.note(reloaded())
    log.close(0.01)
    go_on.set()
    log.close()


def test_a_log_that_never_started_can_be_closed() -> None:
    Log(io.StringIO(), "text").close()


def test_what_the_streams_encoding_cannot_say_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    log = Log(stream, "text", "debug", UTC)
    log.start()
    log.note(exchanged(asked="größe"))
    log.close()
    assert raw.getvalue().startswith(b"12:00:00 200 alice gr\\xf6\\xdfe \\u2192 house/large")


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_secret_is_in_the_log(style: Style) -> None:
    planted: list[Event] = [
        exchanged(asked=SECRET),
        Troubled(NOON, f"x-api-key: {SECRET}"),
        reloaded(faults=(f'a.toml:1:1: "{SECRET}"',)),
    ]
    text = "\n".join(logged(*planted, style=style, level="debug"))
    assert text.count("***") == 3
    assert "planted" not in text


def test_noting_writes_nothing_by_itself() -> None:
    stream = io.StringIO()
    Log(stream, "text").note(reloaded())
    assert stream.getvalue() == ""
