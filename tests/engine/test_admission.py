import pytest

from omniroute.config.snapshot import Server, Snapshot
from omniroute.engine.admission import admit
from omniroute.errors import Forbidden, Unauthenticated
from omniroute.names import Scope
from tests.support.snapshots import key, provider, snapshot

ALICE = key("alice", "sk-alice")
OLD = key("old", "sk-old", expires=100)
READER = key("reader", "sk-reader", scopes=[Scope.STATUS])
KEYED = snapshot(provider("p"), keys=[ALICE, OLD, READER], server=Server(require_api_key=True))
OPEN = snapshot(provider("p"), keys=[ALICE], server=Server(require_api_key=False))
EMPTY = snapshot(provider("p"))


def name(config: Snapshot, presented: bytes | None, now: float = 0.0, scope: Scope = Scope.INFERENCE) -> str | None:
    found = admit(config, presented, scope, now)
    return found.name if found else None


def test_a_known_key_is_named() -> None:
    assert name(KEYED, b"sk-alice") == "alice"


@pytest.mark.parametrize("presented", [b"sk-bob", b"SK-ALICE", b"sk-alice ", b"", ALICE.sha256.encode()])
def test_an_unknown_key_is_refused_and_not_repeated(presented: bytes) -> None:
    with pytest.raises(Unauthenticated, match="not known here") as refused:
        admit(KEYED, presented, Scope.INFERENCE, 0.0)
    assert not presented.strip() or presented.decode() not in refused.value.message


def test_where_keys_are_required_a_request_without_one_is_told_how_to_send_it() -> None:
    with pytest.raises(Unauthenticated, match=r"Authorization: Bearer"):
        admit(KEYED, None, Scope.INFERENCE, 0.0)


def test_where_keys_are_not_required_anybody_may_ask_but_a_wrong_key_is_still_wrong() -> None:
    assert name(OPEN, None) is None
    assert name(OPEN, b"sk-alice") == "alice"
    with pytest.raises(Unauthenticated):
        admit(OPEN, b"sk-bob", Scope.INFERENCE, 0.0)


def test_where_no_keys_are_written_any_key_will_do_because_clients_insist_on_sending_one() -> None:
    assert name(EMPTY, b"sk-anything") is None


def test_a_key_ends_at_its_expiry() -> None:
    assert name(KEYED, b"sk-old", now=99.9) == "old"
    with pytest.raises(Unauthenticated, match="'old' has expired"):
        admit(KEYED, b"sk-old", Scope.INFERENCE, 100.0)


def test_a_key_may_do_only_what_its_scopes_say() -> None:
    assert name(KEYED, b"sk-reader", scope=Scope.STATUS) == "reader"
    with pytest.raises(Forbidden, match="lacks the scope 'inference'"):
        admit(KEYED, b"sk-reader", Scope.INFERENCE, 0.0)
