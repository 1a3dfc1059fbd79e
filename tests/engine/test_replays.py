"""A request that repeats another: it gets the same answer, and nobody is asked or charged twice."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from omniroute.config.policy import CacheUse, ExactCache
from omniroute.config.snapshot import Timeouts
from omniroute.engine import recording
from omniroute.engine.replays import Memory, Wanted, wanted
from omniroute.engine.terms import unix_micros
from omniroute.names import CredentialName, FailureKind, Outcome, TargetId
from omniroute.routing.failure import Failure
from omniroute.storage.db import connect
from omniroute.storage.recordings import Recordings
from tests.support.repeats import House, Paced, failing, remembering, saying, streaming
from tests.support.waiting import eventually

BODY = b'{"model":"p/m","messages":[{"role":"user","content":"hi"}]}'
OTHER = b'{"model":"p/m","messages":[{"role":"user","content":"ho"}]}'
WARM = b'{"model":"p/m","temperature":0.7,"messages":[]}'
KEY = {"Idempotency-Key": "k1"}
EXACT = ExactCache()


def failure(kind: FailureKind, status: int | None = None) -> Failure:
    return Failure(kind, TargetId("p/m"), CredentialName("main"), "it broke", status=status)


DOWN, BUSY, INVALID = (
    failure(FailureKind.DOWN),
    failure(FailureKind.BUSY, 429),
    failure(FailureKind.INVALID, 400),
)
CUT = msgspec.structs.replace(failure(FailureKind.CUT), started=True)


# Idempotency keys.


async def test_a_request_with_a_known_key_gets_the_answer_that_was_given_under_it() -> None:
    house = House(remembering(), engine=saying(b'{"n":1}'))
    first, second = await house.asked(BODY, KEY), await house.asked(BODY, KEY)
    assert house.calls == 1
    assert second.client.body == first.client.body == b'{"n":1}'
    assert second.client.whole_answer
    assert second.client.headers == {"x-omniroute-target": "p/m", "x-omniroute-idempotent": "true"}
    assert "x-omniroute-idempotent" not in first.client.headers
    assert second.row is not None
    assert (second.row.cache, second.row.cost_nano, second.row.outcome) == ("idempotency", 0, Outcome.OK)
    assert first.row is not None
    assert first.row.cache == ""


async def test_a_stream_is_replayed_as_a_stream_with_the_same_bytes() -> None:
    house = House(remembering(), engine=streaming(b"data: 1\n\n", b"data: 2\n\n", b"data: [DONE]\n\n"))
    first, second = await house.asked(BODY, KEY), await house.asked(BODY, KEY)
    assert house.calls == 1
    assert second.client.body == first.client.body == b"data: 1\n\ndata: 2\n\ndata: [DONE]\n\n"
    assert not second.client.whole_answer
    assert second.client.ended


async def test_a_long_stream_that_was_kept_is_sent_in_pieces() -> None:
    said = bytes(range(256)) * (recording.PIECE // 256 * 2) + b"end"
    house = House(remembering(), engine=streaming(said, b""))
    await house.asked(BODY, KEY)
    again = await house.asked(BODY, KEY)
    assert again.client.body == said
    assert len(again.client.parts) == 3


async def test_the_same_key_with_another_body_is_a_conflict() -> None:
    house = House(remembering(), engine=saying(b"{}"))
    await house.asked(BODY, KEY)
    other = await house.asked(OTHER, KEY)
    assert other.client.status == 409
    assert json.loads(other.client.body)["error"]["code"] == "idempotency_conflict"
    assert house.calls == 1


async def test_the_same_key_with_another_body_conflicts_while_the_first_runs() -> None:
    paced = Paced([b"a", b"b"])
    house = House(remembering(), engine=paced)
    first = await house.ask(BODY, KEY)
    assert (await house.asked(OTHER, KEY)).client.status == 409
    paced.go(2)
    await first.over()
    assert first.client.body == b"ab"


async def test_a_conflict_leaves_the_first_answer_where_it_is() -> None:
    house = House(remembering(), engine=saying(b"{}"))
    await house.asked(BODY, KEY)
    await house.asked(OTHER, KEY)
    assert (await house.asked(BODY, KEY)).client.headers["x-omniroute-idempotent"] == "true"


async def test_two_requests_with_one_request_id_are_two_where_they_differ_and_one_where_they_do_not() -> None:
    house = House(remembering(), engine=saying(b"{}"))
    headers = {"X-Request-Id": "trace-1"}
    assert [(await house.asked(body, headers)).client.status for body in (BODY, OTHER, BODY)] == [200, 200, 200]
    assert house.calls == 2


async def test_an_idempotency_key_and_a_request_id_of_the_same_value_are_two_keys() -> None:
    house = House(remembering(), engine=saying(b"{}"))
    await house.asked(BODY, KEY)
    await house.asked(BODY, {"X-Request-Id": "k1"})
    assert house.calls == 2


async def test_without_a_window_keys_mean_nothing() -> None:
    house = House(remembering(window=0), engine=saying(b"{}"))
    await house.asked(BODY, KEY)
    assert (await house.asked(OTHER, KEY)).client.status == 200
    assert house.calls == 2


async def test_a_key_is_free_again_when_its_window_is_over() -> None:
    house = House(remembering(window=0.05), engine=saying(b"{}"))
    await house.asked(BODY, KEY)
    await asyncio.sleep(0.1)
    assert (await house.asked(OTHER, KEY)).client.status == 200


@pytest.mark.parametrize(("fault", "status"), [(DOWN, 502), (BUSY, 429)])
async def test_a_failure_is_not_remembered_so_that_a_retry_can_succeed(fault: Failure, status: int) -> None:
    house = House(remembering(), engine=failing(fault))
    assert (await house.asked(BODY, KEY)).client.status == status
    house.engine = saying(b"{}")
    again = await house.asked(BODY, KEY)
    assert again.client.status == 200
    assert "x-omniroute-idempotent" not in again.client.headers


async def test_what_the_request_itself_is_at_fault_for_is_remembered() -> None:
    house = House(remembering(), engine=failing(INVALID))
    first, second = await house.asked(BODY, KEY), await house.asked(BODY, KEY)
    assert (house.calls, second.client.status, second.client.body) == (1, 400, first.client.body)
    assert second.row is not None
    assert (second.row.outcome, second.row.code) == (Outcome.FAILED, "upstream_invalid_request")


async def test_a_stream_that_broke_is_not_remembered() -> None:
    paced = Paced([b"data: 1\n\n", None], failures=[CUT])
    house = House(remembering(), engine=paced)
    first = await house.ask(BODY, KEY)
    paced.go(2)
    await first.over()
    assert first.row is not None
    assert first.row.outcome is Outcome.CUT
    house.engine = saying(b"{}")
    assert (await house.asked(BODY, KEY)).client.body == b"{}"


async def test_a_key_is_its_callers_own() -> None:
    house = House(remembering(), engine=saying(b"{}"))
    for number, caller in enumerate(("alice", "bob", "", "anonymous")):
        answer = await house.asked(BODY if number % 2 else OTHER, KEY, caller=caller)
        assert (answer.client.status, "x-omniroute-idempotent" in answer.client.headers) == (200, False)
    assert house.calls == 4


# Requests that join one in flight.


async def test_a_second_request_joins_the_first_in_the_midst_of_its_stream() -> None:
    paced = Paced([b"1", b"2", b"3"])
    house = House(remembering(), engine=paced)
    first = await house.ask(BODY, KEY)
    paced.go()
    await eventually(lambda: first.client.parts == [b"1"])
    second = await house.ask(BODY, KEY)
    await eventually(lambda: second.client.parts == [b"1"])
    paced.go()
    await eventually(lambda: second.client.body == b"12")
    paced.go()
    await asyncio.gather(first.over(), second.over())
    assert (first.client.body, second.client.body, house.calls) == (b"123", b"123", 1)
    assert second.client.headers["x-omniroute-idempotent"] == "true"
    assert second.row is not None
    assert (second.row.outcome, second.row.cost_nano) == (Outcome.OK, 0)


async def test_the_error_that_a_first_request_gets_is_the_followers_too() -> None:
    paced = Paced([], failures=[DOWN])
    house = House(remembering(), engine=paced)
    first = await house.ask(BODY, KEY)
    second = await house.ask(BODY, KEY)
    paced.go()
    await asyncio.gather(first.over(), second.over())
    assert (first.client.status, second.client.status, house.calls) == (502, 502, 1)
    assert second.client.body == first.client.body
    assert second.row is not None
    assert (second.row.outcome, second.row.code) == (Outcome.FAILED, "upstream_unavailable")


async def test_a_follower_hears_how_the_stream_broke() -> None:
    paced = Paced([b"data: 1\n\n", None], failures=[CUT])
    house = House(remembering(), engine=paced)
    first = await house.ask(BODY, KEY)
    second = await house.ask(BODY, KEY)
    paced.go(2)
    await asyncio.gather(first.over(), second.over())
    assert second.client.body == first.client.body
    assert b"upstream_cut" in second.client.body
    assert second.row is not None
    assert (second.row.outcome, second.row.code) == (Outcome.CUT, "upstream_cut")


async def test_a_slow_follower_does_not_hold_the_first() -> None:
    paced = Paced([b"1", b"2", b"3"])
    house = House(remembering(), engine=paced)
    first, slow = await house.ask(BODY, KEY), await house.ask(BODY, KEY)
    slow.client.reading.clear()
    paced.go(3)
    await first.over()
    assert first.client.body == b"123"
    assert slow.client.parts == []
    slow.client.reading.set()
    await slow.over()
    assert slow.client.body == b"123"


async def test_when_the_first_client_leaves_its_request_goes_on_for_those_who_follow() -> None:
    paced = Paced([b"1", b"2", b"3"])
    house = House(remembering(), engine=paced)
    first, second = await house.ask(BODY, KEY), await house.ask(BODY, KEY)
    paced.go()
    await eventually(lambda: second.client.body == b"1")
    first.leave()
    paced.go(2)
    await second.over()
    assert (second.client.body, second.client.ended, house.calls) == (b"123", True, 1)
    assert (await first.over()).row is not None
    assert not paced.cancelled


async def test_when_the_last_follower_leaves_too_the_request_is_given_up() -> None:
    paced = Paced([b"1", b"2"])
    house = House(remembering(), engine=paced)
    first, second = await house.ask(BODY, KEY), await house.ask(BODY, KEY)
    first.leave()
    await asyncio.sleep(0.02)
    assert not paced.cancelled
    second.leave()
    await asyncio.gather(first.over(), second.over())
    assert paced.cancelled
    assert first.row is not None
    assert first.row.outcome is Outcome.CANCELLED


async def test_a_first_client_that_leaves_alone_takes_its_request_along_and_its_key_is_free() -> None:
    paced = Paced([b"1", b"2"])
    house = House(remembering(), engine=paced)
    first = await house.ask(BODY, KEY)
    first.leave()
    second = await house.ask(BODY, KEY)  # before the first has noticed
    await first.over()
    paced.go(2)
    await second.over()
    assert (paced.cancelled, second.client.body, house.calls) == (True, b"12", 2)
    assert "x-omniroute-idempotent" not in second.client.headers


async def test_where_the_first_is_ended_by_force_the_next_in_line_asks_for_the_others() -> None:
    stuck = Paced([b"x", b"y"])
    house = House(remembering(), engine=stuck)
    first = await house.ask(BODY, KEY)
    house.engine = saying(b"{}")
    others = [await house.ask(BODY, KEY, answering=saying(b"{}")) for _ in range(3)]
    assert first.task is not None
    first.task.cancel()
    await asyncio.gather(*(each.over() for each in (first, *others)))
    assert [each.client.body for each in others] == [b"{}"] * 3
    assert house.calls == 2


async def test_a_first_that_is_ended_by_force_in_its_stream_leaves_its_followers_an_error_and_no_clean_end() -> None:
    paced = Paced([b"data: 1\n\n", b"y"])
    house = House(remembering(), engine=paced)
    first, second = await house.ask(BODY, KEY), await house.ask(BODY, KEY)
    paced.go()
    await eventually(lambda: second.client.parts)
    assert first.task is not None
    first.task.cancel()
    await asyncio.gather(first.over(), second.over())
    assert b"upstream_cut" in second.client.body
    assert second.row is not None
    assert second.row.outcome is Outcome.CUT


# The exact cache.


async def test_the_same_request_is_answered_from_the_cache() -> None:
    house = House(remembering(EXACT), engine=saying(b'{"n":1}'))
    first, second = await house.asked(BODY), await house.asked(BODY)
    assert (first.client.headers["x-omniroute-cache"], house.calls) == ("MISS", 1)
    assert second.client.body == b'{"n":1}'
    assert second.client.headers == {"x-omniroute-target": "p/m", "x-omniroute-cache": "HIT", "age": "0"}
    assert second.row is not None
    assert (second.row.cache, second.row.cost_nano, second.row.status) == ("exact", 0, 200)


async def test_a_stream_is_cached_as_a_stream() -> None:
    house = House(remembering(EXACT), engine=streaming(b"data: 1\n\n", b"data: [DONE]\n\n"))
    first, second = await house.asked(BODY), await house.asked(BODY)
    assert second.client.body == first.client.body
    assert not second.client.whole_answer
    assert second.client.headers["content-type"] == "text/event-stream"
    assert second.client.headers["x-omniroute-cache"] == "HIT"


@pytest.mark.parametrize("change", [{"model": "p/x"}, {"max_tokens": 5}, {"messages": []}, {"seed": 1}])
async def test_every_field_of_the_body_is_in_the_key(change: dict[str, object]) -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    await house.asked(BODY)
    await house.asked(json.dumps({**json.loads(BODY), **change}).encode())
    assert house.calls == 2


@pytest.mark.parametrize("headers", [{"X-OmniRoute-No-Cache": "true"}, {"Cache-Control": "No-Store"}])
async def test_who_wants_a_fresh_answer_gets_one_which_is_not_kept(headers: dict[str, str]) -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    first = await house.asked(BODY, headers)
    assert "x-omniroute-cache" not in first.client.headers
    await house.asked(BODY)
    await house.asked(BODY, headers)
    assert house.calls == 3


async def test_a_fresh_answer_under_a_key_is_remembered_for_the_key_alone() -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    await house.asked(BODY)
    headers = {**KEY, "X-OmniRoute-No-Cache": "true"}
    first, second = await house.asked(BODY, headers), await house.asked(BODY, headers)
    assert "x-omniroute-cache" not in first.client.headers
    assert second.client.headers["x-omniroute-idempotent"] == "true"
    assert house.calls == 2


async def test_what_must_vary_is_not_cached() -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    await house.asked(WARM)
    assert "x-omniroute-cache" not in (await house.asked(WARM)).client.headers
    assert house.calls == 2


async def test_a_policy_may_switch_the_cache_off_or_want_younger_answers() -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    await house.asked(BODY)
    house.use = CacheUse(exact=False)
    assert "x-omniroute-cache" not in (await house.asked(BODY)).client.headers
    house.use = CacheUse(ttl=0.02)
    await asyncio.sleep(0.03)
    assert (await house.asked(BODY)).client.headers["x-omniroute-cache"] == "MISS"
    house.use = CacheUse(ttl=3600.0)
    assert (await house.asked(BODY)).client.headers["x-omniroute-cache"] == "HIT"


async def test_another_caller_has_a_cache_of_its_own() -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    for caller in ("alice", "bob", "", "anonymous"):
        assert (await house.asked(BODY, caller=caller)).client.headers["x-omniroute-cache"] == "MISS"
    assert house.calls == 4


async def test_another_route_to_the_same_name_is_another_answer() -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    await house.asked(BODY)
    [given] = house.snapshot.providers.values()
    moved = msgspec.structs.replace(given, base_url="http://127.0.0.1:10/v1")
    house.snapshot = msgspec.structs.replace(house.snapshot, id="other", providers={given.name: moved})
    assert (await house.asked(BODY)).client.headers["x-omniroute-cache"] == "MISS"


async def test_a_reload_that_leaves_the_route_as_it_is_forgets_nothing() -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    await house.asked(BODY)
    house.snapshot = msgspec.structs.replace(house.snapshot, id="other")
    assert (await house.asked(BODY)).client.headers["x-omniroute-cache"] == "HIT"


@pytest.mark.parametrize("fault", [DOWN, BUSY, INVALID])
async def test_only_good_answers_are_cached(fault: Failure) -> None:
    house = House(remembering(EXACT), engine=failing(fault))
    first = await house.asked(BODY)
    assert "x-omniroute-cache" not in first.client.headers
    house.engine = saying(b"{}")
    assert (await house.asked(BODY)).client.headers["x-omniroute-cache"] == "MISS"


async def test_an_answer_that_broke_off_is_not_cached() -> None:
    paced = Paced([b"data: 1\n\n", None], failures=[CUT])
    house = House(remembering(EXACT), engine=paced)
    paced.go(2)
    await house.asked(BODY)
    house.engine = saying(b"{}")
    assert (await house.asked(BODY)).client.body == b"{}"


async def test_an_answer_that_is_too_long_is_passed_on_and_not_kept() -> None:
    said = b"x" * (recording.LONGEST + 1)
    house = House(remembering(EXACT), engine=saying(said))
    assert (await house.asked(BODY, KEY)).client.body == said
    again = await house.asked(BODY, KEY)
    assert (again.client.headers["x-omniroute-cache"], house.calls) == ("MISS", 2)


async def test_identical_requests_at_once_are_one_call() -> None:
    paced = Paced([b"1", b"2"])
    house = House(remembering(EXACT), engine=paced)
    all_of_them = [await house.ask(BODY) for _ in range(10)]
    paced.go(2)
    await asyncio.gather(*(each.over() for each in all_of_them))
    assert house.calls == 1
    assert {each.client.body for each in all_of_them} == {b"12"}
    assert [each.client.headers["x-omniroute-cache"] for each in all_of_them] == ["MISS"] + ["HIT"] * 9


async def test_who_waited_for_an_answer_that_failed_asks_for_itself() -> None:
    paced = Paced([], failures=[DOWN])
    house = House(remembering(EXACT), engine=paced)
    first = await house.ask(BODY)
    others = [await house.ask(BODY, answering=saying(b"{}")) for _ in range(3)]
    paced.go()
    await asyncio.gather(*(each.over() for each in (first, *others)))
    assert first.client.status == 502
    assert [each.client.body for each in others] == [b"{}"] * 3
    assert house.calls == 4


async def test_a_key_and_the_cache_work_together() -> None:
    house = House(remembering(EXACT), engine=saying(b"{}"))
    await house.asked(BODY)
    hit = await house.asked(BODY, KEY)
    again = await house.asked(BODY, KEY)
    assert hit.client.headers["x-omniroute-cache"] == again.client.headers["x-omniroute-cache"] == "HIT"
    assert again.client.headers["x-omniroute-idempotent"] == "true"
    assert (await house.asked(OTHER, KEY)).client.status == 409
    assert house.calls == 1


async def test_requests_that_wait_for_one_another_by_key_and_by_cache_all_end() -> None:
    paced = Paced([b"1", b"2"])
    house = House(remembering(EXACT), engine=paced)
    keys = [KEY, {"Idempotency-Key": "k2"}, KEY, {"Idempotency-Key": "k2"}, {}]
    all_of_them = [await house.ask(BODY, headers) for headers in keys]
    all_of_them[0].leave()
    paced.go(2)
    await asyncio.gather(*(each.over() for each in all_of_them))
    assert [each.client.body for each in all_of_them[1:]] == [b"12"] * 4
    assert house.calls == 1


async def test_a_session_is_told_of_in_the_answer_of_its_own_request_only() -> None:
    headers = (("x-omniroute-target", "p/m"), ("x-omniroute-session-id", "another's"))
    house = House(remembering(EXACT), engine=saying(b"{}", headers))
    await house.asked(BODY)
    assert "x-omniroute-session-id" not in (await house.asked(BODY)).client.headers


# What is on disk, and what workers share.


@contextmanager
def stored(path: Path, worker: str = "", **more: object) -> Iterator[House]:
    """A process that keeps its answers on disk."""
    store = Recordings(str(path), trouble=list[str]().append, now=unix_micros, worker=worker)
    store.start()
    if worker:
        with closing(connect(str(path))) as connection:
            connection.execute(
                "INSERT INTO workers (worker, started, alive_until) VALUES (?, 0, 9000000000000000)", (worker,)
            )
    try:
        yield House(remembering(EXACT), Memory(store), **more)  # type: ignore[arg-type]  # fields by their names
    finally:
        store.close()


async def test_the_cache_outlasts_the_process(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    with stored(path, engine=streaming(b"data: 1\n\n", b"data: [DONE]\n\n")) as house:
        first = await house.asked(BODY)
    with stored(path) as house:
        for _ in range(2):  # from the disk, then from memory
            again = await house.asked(BODY)
            assert again.client.body == first.client.body
            assert again.client.headers["x-omniroute-cache"] == "HIT"
        assert house.calls == 0
        assert (len(house.memory.exact), house.memory.exact.stored) == (1, 1)


async def test_another_tenant_finds_nothing_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    with stored(path, engine=saying(b"alice's")) as house:
        await house.asked(BODY, caller="alice")
    with stored(path, engine=saying(b"bob's")) as house:
        assert (await house.asked(BODY, caller="bob")).client.body == b"bob's"


async def test_a_second_worker_waits_for_the_first_and_replays_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    paced = Paced([b"1", b"2"])
    with stored(path, "w1", engine=paced) as one, stored(path, "w2", engine=saying(b"{}")) as two:
        first = await one.ask(BODY, KEY)
        await eventually(lambda: one.calls)
        second = await two.ask(BODY, KEY)
        third = await two.ask(BODY, KEY)  # joins the second
        assert (await two.asked(BODY, KEY, caller="bob")).client.body == b"{}"
        assert not second.client.started
        paced.go(2)
        for each in (first, second, third):
            await each.over()
        assert (second.client.body, third.client.body) == (b"12", b"12")
        assert second.client.headers["x-omniroute-idempotent"] == "true"
        assert (one.calls, two.calls) == (1, 1)


async def test_a_key_that_another_worker_has_with_another_body_is_a_conflict(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    paced = Paced([b"1", b"2"])
    with stored(path, "w1", engine=paced) as one, stored(path, "w2") as two:
        first = await one.ask(BODY, KEY)
        await eventually(lambda: one.calls)
        assert (await two.asked(OTHER, KEY)).client.status == 409
        paced.go(2)
        await first.over()


async def test_where_the_first_worker_fails_the_second_asks(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    paced = Paced([], failures=[DOWN])
    with stored(path, "w1", engine=paced) as one, stored(path, "w2", engine=saying(b"{}")) as two:
        first = await one.ask(BODY, KEY)
        await eventually(lambda: one.calls)
        second = await two.ask(BODY, KEY)
        paced.go()
        await asyncio.gather(first.over(), second.over())
        assert (first.client.status, second.client.body, two.calls) == (502, b"{}", 1)


async def test_who_waits_for_another_worker_waits_no_longer_than_a_request_may_take(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    paced = Paced([b"1", b"2"])
    with stored(path, "w1", engine=paced) as one, stored(path, "w2") as two:
        two.snapshot = msgspec.structs.replace(two.snapshot, timeouts=Timeouts(total=0.2))
        first = await one.ask(BODY, KEY)
        await eventually(lambda: one.calls)
        second = await two.asked(BODY, KEY)
        assert (second.client.status, two.calls) == (504, 0)
        paced.go(2)
        await first.over()


async def test_a_worker_that_leaves_its_wait_leaves_nothing_claimed(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    paced = Paced([b"1", b"2"])
    with stored(path, "w1", engine=paced) as one, stored(path, "w2", engine=saying(b"{}")) as two:
        first = await one.ask(BODY, KEY)
        await eventually(lambda: one.calls)
        second = await two.ask(BODY, KEY)
        second.leave()
        await second.over()
        first.leave()
        await first.over()
        assert (await two.asked(BODY, KEY)).client.body == b"{}"


# What is asked for, and what is not.


async def test_a_request_that_repeats_nothing_and_may_not_be_repeated_is_not_attended_to() -> None:
    house = House(remembering(), engine=saying(b"{}"))
    asking = await house.asked(BODY)
    assert asking.patience is not None
    assert asking.patience.needed is None
    assert "x-omniroute-cache" not in asking.client.headers
    assert house.memory.claims.active(0.0) == 0


@pytest.mark.parametrize(
    ("headers", "wants"),
    [
        ({}, Wanted()),
        ({"accept": "*/*"}, Wanted()),
        ({"idempotency-key": "a", "x-request-id": "b"}, Wanted(b"a", strict=True)),
        ({"x-request-id": "b"}, Wanted(b"b")),
        ({"idempotency-key": "", "x-request-id": "b"}, Wanted(b"b")),
        ({"x-omniroute-no-cache": " True"}, Wanted(fresh=True)),
        ({"x-omniroute-no-cache": "1"}, Wanted()),
        ({"cache-control": "max-age=0, no-cache"}, Wanted(fresh=True)),
        ({"cache-control": "max-age=60"}, Wanted()),
    ],
)
def test_what_headers_say_of_repetition(headers: dict[str, str], wants: Wanted) -> None:
    assert wanted([(name.encode(), value.encode()) for name, value in headers.items()]) == wants


async def test_what_is_over_leaves_nothing_behind() -> None:
    house = House(remembering(EXACT, window=0.01), engine=streaming(b"1", b"2"))
    await asyncio.gather(*[house.asked(BODY, KEY) for _ in range(5)])
    await eventually(lambda: house.memory.claims.active(asyncio.get_running_loop().time() + 1) == 0)
    assert house.memory.exact.flights == {}


async def test_a_refusal_that_another_worker_gave_is_one_in_the_row_of_whoever_is_given_it(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    with stored(path, "w1", engine=failing(INVALID)) as one, stored(path, "w2") as two:
        first = await one.asked(BODY, KEY)
        others = [await two.asked(BODY, KEY) for _ in range(2)]  # from the other worker, then from memory
    assert [each.client.body for each in others] == [first.client.body] * 2
    for each in (first, *others):
        assert each.row is not None
        assert (each.row.outcome, each.row.status, each.row.code) == (Outcome.FAILED, 400, "upstream_invalid_request")


async def test_a_stream_that_broke_is_not_remembered_for_those_who_followed_it_under_a_key() -> None:
    paced = Paced([b"data: 1\n\n", None], failures=[CUT])
    house = House(remembering(EXACT), engine=paced)
    first, second = await house.ask(BODY), await house.ask(BODY, KEY)
    paced.go(2)
    await asyncio.gather(first.over(), second.over())
    assert second.row is not None
    assert (second.row.outcome, house.calls) == (Outcome.CUT, 1)
    house.engine = saying(b"{}")
    assert (await house.asked(BODY, KEY)).client.body == b"{}"


async def test_what_one_worker_clears_the_others_forget(tmp_path: Path) -> None:
    path = tmp_path / "omniroute.db"
    with stored(path, "w1", engine=saying(b"old")) as one, stored(path, "w2", engine=saying(b"new")) as two:
        loop, store = asyncio.get_running_loop(), two.memory.store
        assert store is not None
        store.forget = lambda until: loop.call_soon_threadsafe(two.memory.forget, until)
        await one.asked(BODY)
        await eventually(lambda: two.memory.exact.stored)
        assert (await two.asked(BODY)).client.body == b"old"
        assert await one.memory.clear(unix_micros() / 1e6) == 1
        await eventually(lambda: not len(two.memory.exact))
        assert (await two.asked(BODY)).client.body == b"new"
