"""What an answer costs, and what one could cost at most.

Always true: money is integer nano-dollars, rounded once after the classes are summed; an unknown price makes the cost
unknown, never zero. Every token is billed once: reasoning and sound are parts of other classes, billed at prices of
their own where they have one and else with the rest of their class.
"""

from omniroute.config.snapshot import Price
from omniroute.ir.usage import Usage

PRICED_TOKENS = 1_000_000
"""A price is for this many tokens."""


def cost(price: Price, usage: Usage) -> int | None:
    """Price one answer, by the tokens that its provider reported.

    Where a price has tiers, the one that holds for all tokens sent is the price of the whole answer, as providers bill.

    Args:
        price: nano-dollars for a million tokens of each class.
        usage: the tokens; a part that is reported larger than what it is a part of counts as all of it.

    Returns:
        Nano-dollars, rounded half up, or None where tokens of a class were used whose price is unknown.
    """
    if price.tiers:
        price = price.at(usage.prompt)
    total = (usage.images * price.image + price.request) * PRICED_TOKENS
    for tokens, rate in (
        (usage.input, price.input),
        (usage.output, price.output),
        (usage.cache_read, price.cache_read),
        (usage.cache_write, price.cache_write),
        (usage.cache_write_1h, price.cache_write_1h),
    ):
        if not tokens:
            continue
        if rate is None:
            return None
        total += tokens * rate
    if usage.reasoning or usage.audio_in or usage.audio_out or usage.audio_cache_read:
        total += _parts(price, usage)
    return (total + PRICED_TOKENS // 2) // PRICED_TOKENS


def _parts(price: Price, usage: Usage) -> int:
    """Give what parts of classes cost more, or less, than their classes do.

    Sound that is spoken comes before reasoning: where the two are more than the output, reasoning is the rest.
    """
    spoken = min(usage.audio_out, usage.output)
    total = 0
    for tokens, whole, rate in (
        (min(usage.audio_in, usage.input), price.input, price.audio_in),
        (min(usage.audio_cache_read, usage.cache_read), price.cache_read, price.audio_cache_read),
        (spoken, price.output, price.audio_out),
        (min(usage.reasoning, usage.output - spoken), price.output, price.reasoning),
    ):
        if whole is not None and rate is not None:
            total += tokens * (rate - whole)
    return total


def worst(price: Price, input_tokens: int, max_output: int) -> int | None:
    """Say what a request can cost at most, before anyone answers it: what is held of a budget until it is known.

    Input counts at the dearest class that it could turn out to be, a write to a cache included, output likewise; and
    whichever tier the tokens reach. Pictures of an answer, whose number nobody knows beforehand, are not in it.

    Args:
        price: nano-dollars for a million tokens of each class.
        input_tokens: how many tokens are sent at most.
        max_output: how many tokens the answer has at most.

    Returns:
        Nano-dollars, rounded up: no ``cost`` of so many tokens without pictures is more. None where a price of input or
        output that is needed is unknown.
    """
    most = _most(price, input_tokens, max_output)
    for above, tier in price.tiers:
        if most is not None and input_tokens > above:
            amount = _most(tier, input_tokens, max_output)
            most = None if amount is None else max(most, amount)
    return most


def _most(price: Price, input_tokens: int, max_output: int) -> int | None:
    total = price.request * PRICED_TOKENS
    if input_tokens:
        if price.input is None:
            return None
        written = max(price.input, price.cache_write or 0, price.cache_write_1h or 0)
        total += input_tokens * max(written, price.cache_read or 0, price.audio_in or 0, price.audio_cache_read or 0)
    if max_output:
        if price.output is None:
            return None
        total += max_output * max(price.output, price.reasoning or 0, price.audio_out or 0)
    return -(-total // PRICED_TOKENS)
