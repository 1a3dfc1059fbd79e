"""Tokens used by one answer, counted once.

Always true: the classes do not overlap. ``input`` excludes tokens read from or written to a provider's prompt
cache; ``output`` includes reasoning tokens, and ``reasoning`` says how many of them there were. A codec that
reads a provider's numbers brings them into this convention; nothing else adds or subtracts.
"""

import msgspec


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer, as the provider reported them.

    ``input``, ``cache_read``, ``cache_write`` and ``output`` are billed each at its own price;
    ``reasoning`` is a part of ``output`` and billed with it.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        """All tokens sent, cached or not."""
        return self.input + self.cache_read + self.cache_write
