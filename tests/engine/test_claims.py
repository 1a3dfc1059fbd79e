"""Idempotency keys: one request is answered under each, and what was answered is remembered for a while."""

import asyncio

import pytest

from omniroute.engine.claims import Claims, repeatable
from omniroute.engine.patience import Patience
from omniroute.engine.record import Record
from omniroute.engine.recording import Fate, Recording
from omniroute.errors import Conflict
from omniroute.formats.openai_chat import CODEC
from omniroute.names import Outcome
from omniroute.storage.recordings import Kept
from tests.support.gateway import live
from tests.support.snapshots import snapshot

KEPT = Kept(200, (), True, b"{}", 1.0, "ok")


def recording() -> Recording:
    return Recording(Patience(), Record("req_1", CODEC.format, live(snapshot(), {}), 1, 0.0))


async def test_a_key_is_free_until_it_is_claimed_and_after_its_time() -> None:
    claims, one = Claims(), recording()
    assert claims.find(b"k", b"f", 0.0) is None
    claims.begin(b"k", b"f", one)
    assert claims.find(b"k", b"f", 0.0) is one
    claims.end(b"k", one, KEPT, 15.0, 10.0)
    assert claims.find(b"k", b"f", 14.9) is KEPT
    with pytest.raises(Conflict):
        claims.find(b"k", b"g", 14.9)
    assert claims.find(b"k", b"g", 15.0) is None


async def test_what_was_not_worth_keeping_frees_its_key() -> None:
    claims, one = Claims(), recording()
    claims.begin(b"k", b"f", one)
    claims.end(b"k", one, None, 15.0, 10.0)
    assert claims.find(b"k", b"g", 10.0) is None
    assert claims.active(10.0) == 0


async def test_who_lost_its_key_to_another_does_not_end_that_ones_claim() -> None:
    claims, one, two = Claims(), recording(), recording()
    claims.begin(b"k", b"f", one)
    claims.begin(b"k", b"f", two)
    claims.end(b"k", one, KEPT, 15.0, 10.0)
    assert claims.find(b"k", b"f", 10.0) is two


async def test_a_claim_whose_answer_cannot_be_joined_any_more_is_free() -> None:
    claims, one = Claims(), recording()
    claims.begin(b"k", b"f", one)
    one.close()
    assert claims.find(b"k", b"g", 0.0) is None


async def test_what_is_remembered_is_bounded_and_counted() -> None:
    claims = Claims(most=3)
    for number in range(5):
        one = recording()
        claims.begin(bytes([number]), b"f", one)
        claims.end(bytes([number]), one, KEPT, 10.0 + number, 1.0)
        await asyncio.sleep(0)
    claims.begin(b"k", b"f", recording())
    assert claims.active(1.0) == 4
    assert claims.active(13.0) == 2
    assert claims.find(bytes([0]), b"f", 1.0) is None


@pytest.mark.parametrize(
    ("outcome", "status", "code", "expected"),
    [
        (Outcome.OK, 200, "", True),
        (Outcome.REFUSED, 404, "model_not_found", True),
        (Outcome.REFUSED, 413, "request_too_large", True),
        (Outcome.FAILED, 400, "upstream_invalid_request", True),
        (Outcome.FAILED, 422, "upstream_invalid_request", True),
        (Outcome.REFUSED, 422, "no_fitting_target", False),
        (Outcome.REFUSED, 409, "idempotency_conflict", False),
        (Outcome.REFUSED, 429, "rate_limited", False),
        (Outcome.REFUSED, 503, "shutting_down", False),
        (Outcome.FAILED, 502, "upstream_unavailable", False),
        (Outcome.CUT, 200, "upstream_cut", False),
        (Outcome.CANCELLED, 499, "", False),
    ],
)
def test_only_what_another_attempt_could_not_better_is_repeated(
    outcome: Outcome, status: int, code: str, expected: bool
) -> None:
    assert repeatable(Fate(outcome, status, code)) is expected
