"""Durations, sizes and money as people write them, and as the gateway counts them.

Always true: every text that matches its pattern parses, and parses exactly (whole numbers and decimals, no
floating point on the way); a text that does not match is never handed in, because the schema holds the same
patterns. A duration and a size are never zero: a limit of nothing is always a mistake.
"""

import re
from decimal import Decimal

DURATION = r"^([1-9][0-9]{0,8}(ms|s|m|h|d))+$"
SIZE = r"^[1-9][0-9]{0,8}(B|KB|MB|GB|KiB|MiB|GiB)$"
PRICE = r"^[0-9]{1,9}(\.[0-9]{1,9})?$"
MONEY = r"^[0-9]{1,9}(\.[0-9]{1,9})? USD$"

_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_NANO = Decimal(10**9)


def seconds(text: str) -> float:
    """Parse a duration such as ``30s``, ``250ms`` or ``1h30m`` into seconds."""
    parts = re.findall(r"([0-9]+)(ms|s|m|h|d)", text)
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in parts) / 1000


def size(text: str) -> int:
    """Parse a size such as ``10MiB`` into bytes."""
    number = text.rstrip("BKMGi")
    return int(number) * _BYTES[text[len(number) :]]


def price(text: str) -> int:
    """Parse dollars such as ``0.10`` into nano-dollars."""
    return int(Decimal(text) * _NANO)


def money(text: str) -> int:
    """Parse an amount with its currency, such as ``200.00 USD``, into nano-dollars."""
    return price(text.removesuffix(" USD"))
