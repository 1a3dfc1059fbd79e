"""Waiting for something to become true."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT = 20.0
"""Seconds after which a test gives up; generous, since no test measures time."""


async def eventually(condition: Callable[[], object]) -> None:
    """Poll until the condition holds."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.005)


async def within(awaitable: Awaitable[T]) -> T:
    """Wait for a result, but not for ever."""
    async with asyncio.timeout(LIMIT):
        return await awaitable


async def settled(value: Callable[[], object]) -> None:
    """Poll until a value has not changed for a while."""
    same = 0
    last = value()
    async with asyncio.timeout(LIMIT):
        while same < 10:
            await asyncio.sleep(0.02)
            now = value()
            same = same + 1 if now == last else 0
            last = now
