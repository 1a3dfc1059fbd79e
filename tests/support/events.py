"""Events made up for tests, and waiting for what another thread does."""

import time
from collections.abc import Callable

from omniroute.names import FailureKind, Format, Outcome, ReloadResult, Trigger
from omniroute.observe.events import Admitted, Attempted, Exchanged, Reloaded

NOON = 1_763_899_200_000_000
"""2025-11-23 12:00:00 UTC, in Unix microseconds."""

PATIENCE = 30.0
"""Seconds after which a test believes that something will never happen."""

ANSWERED = Attempted("house/large", "main", 1_100_000, status=200)
BUSY = Attempted("other/small", "spare", 90_000, FailureKind.BUSY, 429, "asked to wait 2 s")


def exchanged(number: int = 0, **changes: object) -> Exchanged:
    """Give a request that went well; ``number`` makes its id and its instant."""
    fields: dict[str, object] = {
        "request_id": f"req_{number:08x}",
        "at": NOON + number,
        "format": Format.OPENAI_CHAT,
        "asked": "smart",
        "key": "alice",
        "stream": True,
        "status": 200,
        "outcome": Outcome.OK,
        "generation": 42,
        "config": "9f3ac1d27e04",
        "micros": 1_200_000,
        "first_token_micros": 300_000,
        "provider": "house",
        "model": "large",
        "target": "house/large",
        "credential": "main",
        "input_tokens": 812,
        "output_tokens": 140,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 20,
        "cost_nano": 2_100_000,
        "attempts": (ANSWERED,),
    }
    return Exchanged(**{**fields, **changes})  # type: ignore[arg-type]  # a test names the fields that it changes


def admitted(number: int = 0, **changes: object) -> Admitted:
    """Give the admission of the request that ``exchanged`` gives the end of."""
    fields: dict[str, object] = {
        "request_id": f"req_{number:08x}",
        "at": NOON + number,
        "format": Format.OPENAI_CHAT,
        "asked": "smart",
        "key": "alice",
        "stream": True,
        "generation": 42,
        "config": "9f3ac1d27e04",
    }
    return Admitted(**{**fields, **changes})  # type: ignore[arg-type]  # as above


def unanswered(number: int = 0, **changes: object) -> Exchanged:
    """Give a request that no upstream answered."""
    fields: dict[str, object] = {
        "status": 502,
        "outcome": Outcome.FAILED,
        "code": "upstream_rate_limited",
        "provider": "",
        "model": "",
        "target": "",
        "credential": "",
        "first_token_micros": None,
        "input_tokens": None,
        "output_tokens": None,
        "cache_read_tokens": None,
        "cache_write_tokens": None,
        "reasoning_tokens": None,
        "cost_nano": None,
        "attempts": (BUSY,),
    }
    return exchanged(number, **{**fields, **changes})


def reloaded(**changes: object) -> Reloaded:
    """Give a reload that was applied."""
    fields: dict[str, object] = {
        "at": NOON,
        "trigger": Trigger.FILE,
        "result": ReloadResult.APPLIED,
        "generation": 42,
        "config": "9f3ac1d27e04" + "0" * 52,
        "micros": 212_000,
    }
    return Reloaded(**{**fields, **changes})  # type: ignore[arg-type]  # as above


def wait_until(condition: Callable[[], bool]) -> None:
    """Block until something is so; fails when it never comes to be."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, "it never came to be"
        time.sleep(0.005)
