"""When a target is late, and whether a second one may be asked."""

import msgspec

from omniroute.config.snapshot import Hedge
from omniroute.engine.lateness import Hedging
from omniroute.names import Format
from omniroute.routing.plan import Candidate
from tests.support.snapshots import provider, target

WANTED = Hedge(enabled=True, min_samples=20, max_share=0.5, min_wait=0.2)
HOUSE = provider("house", credentials=["one", "two"])


def candidate(model: str = "m", credential: int = 0) -> Candidate:
    return Candidate(target(HOUSE, model), HOUSE.credentials[credential], Format.OPENAI_CHAT)


def taught(hedge: Hedge, seconds: float, times: int = 20) -> Hedging:
    hedging = Hedging()
    hedging.heed(hedge)
    for _ in range(times):
        hedging.took(candidate(), seconds, stream=True)
    return hedging


def test_a_target_is_late_after_its_own_slow_answers_and_not_before_enough_of_them_are_known() -> None:
    assert taught(WANTED, 1.5).late_after(candidate(), stream=True) == 1.5
    assert taught(WANTED, 1.5, times=19).late_after(candidate(), stream=True) is None
    assert taught(WANTED, 1.5).late_after(candidate("n"), stream=True) is None


def test_the_credential_does_not_matter_and_what_is_streamed_and_what_is_not_are_learnt_apart() -> None:
    hedging = taught(WANTED, 1.5)
    assert hedging.late_after(candidate(credential=1), stream=True) == 1.5
    assert hedging.late_after(candidate(), stream=False) is None


def test_nothing_is_late_before_the_shortest_time() -> None:
    assert taught(WANTED, 0.01).late_after(candidate(), stream=True) == 0.2


def test_nothing_is_learnt_while_it_is_not_wanted() -> None:
    hedging = taught(Hedge(min_samples=20), 1.5)
    hedging.heed(WANTED)
    assert hedging.late_after(candidate(), stream=True) is None


def test_one_more_is_in_order_once_its_share_was_asked_and_a_new_share_begins_anew() -> None:
    hedging = taught(WANTED, 1.5)
    hedging.asked()
    assert not hedging.left
    hedging.asked()
    assert hedging.left
    hedging.heed(msgspec.structs.replace(WANTED, min_wait=0.3))
    assert hedging.left
    hedging.take()
    assert not hedging.left
    hedging.asked()
    hedging.asked()
    hedging.heed(msgspec.structs.replace(WANTED, max_share=0.4))
    assert not hedging.left
