"""Who asks, where nobody has the key itself."""

from types import MappingProxyType

import pytest
from msgspec.structs import replace

from omniroute.config.policy import Policy
from omniroute.config.snapshot import Server
from omniroute.engine.showing import Showing, key_named, let_in, policy_of
from omniroute.errors import Forbidden, Unauthenticated
from omniroute.names import Scope
from tests.support.snapshots import key, provider, snapshot

ALICE = replace(key("alice", "sk-alice"), policy=Policy("p"))
BOB = key("bob", "sk-bob", expires=100)
CAROL = key("carol", "sk-carol", scopes=[Scope.STATUS])
CONFIG = replace(
    snapshot(provider("house")),
    keys=MappingProxyType({each.sha256: each for each in (ALICE, BOB, CAROL)}),
    server=Server(require_api_key=True),
    anonymous=Policy("guests"),
)


def test_a_key_and_its_policy_are_found_by_its_name() -> None:
    assert key_named(CONFIG, "alice") is ALICE
    assert key_named(CONFIG, "nobody") is None
    assert policy_of(CONFIG, "alice") is ALICE.policy
    assert policy_of(CONFIG, "bob") is None
    assert policy_of(CONFIG, None) is policy_of(CONFIG, "") is CONFIG.anonymous


def test_who_shows_a_key_is_let_in_as_its_owner() -> None:
    caller = let_in(CONFIG, Showing("alice", 0.0))
    assert (caller.name, caller.policy) == ("alice", ALICE.policy)


@pytest.mark.parametrize(
    ("shown", "refusal", "by"),
    [
        (Showing(None, 0.0), Unauthenticated, ("server", "require_api_key")),
        (Showing("nobody", 0.0), Unauthenticated, ()),
        (Showing("bob", 100.0), Unauthenticated, ("keys", "bob", "expires")),
        (Showing("carol", 0.0), Forbidden, ("keys", "carol", "scopes")),
    ],
)
def test_who_is_refused_is_told_by_which_key(
    shown: Showing, refusal: type[Unauthenticated] | type[Forbidden], by: tuple[str, ...]
) -> None:
    with pytest.raises(refusal) as refused:
        let_in(CONFIG, shown)
    assert refused.value.by == by


def test_where_no_key_is_needed_the_policy_of_the_defaults_holds() -> None:
    assert let_in(CONFIG, Showing(None, 0.0, needed=False)).policy is CONFIG.anonymous
