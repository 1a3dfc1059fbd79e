import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.limits.cooldown import DAY
from omniroute.limits.ratelimits import Learnt, learnt
from tests.support.laws import often

NOW = datetime(2025, 3, 15, 9, 38, 0, tzinfo=UTC).timestamp()
TRAFFIC = Path(__file__).parents[2] / "../shared/traffic"

NAMES = [
    *(f"x-ratelimit-{word}{what}" for word in ("limit", "remaining", "reset") for what in ("", "-requests", "-tokens")),
    *(f"ratelimit-{word}" for word in ("limit", "remaining", "reset")),
    *(
        f"anthropic-ratelimit-{what}-{word}"
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
        for word in ("limit", "remaining", "reset")
    ),
    "ratelimit",
    "x-ratelimit-renewalperiod-tokens",
]


def test_headers_without_a_rate_limit_say_nothing() -> None:
    assert learnt({}, NOW) is None
    assert learnt({"content-type": "text/event-stream", "retry-after": "3"}, NOW) is None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("8.64s", 8.64),
        ("1h2m3.5s", 3723.5),
        ("2m59.56s", 179.56),
        ("500us", 0.0005),
        ("500µs", 0.0005),
        ("0s", 0.0),
        ("48h0m0s", DAY),
        ("", None),
        ("soon", None),
        ("1s and more", None),
        ("-1s", None),
        ("60", None),
        ("1741999999", 0.0),
        (str(int(NOW) + 30), 30.0),
    ],
)
def test_a_limit_on_requests_that_is_used_up_is_free_after_its_duration(written: str, seconds: float | None) -> None:
    headers = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": written,
    }
    found = learnt(headers, NOW)
    assert found is not None
    assert found.remaining == 0
    assert found.reset == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2025-03-15T09:38:27Z", 27.0),
        ("2025-03-15T10:38:27+01:00", 27.0),
        ("2025-03-15T09:38:27", None),
        ("2025-03-15T09:37:00Z", 0.0),
        ("2025-04-15T09:37:00Z", DAY),
        ("9999-12-31T23:59:59-23:59", DAY),
        ("0001-01-01T00:00:00+23:59", 0.0),
        ("2025-02-30T00:00:00Z", None),
        ("yesterday", None),
        ("\ud800", None),
    ],
)
@pytest.mark.parametrize("what", ["requests", "tokens", "input-tokens", "output-tokens"])
def test_a_limit_with_a_time_is_free_at_that_time(what: str, written: str, seconds: float | None) -> None:
    headers = {f"anthropic-ratelimit-{what}-remaining": "0", f"anthropic-ratelimit-{what}-reset": written}
    assert learnt(headers, NOW) == Learnt(0, seconds)


@pytest.mark.parametrize("before", ["x-ratelimit", "ratelimit"])
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2", 2.0),
        ("2.5", 2.5),
        (str(int(NOW) + 30), 30.0),
        (f"{int(NOW) + 30}000", 30.0),
        ("999999", DAY),
        ("-3", None),
    ],
)
def test_a_generic_reset_is_seconds_or_a_unix_time(before: str, written: str, seconds: float | None) -> None:
    assert learnt({f"{before}-remaining": "0", f"{before}-reset": written}, NOW) == Learnt(0, seconds)


def test_a_reset_alone_is_told_without_a_remaining() -> None:
    assert learnt({"x-ratelimit-reset": "12"}, NOW) == Learnt(None, 12.0)
    assert learnt({"x-ratelimit-reset-requests": "12s", "x-ratelimit-reset-tokens": "5s"}, NOW) == Learnt(None, 12.0)
    assert learnt({"x-ratelimit-limit": "12"}, NOW) is None


def test_a_limit_with_room_has_no_reset() -> None:
    headers = {"x-ratelimit-limit": "2", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "2"}
    assert learnt(headers, NOW) == Learnt(1, None)


def test_of_several_used_up_limits_the_one_that_is_free_last_decides() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "2s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "9s",
        "x-ratelimit-remaining": "5",
        "x-ratelimit-reset": "60",
    }
    assert learnt(headers, NOW) == Learnt(0, 9.0)


def test_limits_under_different_names_are_not_mixed() -> None:
    headers = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "5",
        "ratelimit-remaining": "3",
        "ratelimit-reset": "7",
    }
    assert learnt(headers, NOW) == Learnt(0, 5.0)


def test_of_several_limits_with_room_the_smallest_share_decides() -> None:
    headers = {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "90",
        "x-ratelimit-limit-tokens": "200000",
        "x-ratelimit-remaining-tokens": "2000",
        "ratelimit-remaining": "7",
    }
    assert learnt(headers, NOW) == Learnt(2000, None)


def test_the_drafts_one_field_is_read_with_all_its_limits() -> None:
    assert learnt({"ratelimit": '"default";r=50;t=30'}, NOW) == Learnt(50, None)
    assert learnt({"ratelimit": '"a";r=50;t=30, "daily"; r=0; t=3600'}, NOW) == Learnt(0, 3600.0)
    assert learnt({"ratelimit": '"a;r=0,b";r=50;t=30'}, NOW) == Learnt(50, None)
    assert learnt({"ratelimit": "rubbish"}, NOW) is None


def test_numbers_that_are_none_say_nothing() -> None:
    for written in ("", "-1", "many", "1, 2", "9" * 5000, "٣"):
        assert learnt({"x-ratelimit-remaining-requests": written}, NOW) is None


def test_a_neighbouring_header_is_not_taken_for_a_limit() -> None:
    headers = {
        "x-ratelimit-renewalperiod-tokens": "0",
        "my-x-ratelimit-remaining": "0",
        "x-ratelimit-remaining-tokens-2": "0",
    }
    assert learnt(headers, NOW) is None


VALUES = st.text(max_size=20) | st.from_regex(r"[0-9.]{1,12}(ms|s|m|h)?([0-9]{1,3}s)?") | st.integers().map(str)


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=30), VALUES), st.floats(0, 1e10))
@settings(max_examples=often(300), deadline=None)
def test_no_header_makes_it_raise_or_wait_longer_than_a_day(headers: dict[str, str], now: float) -> None:
    found = learnt(headers, now)
    if found is not None:
        assert found.remaining is None or found.remaining >= 0
        assert found.reset is None or 0.0 <= found.reset <= DAY
        assert found.reset is None or not found.remaining
        assert found != Learnt(None, None)


@given(
    st.integers(0, 30),
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(0, 999),
    st.sampled_from(["requests", "tokens"]),
)
def test_every_duration_as_go_writes_it_is_read(hours: int, minutes: int, seconds: int, milli: int, what: str) -> None:
    written = f"{hours}h{minutes}m{seconds}.{milli:03}s"
    found = learnt({f"x-ratelimit-remaining-{what}": "0", f"x-ratelimit-reset-{what}": written}, NOW)
    assert found is not None
    assert found.reset == pytest.approx(min(DAY, hours * 3600 + minutes * 60 + seconds + milli / 1000))


@pytest.mark.skipif(not TRAFFIC.is_dir(), reason="the recorded traffic is not here")
def test_every_recorded_answer_with_rate_limits_is_understood() -> None:
    understood = 0
    for path in sorted(TRAFFIC.glob("*/*.json")):
        recorded = json.loads(path.read_text("utf-8"))
        written = recorded.get("response_headers") if isinstance(recorded, dict) else None
        headers = {name.lower(): str(value) for name, value in (written or {}).items()}
        limited = any("ratelimit" in name and "remaining" in name for name in headers)
        assert (learnt(headers, NOW) is not None) == limited, path.name
        understood += limited
    assert understood > 20
