import pytest
from msgspec.structs import replace

from omniroute.config.compile_access import networks
from omniroute.config.policy import IpFilter, Policy, Schedule
from omniroute.config.snapshot import Server, Snapshot
from omniroute.engine.admission import NOBODY, Caller, admit
from omniroute.errors import Forbidden, Unauthenticated
from omniroute.names import Scope
from omniroute.routing.permit import UNKNOWN, Address, parse_address
from tests.support.snapshots import key, provider, snapshot

ALICE = key("alice", "sk-alice")
OLD = key("old", "sk-old", expires=100)
READER = key("reader", "sk-reader", scopes=[Scope.STATUS])
KEYED = snapshot(provider("p"), keys=[ALICE, OLD, READER], server=Server(require_api_key=True))
OPEN = snapshot(provider("p"), keys=[ALICE], server=Server(require_api_key=False))
EMPTY = snapshot(provider("p"))


def name(config: Snapshot, presented: bytes | None, now: float = 0.0, scope: Scope = Scope.INFERENCE) -> str | None:
    return admit(config, presented, scope, now, None).name or None


def test_a_known_key_is_named() -> None:
    assert name(KEYED, b"sk-alice") == "alice"


@pytest.mark.parametrize("presented", [b"sk-bob", b"SK-ALICE", b"sk-alice ", b"", ALICE.sha256.encode()])
def test_an_unknown_key_is_refused_and_not_repeated(presented: bytes) -> None:
    with pytest.raises(Unauthenticated, match="not known here") as refused:
        admit(KEYED, presented, Scope.INFERENCE, 0.0, None)
    assert not presented.strip() or presented.decode() not in refused.value.message


def test_where_keys_are_required_a_request_without_one_is_told_how_to_send_it() -> None:
    with pytest.raises(Unauthenticated, match=r"Authorization: Bearer"):
        admit(KEYED, None, Scope.INFERENCE, 0.0, None)


def test_where_keys_are_not_required_anybody_may_ask_but_a_wrong_key_is_still_wrong() -> None:
    assert name(OPEN, None) is None
    assert name(OPEN, b"sk-alice") == "alice"
    with pytest.raises(Unauthenticated):
        admit(OPEN, b"sk-bob", Scope.INFERENCE, 0.0, None)


def test_where_no_keys_are_written_any_key_will_do_because_clients_insist_on_sending_one() -> None:
    assert name(EMPTY, b"sk-anything") is None


def test_a_key_ends_at_its_expiry() -> None:
    assert name(KEYED, b"sk-old", now=99.9) == "old"
    with pytest.raises(Unauthenticated, match="'old' has expired"):
        admit(KEYED, b"sk-old", Scope.INFERENCE, 100.0, None)


def test_a_key_may_do_only_what_its_scopes_say() -> None:
    assert name(KEYED, b"sk-reader", scope=Scope.STATUS) == "reader"
    with pytest.raises(Forbidden, match="lacks the scope 'inference'"):
        admit(KEYED, b"sk-reader", Scope.INFERENCE, 0.0, None)


HERE, THERE = parse_address("10.1.2.3"), parse_address("192.0.2.1")
TEN = networks(["10.0.0.0/8"])
OFFICE = Policy("office", schedule=Schedule(frozenset({3}), 60, 120), networks=TEN)
"""Thursdays, from one to two o'clock in UTC; 1970 began on a Thursday."""
BOB = key("bob", "sk-bob", policy=OFFICE)
RULED = snapshot(provider("p"), keys=[ALICE, OLD, BOB], server=Server(require_api_key=True))
FILTERED = replace(RULED, ip_filter=IpFilter("allowlist", TEN))


def refusal(config: Snapshot, presented: bytes | None, now: float, address: Address | None) -> str:
    with pytest.raises(Forbidden) as refused:
        admit(config, presented, Scope.INFERENCE, now, address)
    return refused.value.message


def test_a_caller_is_its_key_with_its_policy() -> None:
    assert admit(RULED, b"sk-bob", Scope.INFERENCE, 3600.0, HERE) == Caller("bob", OFFICE)
    assert admit(RULED, b"sk-alice", Scope.INFERENCE, 0.0, THERE) == Caller("alice")
    assert admit(EMPTY, None, Scope.INFERENCE, 0.0, THERE) is NOBODY
    assert admit(replace(EMPTY, anonymous=Policy("p")), None, Scope.INFERENCE, 0.0, THERE).policy == Policy("p")


def test_a_caller_without_a_key_has_the_policy_of_the_defaults() -> None:
    config = replace(EMPTY, anonymous=OFFICE)
    assert admit(config, None, Scope.INFERENCE, 3600.0, HERE) == Caller("", OFFICE)
    assert "at this hour" in refusal(config, None, 0.0, HERE)


@pytest.mark.parametrize("presented", [b"sk-alice", b"sk-wrong", b"sk-old", None])
def test_who_comes_from_elsewhere_than_the_filter_allows_learns_nothing_of_keys(presented: bytes | None) -> None:
    assert refusal(FILTERED, presented, 1e9, THERE) == "requests from this address are not let in"
    assert refusal(FILTERED, presented, 1e9, UNKNOWN) == "requests from this address are not let in"


def test_who_comes_from_where_the_filter_allows_still_needs_a_key() -> None:
    with pytest.raises(Unauthenticated):
        admit(FILTERED, b"sk-wrong", Scope.INFERENCE, 0.0, HERE)
    assert admit(FILTERED, b"sk-alice", Scope.INFERENCE, 0.0, HERE).name == "alice"


def test_where_the_address_is_not_looked_at_no_address_is_wrong() -> None:
    assert admit(FILTERED, b"sk-bob", Scope.INFERENCE, 3600.0, None).name == "bob"


@pytest.mark.parametrize(
    ("now", "wait"),
    [(3599.5, "1m"), (0.0, "1h"), (7200.0, "6d23h"), (7200.0 + 90, "6d22h59m"), (3600.0 - 61, "2m")],
)
def test_outside_of_its_hours_a_caller_is_told_when_they_begin(now: float, wait: str) -> None:
    expected = f"policy 'office' allows no requests at this hour; they are allowed again in {wait}"
    assert refusal(RULED, b"sk-bob", now, HERE) == expected


def test_the_hour_counts_before_the_address_and_the_address_before_the_scope() -> None:
    assert "at this hour" in refusal(RULED, b"sk-bob", 0.0, THERE)
    assert refusal(RULED, b"sk-bob", 3600.0, THERE) == "policy 'office' allows no requests from this address"
    with pytest.raises(Forbidden, match="from this address"):
        admit(RULED, b"sk-bob", Scope.STATUS, 3600.0, UNKNOWN)
    with pytest.raises(Forbidden, match="lacks the scope"):
        admit(RULED, b"sk-bob", Scope.STATUS, 3600.0, HERE)


def test_an_expired_key_is_refused_whatever_its_hours() -> None:
    late = replace(RULED, keys={OLD.sha256: replace(OLD, policy=OFFICE)})
    with pytest.raises(Unauthenticated, match="has expired"):
        admit(late, b"sk-old", Scope.INFERENCE, 100.0, THERE)


def test_where_there_are_keys_but_none_is_required_nobody_sees_more_without_one() -> None:
    assert name(OPEN, None) is None
    for scope in (Scope.STATUS, Scope.OPERATE):
        with pytest.raises(Unauthenticated, match=f"scope '{scope}'"):
            admit(OPEN, None, scope, 0.0, None)
    assert admit(EMPTY, None, Scope.STATUS, 0.0, None).name == ""
