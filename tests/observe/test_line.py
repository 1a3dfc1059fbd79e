"""One event, one line: words for people, JSON for programs, secrets for nobody."""

import json
from datetime import UTC, timedelta, timezone

import pytest

from omniroute.names import FailureKind, Format, Outcome, ReloadResult, Trigger
from omniroute.observe.events import Attempted, Audited, Event, Exchanged, Faulted, Serving, Troubled, WatcherMoved
from omniroute.observe.line import LONGEST_NAME, as_json, as_text
from tests.support.events import ANSWERED, BUSY, NOON, exchanged, reloaded, unanswered

SECRET = "sk-planted-0123456789abcdef"
CONFIG = "9f3ac1d27e04" + "0" * 52

# What people read, at noon.
LINES: list[tuple[Event, str, str]] = [
    (exchanged(), "debug", "200 alice smart → house/large 812+140 tok $0.0021 1.2 s"),
    (
        exchanged(attempts=(BUSY, ANSWERED)),
        "debug",
        "200 alice smart → house/large 812+140 tok $0.0021 1.2 s (2 attempts: other/small busy)",
    ),
    (
        exchanged(cache_read_tokens=1_000, cache_write_tokens=100),
        "debug",
        "200 alice smart → house/large 1912+140 tok $0.0021 1.2 s",
    ),
    (exchanged(key="", cost_nano=None), "debug", "200 - smart → house/large 812+140 tok $? 1.2 s"),
    (exchanged(cost_nano=1_234_567_890), "debug", "200 alice smart → house/large 812+140 tok $1.23 1.2 s"),
    (exchanged(cost_nano=30_500), "debug", "200 alice smart → house/large 812+140 tok $0.000030 1.2 s"),
    (exchanged(cost_nano=0, micros=3_400), "debug", "200 alice smart → house/large 812+140 tok $0.000000 3 ms"),
    (
        unanswered(),
        "warning",
        "502 alice smart failed upstream_rate_limited 1.2 s (other/small busy)",
    ),
    (
        unanswered(
            asked="", key="", status=401, outcome=Outcome.REFUSED, code="invalid_api_key", attempts=(), micros=400
        ),
        "debug",
        "401 - - refused invalid_api_key 0 ms",
    ),
    (
        exchanged(outcome=Outcome.CANCELLED, input_tokens=None, output_tokens=None, cost_nano=None),
        "debug",
        "200 alice smart → house/large cancelled 1.2 s",
    ),
    (reloaded(), "info", "config 42 9f3ac1d27e04 applied (file, 212 ms)"),
    (
        reloaded(warnings=1, faults=("a.toml:3:1: warning OR3001: odd",)),
        "info",
        "config 42 9f3ac1d27e04 applied (file, 212 ms) 1 warning\n  a.toml:3:1: warning OR3001: odd",
    ),
    (
        reloaded(result=ReloadResult.REJECTED, errors=2, warnings=1, faults=("a.toml:1:1: one", "b.toml:2:2: two")),
        "error",
        "error: config rejected (file, 212 ms): 2 errors, 1 warning; 42 9f3ac1d27e04 stays in force"
        "\n  a.toml:1:1: one\n  b.toml:2:2: two",
    ),
    (
        reloaded(result=ReloadResult.UNSTABLE, trigger=Trigger.POLL),
        "warning",
        "warning: config unstable (poll, 212 ms); 42 9f3ac1d27e04 stays in force",
    ),
    (WatcherMoved(NOON, up=True, reason="inotify"), "info", "file watcher up: inotify"),
    (WatcherMoved(NOON, up=False, reason="no watches left"), "warning", "warning: file watcher down: no watches left"),
    (
        Serving(NOON, up=True, address="http://127.0.0.1:20128", generation=42, config=CONFIG),
        "info",
        "listening on http://127.0.0.1:20128, config 42 9f3ac1d27e04",
    ),
    (
        Serving(NOON, up=False, address="http://127.0.0.1:20128", generation=42, config=CONFIG),
        "info",
        "stopped listening on http://127.0.0.1:20128, config 42 9f3ac1d27e04",
    ),
    (
        Faulted(NOON, "req_1", "KeyError", "exchange.py:7"),
        "error",
        "error: bug: KeyError at exchange.py:7 in request req_1; the gateway goes on; please report it",
    ),
    (
        Faulted(NOON, "", "KeyError", "metrics.py:7"),
        "error",
        "error: bug: KeyError at metrics.py:7; the gateway goes on; please report it",
    ),
    (Troubled(NOON, "the disk is full"), "warning", "warning: the disk is full"),
]

LEAKS: list[Event] = [
    exchanged(asked=SECRET),
    exchanged(asked=f"a model\n{SECRET}"),
    unanswered(attempts=(Attempted("a/b", "main", 1, FailureKind.AUTH, 401, f"bad key: {SECRET}"),)),
    reloaded(faults=(f"a.toml:1:1: api_key = {SECRET}",)),
    WatcherMoved(NOON, up=False, reason=f"https://u:{SECRET}@host"),
    Troubled(NOON, f"Authorization: Bearer {SECRET}"),
    Faulted(NOON, "req_1", "KeyError", f"?key={SECRET}"),
    Serving(NOON, up=True, address=SECRET, generation=1, config=CONFIG),
]


@pytest.mark.parametrize(("event", "level", "line"), LINES)
def test_people_read_one_line(event: Event, level: str, line: str) -> None:
    assert as_text(event, level, UTC) == f"12:00:00 {line}"


def test_the_time_of_day_is_that_of_the_zone() -> None:
    assert as_text(Troubled(NOON, "x"), "info", timezone(timedelta(hours=5, minutes=30))) == "17:30:00 x"


def test_without_a_zone_it_is_this_machines() -> None:
    assert as_text(Troubled(NOON, "x"), "info").endswith(" x")


@pytest.mark.parametrize(("event", "level", "_"), LINES)
def test_programs_read_one_line_of_json_with_every_field(event: Event, level: str, _: str) -> None:
    line = as_json(event, level)
    assert "\n" not in line
    read = json.loads(line)
    assert read["time"] == "2025-11-23T12:00:00.000000Z"
    assert (read["level"], read["event"]) == (level, type(event).__name__.lower())
    assert set(read) == {"time", "level", "event", *event.__struct_fields__} - {"at"}


def test_json_keeps_what_is_unknown_apart_from_zero() -> None:
    read = json.loads(as_json(unanswered(cost_nano=None, input_tokens=0), "warning"))
    assert (read["cost_nano"], read["input_tokens"], read["format"]) == (None, 0, Format.OPENAI_CHAT.value)
    assert read["attempts"][0]["failure"] == "busy"


@pytest.mark.parametrize("event", LEAKS)
def test_no_secret_is_in_any_line(event: Event) -> None:
    assert "***" in as_json(event, "error")
    assert "planted" not in as_json(event, "error")
    assert "planted" not in as_text(event, "error", UTC)


def test_json_stays_json_where_a_secret_was() -> None:
    read = json.loads(as_json(Troubled(NOON, f'he said "api_key": "{SECRET}" \\ é'), "warning"))
    assert read["what"] == 'he said "api_key": "***" \\ é'


def test_a_name_cannot_forge_a_line_or_move_the_cursor() -> None:
    line = as_text(exchanged(asked="x\n12:00:00 error: \x1b[2Jfake\u202e"), "debug", UTC)
    assert "x\\n12:00:00 error: \\x1b[2Jfake\\u202e → house/large" in line
    assert line.isprintable()
    assert "\n" not in as_json(exchanged(asked="x\ny\x1b"), "debug")


def test_letters_of_every_language_stay_readable() -> None:
    assert "größe模型" in as_text(exchanged(asked="größe模型"), "debug", UTC)


@pytest.mark.parametrize("write", [as_text, as_json])
def test_an_endless_name_is_shortened(write: object) -> None:
    line = write(exchanged(asked="m" * 1_000_000), "debug")  # type: ignore[operator]  # one of two functions
    assert line.count("m" * LONGEST_NAME) == 1
    assert len(line) < 2_000


def test_a_name_that_is_not_unicode_is_written_all_the_same() -> None:
    event: Exchanged = exchanged(asked="\udc80")
    assert "\\udc80" in as_text(event, "debug", UTC)
    assert json.loads(as_json(event, "debug"))["asked"] == "\udc80"


def test_an_audited_operation_is_a_sentence() -> None:
    assert as_text(Audited(NOON, "10.0.0.7", "key.refused", "alice", "expired"), "info", UTC) == (
        "12:00:00 audit: 10.0.0.7 key.refused alice expired"
    )
    assert as_text(Audited(NOON, "", "backup.made"), "info", UTC) == "12:00:00 audit: - backup.made"


def test_a_clients_tags_are_short_and_few() -> None:
    event = exchanged(session="s" * 10_000, tags=("t" * 10_000,) * 100)
    assert len(as_json(event, "debug")) < 10_000 + 100
