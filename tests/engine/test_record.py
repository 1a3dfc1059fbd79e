"""The notes on one request, at every moment at which it may be interrupted."""

import pytest

from omniroute.config.snapshot import Model, Price
from omniroute.engine.record import CLIENT_LEFT, Record
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format, Outcome
from omniroute.routing.failure import Failure
from omniroute.routing.plan import Candidate
from tests.support.gateway import live
from tests.support.snapshots import provider, snapshot, target

PRICED = Model("m", price=Price(input=2_000_000_000, output=10_000_000_000))
FIRST, SECOND = provider("first"), provider("second", models=[PRICED], credentials=("main", "spare"))
ONE = Candidate(target(FIRST, "m"), FIRST.credentials[0], Format.OPENAI_CHAT)
TWO = Candidate(target(SECOND, "m"), SECOND.credentials[1], Format.OPENAI_CHAT)
NOON = 1_763_899_200_000_000


def record() -> Record:
    return Record("req_1", Format.OPENAI_CHAT, live(snapshot(FIRST, SECOND), {}, generation=7), NOON, 100.0)


def failure(kind: FailureKind, status: int | None) -> Failure:
    return Failure(kind, ONE.target.id, ONE.credential.name, "it is down", status)


def test_a_request_of_which_nothing_is_known_is_one_whose_client_left() -> None:
    row = record().exchanged(100.25)
    assert (row.request_id, row.format, row.at, row.micros) == ("req_1", Format.OPENAI_CHAT, NOON, 250_000)
    assert (row.outcome, row.status, row.code) == (Outcome.CANCELLED, CLIENT_LEFT, "")
    assert (row.target, row.provider, row.model, row.credential, row.attempts) == ("", "", "", "", ())
    assert (row.input_tokens, row.output_tokens, row.cost_nano, row.first_token_micros) == (None, None, None, None)


def test_a_row_names_the_configuration_that_the_request_began_with() -> None:
    row = record().exchanged(101.0)
    assert (row.generation, row.config) == (7, "0123456789ab")


def test_an_answer_is_told_with_who_gave_it_what_it_used_and_what_it_cost() -> None:
    notes = record()
    notes.asked, notes.key, notes.stream = "smart", "alice", True
    notes.attempted(ONE, 0.5, failure(FailureKind.DOWN, 500))
    notes.answering(TWO)
    notes.first_token = 101.5
    notes.usage = Usage(input=1000, output=100, cache_read=0, cache_write=0, reasoning=30)
    notes.ended(Outcome.OK, 200)
    notes.attempted(TWO, 1.25)
    row = notes.exchanged(102.0)
    assert (row.asked, row.key, row.stream) == ("smart", "alice", True)
    assert (row.target, row.provider, row.model, row.credential) == ("second/m", "second", "m", "spare")
    assert (row.micros, row.first_token_micros) == (2_000_000, 1_500_000)
    assert (row.input_tokens, row.output_tokens, row.reasoning_tokens) == (1000, 100, 30)
    assert row.cost_nano == 1000 * 2_000 + 100 * 10_000
    first, second = row.attempts
    assert (first.target, first.failure, first.status, first.detail) == ("first/m", FailureKind.DOWN, 500, "it is down")
    assert (second.target, second.credential, second.failure, second.status) == ("second/m", "spare", None, 200)
    assert (first.micros, second.micros) == (500_000, 1_250_000)


def test_an_answer_of_unknown_usage_or_price_has_an_unknown_cost() -> None:
    notes = record()
    notes.answering(TWO)
    assert notes.exchanged(101.0).cost_nano is None
    notes.answering(ONE)
    notes.usage = Usage(input=5)
    assert notes.exchanged(101.0).cost_nano is None


def test_an_attempt_that_was_given_up_has_neither_a_failure_nor_a_status() -> None:
    notes = record()
    notes.attempted(ONE, 0.5)
    [given_up] = notes.exchanged(101.0).attempts
    assert (given_up.failure, given_up.status) == (None, None)


def test_a_request_takes_until_its_client_had_everything_though_its_end_is_noted_later() -> None:
    notes = record()
    notes.answered_at = 103.0
    assert notes.exchanged(104.0).micros == 3_000_000


def test_attempts_are_counted_as_they_end() -> None:
    notes = record()
    assert notes.attempts == 0
    notes.attempted(ONE, 0.1)
    assert notes.attempts == 1


def test_an_admission_has_the_name_the_instant_and_the_budgets_of_its_request() -> None:
    notes = record()
    notes.asked, notes.key, notes.budgets = "smart", "alice", (("team", 1_763_856_000),)
    begun, ended = notes.admitted(reserved=500), notes.exchanged(101.0)
    assert (begun.request_id, begun.at, begun.budgets) == (ended.request_id, ended.at, ended.budgets)
    assert (begun.asked, begun.key, begun.reserved, begun.config) == ("smart", "alice", 500, ended.config)


def test_a_row_has_every_class_of_tokens_and_the_clients_own_words() -> None:
    notes = record()
    notes.usage = Usage(input=9, cache_write_1h=3, audio_in=2, audio_out=1)
    notes.tags, notes.session, notes.estimated = ("red", "blue"), "s-1", True
    row = notes.exchanged(101.0)
    assert (row.cache_write_1h_tokens, row.audio_in_tokens, row.audio_out_tokens) == (3, 2, 1)
    assert (row.tags, row.session, row.estimated) == (("red", "blue"), "s-1", True)


@pytest.mark.parametrize(
    ("outcome", "status", "code", "billed"),
    [
        (Outcome.CANCELLED, CLIENT_LEFT, "", True),
        (Outcome.REFUSED, 503, "shutting_down", True),
        (Outcome.FAILED, 502, "upstream_unavailable", False),
    ],
)
def test_who_was_being_asked_when_the_client_left_or_the_gateway_stopped_may_bill_what_it_was_sent(
    outcome: Outcome, status: int, code: str, billed: bool
) -> None:
    notes = record()
    notes.estimates, notes.input_estimate = True, 1000
    notes.attempted(TWO, 0.5)
    notes.ended(outcome, status, code)
    row = notes.exchanged(101.0)
    assert row.estimated is billed
    assert (row.input_tokens, row.output_tokens, row.cost_nano) == (
        (1000, 0, 1000 * 2_000) if billed else (None, None, None)
    )


def test_what_was_used_was_used_by_whoever_answers() -> None:
    notes = record()
    notes.answering(TWO)
    assert notes.used_by(TWO) is None
    notes.usage = Usage(input=5, cache_read=3, output=2)
    assert (notes.used_by(TWO), notes.used_by(ONE)) == (10, None)
