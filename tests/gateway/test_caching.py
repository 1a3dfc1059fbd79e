"""``/api/cache/stats`` says how many answers are remembered, and nothing of them."""

import time

from omniroute.config.policy import ExactCache
from omniroute.gateway.caching import cache_stats, clear_caches
from tests.support.repeats import House, remembering, saying

BODY = b'{"model":"p/m","messages":[]}'


async def test_the_caches_are_described_in_the_apis_words() -> None:
    house = House(remembering(ExactCache(max_entries=500)), engine=saying(b"{}"))
    for _ in range(4):
        await house.asked(BODY)
    await house.asked(BODY, {"Idempotency-Key": "k"})
    assert cache_stats(house.memory, house.snapshot, time.monotonic()) == {
        "semanticCache": {"memorySize": 1, "memoryMaxSize": 500, "dbSize": 0, "hitRate": 0.8},
        "idempotency": {"activeKeys": 1, "windowMs": 5000},
    }


async def test_where_nothing_is_cached_all_is_zero() -> None:
    house = House(remembering())
    stats = cache_stats(house.memory, house.snapshot, 0.0)
    assert stats["semanticCache"] == {"memorySize": 0, "memoryMaxSize": 0, "dbSize": 0, "hitRate": 0.0}


async def test_clearing_forgets_answers_and_keeps_keys() -> None:
    house = House(remembering(ExactCache()), engine=saying(b"{}"))
    await house.asked(BODY, {"Idempotency-Key": "k"})
    assert await clear_caches(house.memory) == {"cleared": 1}
    assert (await house.asked(BODY)).client.headers["x-omniroute-cache"] == "MISS"
    assert (await house.asked(BODY, {"Idempotency-Key": "k"})).client.headers["x-omniroute-idempotent"] == "true"
