"""Counts how many conversations each key has at once.

Only conversations that the client names are counted: those that were guessed from how they begin may be several.

Always true: a conversation is forgotten once it was silent for ``SILENT``, and so is a key without any; of a key, no
more are let in than its limit, and of all keys no more than ``MOST`` are kept.
"""

from collections import OrderedDict

SILENT = 1_800.0
"""Seconds after which a conversation that was silent counts no more."""
MOST = 100_000
"""Conversations of all keys together; beyond that the one is forgotten that was silent longest."""


class Sessions:
    """The conversations of every key, as far as keys have a limit; times are seconds of one steady clock."""

    __slots__ = ("_last", "_of")

    def __init__(self) -> None:
        """Know of none."""
        self._last: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._of: dict[str, int] = {}

    def enter(self, key: str, session: str, limit: int, now: float) -> bool:
        """Say whether a request may go on: it belongs to a conversation that counts, or there is room for one more.

        Args:
            key: the name of the key.
            session: what the client calls the conversation.
            limit: how many the key may have at once.
            now: the time.
        """
        self._forget(now)
        each = (key, session)
        if each not in self._last:
            if self._of.get(key, 0) >= limit:
                return False
            if len(self._last) >= MOST:
                self._drop()
            self._of[key] = self._of.get(key, 0) + 1
        self._last[each] = now
        self._last.move_to_end(each)
        return True

    def count(self, key: str, now: float) -> int:
        """Give how many conversations a key has."""
        self._forget(now)
        return self._of.get(key, 0)

    def _forget(self, now: float) -> None:
        """Forget those that were silent for long."""
        while self._last and now - next(iter(self._last.values())) >= SILENT:
            self._drop()

    def _drop(self) -> None:
        """Forget the one that was silent longest."""
        (key, _), _ = self._last.popitem(last=False)
        left = self._of[key] - 1
        if left:
            self._of[key] = left
        else:
            del self._of[key]
