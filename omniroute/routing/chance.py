"""Chance that can be repeated: numbers drawn from a seed and the names of what they are drawn for.

Always true: the same seed and names give the same number, whatever else was drawn; so a plan can be made again, and
a plan for one combo does not change because another was asked.
"""

import hashlib
import zlib

_SPAN = float(1 << 53)


def seed_of(request_id: str) -> int:
    """Give the seed of a request's plan: of its id, so that the plan can be made again."""
    return zlib.crc32(request_id.encode())


def draw(seed: int, *names: str | int) -> float:
    """Draw a number from 0 (included) to 1 (excluded), evenly."""
    text = "\x00".join((str(seed), *map(str, names)))
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / _SPAN


def shuffled(count: int, seed: int, *names: str | int) -> list[int]:
    """Give the numbers below ``count`` in an even shuffle."""
    return sorted(range(count), key=lambda each: draw(seed, *names, each))
