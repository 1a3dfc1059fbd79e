"""Reads and writes the usage of a message.

Source: Anthropic API reference, "Messages" (https://platform.claude.com/docs/en/api/messages), object ``usage``: the
input of a request is ``input_tokens`` + ``cache_creation_input_tokens`` + ``cache_read_input_tokens``, and
``output_tokens`` include thinking; ``cache_creation`` parts what was written by how long it is kept, five minutes or an
hour. "Compaction" (https://platform.claude.com/docs/en/build-with-claude/compaction): the
numbers at the top leave out what compaction used, which stands in ``iterations`` and is billed.

Always true: ``read_usage(write_usage(usage)) == usage``; reading never raises.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from omniroute.ir.usage import Usage

_MOST_TOKENS = 2**53
"""Beyond this integers are not interoperable in JSON (RFC 8259 §6), and no answer has so many tokens."""


def read_usage(value: object) -> Usage | None:
    """Bring reported usage into the convention of ``ir.usage``; None where it tells nothing."""
    if not isinstance(value, dict):
        return None
    if count(value.get("input_tokens")) is None and count(value.get("output_tokens")) is None:
        return None
    rows = (value, *_compactions(value))
    details = value.get("output_tokens_details")
    output = _sum(rows, "output_tokens")
    reasoning = count(details.get("thinking_tokens")) if isinstance(details, dict) else None
    written = [_written(row) for row in rows]
    return Usage(
        input=_sum(rows, "input_tokens"),
        output=output,
        cache_read=_sum(rows, "cache_read_input_tokens"),
        cache_write=sum([minutes for minutes, _ in written]),
        reasoning=min(reasoning or 0, output),
        cache_write_1h=sum([hour for _, hour in written]),
    )


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """Write usage; the format demands it even where nothing is known, and then it counts nothing."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    written: dict[str, Any] = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    if usage.cache_write_1h:
        written["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }
    if usage.reasoning:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return written


def count(value: object) -> int | None:
    """Read a number of tokens, which some servers write as a float; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None


def _written(row: Mapping[str, Any]) -> tuple[int, int]:
    """Part what was written to the cache: for five minutes, for an hour; the sum is what the row says in all."""
    parted = row.get("cache_creation")
    told = count(row.get("cache_creation_input_tokens"))
    if not isinstance(parted, dict):
        return told or 0, 0
    hour = count(parted.get("ephemeral_1h_input_tokens")) or 0
    if told is None:
        return count(parted.get("ephemeral_5m_input_tokens")) or 0, hour
    hour = min(hour, told)
    return told - hour, hour


def _sum(rows: tuple[Mapping[str, Any], ...], name: str) -> int:
    """Add a member up."""
    return sum(count(row.get(name)) or 0 for row in rows)


def _compactions(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give what compactions used."""
    iterations = value.get("iterations")
    for row in iterations if isinstance(iterations, list) else ():
        if isinstance(row, dict) and row.get("type") == "compaction":
            yield row
