"""How hard the laws are tried: ``make laws`` tries them twenty times as often."""

import os

TIMES = int(os.environ.get("OMNIROUTE_LAWS", "1"))  # noqa: TID251 - the make target says it this way


def often(examples: int) -> int:
    """Give the number of examples for a law that is tried ``examples`` times in every run."""
    return examples * TIMES
