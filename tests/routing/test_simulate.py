"""One request, played through: what serves decides, and a script says what upstreams do."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.snapshot import Snapshot, Timeouts
from omniroute.formats.translate import sayable
from omniroute.ir.complaint import Complaint
from omniroute.ir.facts import Facts
from omniroute.names import FailureKind, Format
from omniroute.routing.failure import MEANING, AllFailed
from omniroute.routing.judge import LONGEST_WAIT, kind_of
from omniroute.routing.simulate import EVERYBODY, MOMENT, Given, Reply, Simulated, simulate
from omniroute.routing.view import View
from tests.support.laws import often
from tests.support.snapshots import combo, provider, snapshot, target

FIRST = provider("first", credentials=["main", "spare"], timeouts=Timeouts(first_byte=4.0, answer=20.0, total=30.0))
SECOND = provider("second", timeouts=Timeouts(answer=20.0, total=30.0))
CONFIG = snapshot(
    FIRST,
    SECOND,
    combos=[combo("c", target(FIRST, "m"), target(SECOND, "m"), target(SECOND, "n"))],
    aliases={"other": "second/m"},
)
NOTHING_KNOWN = View()
Lines = Mapping[str, tuple[Reply, ...]]


def play(
    script: Lines,
    *,
    asked: str = "c",
    stream: bool = False,
    view: View = NOTHING_KNOWN,
    config: Snapshot = CONFIG,
    **more: Any,
) -> Simulated:
    facts = Facts(asked, Format.OPENAI_CHAT, stream=stream)
    return simulate(config, facts, Given(sayable, script, view), **more)


def says(what: int | FailureKind, wait: float | None = None) -> tuple[Reply, ...]:
    return (Reply(what, wait),)


def tried(one: Simulated) -> list[str]:
    return [f"{each.candidate.target.id} {each.candidate.credential.name}" for each in one.attempts]


def test_whoever_is_not_in_the_script_answers() -> None:
    one = play({})
    assert (tried(one), one.server, one.status, one.code) == (["first/m main"], "first/m", 200, "")
    assert (one.waited, one.took) == (0.0, MOMENT)


@pytest.mark.parametrize("status", [400, 401, 402, 404, 413, 418, 429, 500, 503, 529, 204, 302])
def test_a_status_is_judged_as_an_upstreams_is(status: int) -> None:
    one = play({"first/m#main": says(status)})
    failure = one.attempts[0].failure
    assert failure is not None
    assert (failure.kind, failure.status) == (kind_of(status, Complaint()), status)
    assert (len(one.attempts) > 1) is MEANING[failure.kind].moves


def test_the_nearest_place_in_the_script_counts() -> None:
    script = {
        EVERYBODY: says(500),
        "first": says(501),
        "first/m": says(502),
        "first#spare": says(429),
        "first/m#main": says(401),
    }
    one = play(script)
    details = [each.failure.detail for each in one.attempts if each.failure is not None]
    assert details == ["HTTP 401", "HTTP 429", "HTTP 500", "HTTP 500"]
    assert tried(one)[:2] == ["first/m main", "first/m spare"]
    nearer = play({EVERYBODY: says(500), "first": says(501), "first/m": says(502)}).attempts[0].failure
    assert nearer is not None
    assert nearer.detail == "HTTP 502"


def test_replies_of_a_place_are_given_one_after_the_other_and_the_last_from_then_on() -> None:
    script = {"second": (Reply(503), Reply(429), Reply(200))}
    statuses = []
    left: Lines = script
    for _ in range(4):
        one = play(left, asked="other")
        statuses.append(one.status)
        left = one.script
    assert statuses == [502, 429, 200, 200]
    assert script == {"second": (Reply(503), Reply(429), Reply(200))}


def test_a_place_without_replies_is_none() -> None:
    assert play({"first": ()}).status == 200


@pytest.mark.parametrize("kind", list(FailureKind))
def test_a_failure_by_name_is_what_it_says_and_has_no_status(kind: FailureKind) -> None:
    failure = play({EVERYBODY: says(kind)}, stream=True).attempts[0].failure
    assert failure is not None
    assert (failure.kind, failure.status, failure.started) == (kind, None, kind is FailureKind.CUT)


def test_when_all_fail_the_status_and_the_code_are_those_that_serve_gives() -> None:
    one = play({"first": says(503), "second": says(429, 7.0)})
    failures = [each.failure for each in one.attempts if each.failure is not None]
    error = AllFailed("c", failures)
    assert (one.status, one.code, one.message) == (error.status, error.code, error.message)
    assert (one.status, one.code) == (429, "upstream_rate_limited")
    assert error.retry_after == 7.0
    assert one.server is None


def test_a_stream_that_breaks_off_ends_the_request_with_the_status_that_the_client_has_seen() -> None:
    one = play({"first": says(FailureKind.CUT)}, stream=True)
    assert (tried(one), one.status, one.code, one.server) == (["first/m main"], 200, "upstream_cut", None)


def test_a_whole_answer_that_breaks_off_is_not_passed_on_and_the_next_is_asked() -> None:
    one = play({"first": says(FailureKind.CUT)})
    assert one.attempts[0].failure is not None
    assert one.attempts[0].failure.kind is FailureKind.DOWN
    assert (tried(one), one.status) == (["first/m main", "second/m main"], 200)


def test_what_never_comes_takes_all_the_time_that_is_allowed() -> None:
    silent = {EVERYBODY: says(FailureKind.TIMEOUT)}
    whole, streamed = play(silent), play(silent, stream=True)
    assert [each.ended - each.began for each in whole.attempts] == [20.0, 10.0]  # 30 seconds in all
    assert (whole.took, whole.status) == (30.0, 504)
    assert streamed.attempts[0].ended == 4.0
    assert play({EVERYBODY: says(504)}).took == 3 * MOMENT


def test_a_wait_is_counted_and_not_waited() -> None:
    view = View(now=100.0, cooling={("second", "main", ""): 103.0})
    one = play({}, asked="other", view=view, now=100.0)
    assert (one.waited, one.status) == (3.0, 200)
    assert 3.0 < one.took < 3.01
    assert (one.attempts[0].waited, one.attempts[0].began) == (3.0, 103.0)


def test_a_wait_that_is_longer_than_is_believed_is_cut() -> None:
    failure = play({"second": says(429, 10 * LONGEST_WAIT)}, asked="other").attempts[0].failure
    assert failure is not None
    assert failure.retry_after == LONGEST_WAIT


def test_what_is_refused_before_anybody_is_asked_has_no_plan() -> None:
    one = play({}, asked="nothing/at-all")
    assert (one.plan, one.attempts, one.status, one.code) == (None, (), 404, "model_not_found")
    assert "nothing/at-all" in one.message
    assert (one.server, one.took) == (None, 0.0)


REPLIES = st.builds(
    Reply,
    st.sampled_from([200, 400, 401, 404, 429, 500, 503, *FailureKind]),
    st.sampled_from([None, 1.0, 60.0]),
)
PLACES = st.sampled_from(["first", "second", "first/m", "second/m", "first#main", "second/n#main", EVERYBODY])


@settings(max_examples=often(100), deadline=None)
@given(
    st.dictionaries(PLACES, st.lists(REPLIES, min_size=1, max_size=3).map(tuple), max_size=4),
    st.booleans(),
    st.integers(0, 9),
)
def test_the_same_arguments_give_the_same_course_which_keeps_its_limits(script: Lines, stream: bool, seed: int) -> None:
    one = play(script, stream=stream, seed=seed)
    assert one == play(script, stream=stream, seed=seed)
    assert one.plan is not None
    assert len(set(tried(one))) == len(tried(one)) <= one.plan.max_attempts
    last = one.attempts[-1].failure
    assert (one.status == 200) is (last is None or last.started)
    assert (one.server is not None) is (last is None)
    assert one.took <= one.plan.total + 1e-9
    assert all(each.failure is not None for each in one.attempts[:-1])
