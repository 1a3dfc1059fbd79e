"""How often each target fails.

Always true: a share is that of the last attempts of a name, at most ``last`` of them; only the ``most`` names heard of
last are held.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from types import MappingProxyType

from omniroute.limits.bounded import keep


class Failing:
    """Shares of failed attempts by name; ``share`` is live and read-only, each value between 0 and 1."""

    def __init__(self, last: int = 50, most: int = 1024) -> None:
        """Start with no attempts; the ``last`` of each name count, and at most ``most`` names are remembered."""
        self._last = last
        self._most = most
        self._share: OrderedDict[str, float] = OrderedDict()
        self._ends: OrderedDict[str, deque[int]] = OrderedDict()
        self.share: Mapping[str, float] = MappingProxyType(self._share)

    def failed(self, name: str) -> None:
        """Note an attempt that failed by the upstream's fault."""
        self._note(name, 1)

    def succeeded(self, name: str) -> None:
        """Note an attempt that the upstream answered."""
        self._note(name, 0)

    def forget(self, name: str) -> None:
        """Forget a name."""
        self._share.pop(name, None)
        self._ends.pop(name, None)

    def _note(self, name: str, failures: int) -> None:
        ends = self._ends.get(name)
        if ends is None:
            ends = deque(maxlen=self._last)
        elif not failures and len(ends) == self._last and not self._share[name]:
            self._ends.move_to_end(name)  # one more of what all were
            self._share.move_to_end(name)
            return
        ends.append(failures)
        keep(self._ends, name, ends, self._most)
        keep(self._share, name, sum(ends) / len(ends), self._most)
