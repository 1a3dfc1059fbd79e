"""Reads and writes what stands beside a message in an answer: tokens, the time, why it ended.

Source: Ollama API reference, "Generate a chat completion" and "Usage" (https://docs.ollama.com/api/usage): members that
are zero may be missing, and so ``prompt_eval_count`` is where the whole prompt was in the cache.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage

_MOST_TOKENS = 2**53
"""Beyond this integers are not interoperable in JSON (RFC 8259 §6), and no answer has so many tokens."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# literal table
_FINISHES: dict[object, Finish] = {None: Finish.STOP, "stop": Finish.STOP, "length": Finish.LENGTH}


def finish_of(reason: object, *, called: bool) -> Finish:
    """Read ``done_reason``; an answer with calls ends with ``stop`` here. Old servers leave it out."""
    finish = _FINISHES.get(reason, Finish.OTHER) if isinstance(reason, str | None) else Finish.OTHER
    return Finish.TOOLS if called and finish is not Finish.LENGTH else finish


def finish_word(finish: Finish) -> str:
    """Write ``done_reason``."""
    return "length" if finish is Finish.LENGTH else "stop"


def read_usage(record: Mapping[str, object]) -> Usage | None:
    """Read the tokens of an answer; None where none are reported."""
    prompt = _count(record.get("prompt_eval_count"))
    output = _count(record.get("eval_count"))
    if prompt is None and output is None:
        return None
    return Usage(input=prompt or 0, output=output or 0)


def write_usage(usage: Usage | None) -> dict[str, int]:
    """Write the tokens of an answer."""
    return {} if usage is None else {"prompt_eval_count": usage.prompt, "eval_count": usage.output}


def _count(value: object) -> int | None:
    """Read a number of tokens; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None


def seconds_of(written: object) -> int | None:
    """Read a time (RFC 3339) as Unix seconds; None for what is none."""
    if not isinstance(written, str):
        return None
    try:
        time = datetime.fromisoformat(written)
        seconds = (time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    return seconds if seconds >= 0 else None


def timestamp(now: int) -> str | None:
    """Write a time, in Unix microseconds, as RFC 3339 has it; None where it is beyond the calendar."""
    try:
        return (_EPOCH + timedelta(microseconds=now)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None
