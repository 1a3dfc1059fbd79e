"""What an answer costs.

Always true: money is integer nano-dollars, rounded once, half up, after the classes are summed; an unknown price
makes the cost unknown, never zero. Reasoning tokens are a part of the output and are billed there, once.
"""

from omniroute.config.snapshot import Price
from omniroute.ir.usage import Usage

PRICED_TOKENS = 1_000_000
"""A price is for this many tokens."""


def cost(price: Price, usage: Usage) -> int | None:
    """Price one answer, by the tokens that its provider reported.

    Args:
        price: nano-dollars for a million tokens of each class.
        usage: the tokens; the classes do not overlap.

    Returns:
        Nano-dollars, or None where tokens of a class were used whose price is unknown.
    """
    total = 0
    for tokens, rate in (
        (usage.input, price.input),
        (usage.output, price.output),
        (usage.cache_read, price.cache_read),
        (usage.cache_write, price.cache_write),
    ):
        if not tokens:
            continue
        if rate is None:
            return None
        total += tokens * rate
    return (total + PRICED_TOKENS // 2) // PRICED_TOKENS
