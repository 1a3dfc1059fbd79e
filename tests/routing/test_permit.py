from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.compile_access import networks
from omniroute.config.patterns import patterns
from omniroute.config.policy import IpFilter, Policy, Schedule
from omniroute.config.snapshot import Alias
from omniroute.errors import Forbidden
from omniroute.routing.permit import (
    UNKNOWN,
    Address,
    allowed,
    client_address,
    inside,
    lets_in,
    names_on_way,
    open_now,
    parse_address,
    written_address,
)
from omniroute.routing.resolve import Resolved
from tests.support.snapshots import provider, target

HOUSE = provider("house")
LARGE, SMALL = target(HOUSE, "large"), target(HOUSE, "small")
CODING = Resolved((LARGE, SMALL), "coding", way=((Alias("smart", "coding"), "coding"),))


def left(allow: tuple[str, ...] | None, deny: tuple[str, ...] = ()) -> list[str]:
    """Give the models that someone who asks for ``smart`` may be answered by."""
    return [each.model.name for each in allowed(Policy("p", allow, deny), "smart", CODING)]


@pytest.mark.parametrize("policy", [None, Policy("p"), Policy("p", ("smart",)), Policy("p", ("house/*",), ("x",))])
def test_who_may_ask_all_is_given_the_targets_as_they_are(policy: Policy | None) -> None:
    assert allowed(policy, "smart", CODING) == CODING.targets


@pytest.mark.parametrize(
    ("allow", "deny", "expected"),
    [
        (("smart",), (), ["large", "small"]),
        (("coding",), (), ["large", "small"]),
        (("house/large",), (), ["large"]),
        (("*/small",), (), ["small"]),
        (("smart",), ("house/large",), ["small"]),
        (None, ("house/l*",), ["small"]),
        (("house/large", "coding"), (), ["large", "small"]),
    ],
)
def test_a_target_is_allowed_by_any_name_on_the_way_and_denied_by_any(
    allow: tuple[str, ...] | None, deny: tuple[str, ...], expected: list[str]
) -> None:
    assert left(allow, deny) == expected


@pytest.mark.parametrize(
    ("allow", "deny", "reason", "key"),
    [
        ((), (), "policy 'p' does not allow 'house/large'; policy 'p' does not allow 'house/small'", ("allow_models",)),
        (("smart",), ("x", "smart"), "policy 'p' denies 'smart'", ("deny_models", 1)),
        (("*",), ("coding",), "policy 'p' denies 'coding'", ("deny_models", 0)),
        (None, ("house/*",), "policy 'p' denies 'house/large'; policy 'p' denies 'house/small'", ("deny_models", 0)),
        (
            ("house/large",),
            ("*/large",),
            "policy 'p' denies 'house/large'; policy 'p' does not allow 'house/small'",
            ("deny_models", 0),
        ),
    ],
)
def test_where_no_target_is_left_the_reason_and_the_key_that_decides_are_told(
    allow: tuple[str, ...] | None, deny: tuple[str, ...], reason: str, key: tuple[str | int, ...]
) -> None:
    with pytest.raises(Forbidden) as refused:
        left(allow, deny)
    assert refused.value.message == f"model 'smart' may not be asked for here: {reason}"
    assert refused.value.by == ("policies", "p", *key)


def test_at_a_path_that_names_its_provider_a_name_that_is_also_a_combos_allows_nothing() -> None:
    large = Resolved((LARGE,))
    with pytest.raises(Forbidden, match="does not allow 'house/large'"):
        allowed(Policy("p", ("large", "coding")), "large", large, dedicated=True)
    assert allowed(Policy("p", ("house/large",)), "large", large, dedicated=True) == (LARGE,)
    with pytest.raises(Forbidden, match="denies 'large'"):
        allowed(Policy("p", None, ("large",)), "large", large, dedicated=True)


def test_a_model_that_is_asked_for_by_its_name_has_no_other() -> None:
    assert names_on_way("house/large", Resolved((LARGE,))) == ("house/large",)
    assert names_on_way("smart", CODING) == ("smart", "coding")


@given(st.sampled_from([None, ("smart",), ("house/*",), ("*l*",), ()]), st.sampled_from([(), ("*e",), ("coding",)]))
def test_what_is_denied_is_never_answered_and_nothing_is_made_up(
    allow: tuple[str, ...] | None, deny: tuple[str, ...]
) -> None:
    try:
        given_targets = allowed(Policy("p", allow, deny), "smart", CODING)
    except Forbidden:
        return
    assert given_targets
    assert {each.id for each in given_targets} <= {each.id for each in CODING.targets}
    assert all(not patterns(deny).hold(name) for each in given_targets for name in ("smart", "coding", each.id))


BERLIN = "Europe/Berlin"
WORK = Schedule(frozenset(range(5)), 8 * 60, 20 * 60, BERLIN)
NIGHTS = Schedule(frozenset({4}), 22 * 60, 6 * 60, BERLIN)


def at(text: str, zone: str = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("schedule", "now", "opens"),
    [
        (WORK, "2026-11-23 08:00", None),
        (WORK, "2026-11-23 19:59:59", None),
        (WORK, "2026-11-23 07:59:59", "2026-11-23 08:00"),
        (WORK, "2026-11-23 20:00", "2026-11-24 08:00"),
        (WORK, "2026-11-27 20:00", "2026-11-30 08:00"),
        (NIGHTS, "2026-11-27 22:00", None),
        (NIGHTS, "2026-11-28 05:59:59", None),
        (NIGHTS, "2026-11-28 06:00", "2026-12-04 22:00"),
        (NIGHTS, "2026-11-27 05:00", "2026-11-27 22:00"),
        (Schedule(frozenset({6}), 0, 0, BERLIN), "2026-11-29 23:59:59", None),
        (Schedule(frozenset({6}), 0, 0, BERLIN), "2026-11-30 00:00", "2026-12-06 00:00"),
        (WORK, "2026-03-27 20:00", "2026-03-30 08:00"),
        (WORK, "2026-10-23 20:00", "2026-10-26 08:00"),
    ],
)
def test_a_schedule_says_when_it_opens(schedule: Schedule, now: str, opens: str | None) -> None:
    wait = open_now(schedule, at(now))
    assert wait == (None if opens is None else at(opens) - at(now))


SUNDAYS = frozenset({6})


def test_an_hour_that_the_clocks_skip_begins_with_the_offset_before_it() -> None:
    """On 2026-03-29, 02:00 to 03:00 does not exist in Berlin (RFC 5545 §3.3.5)."""
    schedule = Schedule(SUNDAYS, 2 * 60 + 30, 5 * 60, BERLIN)
    midnight = at("2026-03-29 00:00")
    assert open_now(schedule, midnight) == 2.5 * 3600
    assert open_now(schedule, midnight + 2.5 * 3600) is None
    assert open_now(schedule, midnight + 4 * 3600) == at("2026-04-05 02:30") - (midnight + 4 * 3600)


def test_hours_that_the_clocks_skip_whole_are_passed_over() -> None:
    schedule = Schedule(SUNDAYS, 2 * 60 + 50, 3 * 60 + 10, BERLIN)
    midnight = at("2026-03-29 00:00")
    assert open_now(schedule, midnight) == at("2026-04-05 02:50") - midnight


def test_an_hour_that_comes_twice_is_the_first() -> None:
    """On 2026-10-25, 02:00 to 03:00 comes twice in Berlin."""
    schedule = Schedule(SUNDAYS, 2 * 60 + 30, 2 * 60 + 45, BERLIN)
    midnight = at("2026-10-25 00:00")
    assert open_now(schedule, midnight) == 2.5 * 3600
    assert open_now(schedule, midnight + 2.5 * 3600) is None
    assert open_now(schedule, midnight + 3.6 * 3600) is not None


def test_a_schedule_that_never_opens_asks_for_patience() -> None:
    assert open_now(Schedule(frozenset(), 0, 60), 0.0) == 86_400


SCHEDULES = st.builds(
    Schedule,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati"]),
)
MOMENTS = st.integers(int(at("2025-01-01")), int(at("2027-01-01"))).map(float)


@settings(deadline=None)
@given(SCHEDULES, MOMENTS)
def test_a_schedule_that_is_closed_opens_exactly_when_it_says(schedule: Schedule, now: float) -> None:
    wait = open_now(schedule, now)
    if wait is not None:
        assert 0 < wait <= 15 * 86_400
        assert open_now(schedule, now + wait) is None
        assert open_now(schedule, now + wait - 1) is not None or wait < 1


@settings(deadline=None)
@given(SCHEDULES, MOMENTS)
def test_outside_of_changes_of_the_clocks_a_schedule_is_open_by_the_clock_on_the_wall(
    schedule: Schedule, now: float
) -> None:
    place = ZoneInfo(schedule.timezone)
    wall = datetime.fromtimestamp(now, place)
    near = [datetime.fromtimestamp(now + hours * 3600, place).utcoffset() for hours in (-30, 0, 30)]
    if len(set(near)) > 1:
        return
    minute, today = wall.hour * 60 + wall.minute, wall.weekday()
    if schedule.since < schedule.until:
        expected = today in schedule.days and schedule.since <= minute < schedule.until
    else:
        expected = (today in schedule.days and minute >= schedule.since) or (
            (today - 1) % 7 in schedule.days and minute < schedule.until
        )
    assert (open_now(schedule, now) is None) is expected


TEN = networks(["10.0.0.0/8", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("::ffff:10.1.2.3", True),
        ("::10.1.2.3", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("10.1.2.3:443", True),
        ("[2001:db8::1]:443", True),
        ("2001:db8::1%eth0", True),
        ("unknown", False),
        ("", False),
        ("10.0.0.0" + " " * 100, False),
        ("010.0.0.1", False),
    ],
)
def test_an_address_is_in_a_network_or_not(text: str, within: bool) -> None:
    assert inside(TEN, parse_address(text)) is within


def test_versions_are_not_mixed_up() -> None:
    assert parse_address("::1") == Address(6, 1)
    assert not inside(networks(["0.0.0.0/0"]), Address(6, 1))
    assert not inside(networks(["0.0.0.0/0", "::/0"]), UNKNOWN)
    assert not inside((), Address(4, 1))


@pytest.mark.parametrize(
    ("mode", "address", "let_in"),
    [
        ("off", "11.0.0.1", True),
        ("allowlist", "10.0.0.1", True),
        ("allowlist", "11.0.0.1", False),
        ("blocklist", "10.0.0.1", False),
        ("blocklist", "11.0.0.1", True),
        ("allowlist", "unknown", False),
        ("blocklist", "unknown", False),
    ],
)
def test_a_filter_lets_in_whom_it_should_and_nobody_who_cannot_be_known(mode: str, address: str, let_in: bool) -> None:
    rule = IpFilter(mode, TEN)  # type: ignore[arg-type]  # the modes are written as texts above
    assert lets_in(rule, parse_address(address)) is let_in


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("192.0.2.1", [b"10.9.9.9"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", [b"6.6.6.6, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", [b"192.0.2.7, 10.0.0.2 , 10.0.0.3"], "192.0.2.7"),
        ("10.0.0.1", [b"192.0.2.7", b"10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", [b"10.0.0.8, 10.0.0.9"], "10.0.0.8"),
        ("10.0.0.1", [b"192.0.2.7:5000"], "192.0.2.7"),
        ("10.0.0.1", [b"garbage, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", [b"192.0.2.7, garbage"], None),
        ("10.0.0.1", [b"\xff"], None),
        ("10.0.0.1", [b" , "], "10.0.0.1"),
        (None, [b"192.0.2.7"], None),
    ],
)
def test_only_what_a_trusted_proxy_added_is_believed(
    peer: str | None, forwarded: Sequence[bytes], expected: str | None
) -> None:
    wanted = UNKNOWN if expected is None else parse_address(expected)
    assert client_address(peer, forwarded, TEN) == wanted


def test_without_trusted_proxies_the_header_says_nothing() -> None:
    assert client_address("10.0.0.1", [b"192.0.2.7"], ()) == parse_address("10.0.0.1")


@given(st.lists(st.sampled_from(["10.0.0.2", "192.0.2.7", "x", ""]), max_size=5), st.sampled_from(["192.0.2.7", "x"]))
def test_whatever_a_client_writes_to_the_left_of_its_own_address_changes_nothing(claimed: list[str], own: str) -> None:
    header = ", ".join([*claimed, own]).encode()
    assert client_address("10.0.0.1", [header], TEN) == parse_address(own)


def test_an_address_is_written_as_it_is_read() -> None:
    for text in ("10.0.0.7", "2001:db8::7"):
        assert written_address(parse_address(text)) == text
    assert written_address(UNKNOWN) == ""
