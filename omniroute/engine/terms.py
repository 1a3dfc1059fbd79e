"""Words that several modules of the engine use."""

import time

Headers = tuple[tuple[str, str], ...]
"""Header fields of a request or a response, in order."""


def unix_micros() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000
