"""How many more of something may be done, as a share of how often it could have been.

Always true: however the calls are ordered, ``take`` was granted for at most ``share`` of those that were ``asked``; and
what was saved up is never more than the share of ``SAVED``, so that quiet hours do not pay for a storm.
"""

SAVED = 100
"""Requests whose share can be saved up; of a share too small for a whole one of them, one can be."""
ROUNDING = 1e-9


class Headroom:
    """Counts what could have been done, and grants a share of it."""

    __slots__ = ("_most", "_saved", "_share")

    def __init__(self, share: float) -> None:
        """Grant ``share``, between 0 and 1; nothing is saved up yet."""
        self._share = share
        self._most = max(1.0, share * SAVED)
        self._saved = 0.0

    def asked(self) -> None:
        """Count one that could."""
        self._saved = min(self._most, self._saved + self._share)

    @property
    def left(self) -> bool:
        """Whether one more would be granted."""
        return self._saved >= 1 - ROUNDING

    def take(self) -> bool:
        """Say whether one more may be done, and count it if so."""
        if not self.left:
            return False
        self._saved -= 1
        return True
