"""Tokens used by one answer, counted once.

Always true: the classes do not overlap. ``input`` excludes tokens read from or written to a provider's prompt
cache; ``output`` includes reasoning tokens, and ``reasoning`` says how many of them there were. A codec that
reads a provider's numbers brings them into this convention; nothing else adds or subtracts.
"""

import msgspec


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer, as the provider reported them.

    ``input``, ``cache_read``, ``cache_write``, ``cache_write_1h`` and ``output`` do not overlap, and are billed each at
    its own price. The rest are parts of those, told apart because they may have a price of their own: ``reasoning``
    and ``audio_out`` are parts of ``output``, ``audio_in`` of ``input``, ``audio_cache_read`` of ``cache_read``.
    ``cache_write`` are tokens written for five minutes (or for however long a provider keeps them), ``cache_write_1h``
    those for an hour. ``images`` counts pictures in the answer, where the provider bills by them.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cache_write_1h: int = 0
    audio_in: int = 0
    audio_out: int = 0
    audio_cache_read: int = 0
    images: int = 0

    @property
    def prompt(self) -> int:
        """All tokens sent, cached or not."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_1h
