"""How long each target takes to its first token: on the average, and when it is slow.

Always true: noting a time costs the same however many were noted; only the last 100 of a name are held, and only the
``most`` names heard of last.
"""

from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Mapping
from types import MappingProxyType

from omniroute.limits.bounded import keep

NEWEST = 0.2
"""The weight of the newest time in the moving average: the last ten make nine tenths of it."""
HELD = 100
ENOUGH = 20
"""With fewer times than this, the slowest twentieth is nobody."""


class Latencies:
    """Seconds to the first token by name; ``average`` is live, read-only and exponentially weighted."""

    def __init__(self, most: int = 1024) -> None:
        """Start with no times; at most ``most`` names are remembered."""
        self._most = most
        self._average: OrderedDict[str, float] = OrderedDict()
        self.average: Mapping[str, float] = MappingProxyType(self._average)

    def took(self, name: str, seconds: float) -> None:
        """Note the seconds that an attempt took to its first token."""
        before = self._average.get(name, seconds)
        keep(self._average, name, before + NEWEST * (seconds - before), self._most)

    def forget(self, name: str) -> None:
        """Forget a name."""
        self._average.pop(name, None)


class _Window:
    """The last times of one name, in the order of coming, and sorted."""

    def __init__(self) -> None:
        self.coming: deque[float] = deque()
        self.sorted: list[float] = []

    def add(self, seconds: float) -> None:
        """Take a time in, and the oldest out."""
        if len(self.coming) == HELD:
            del self.sorted[bisect_left(self.sorted, self.coming.popleft())]
        self.coming.append(seconds)
        insort(self.sorted, seconds)


class Slowness:
    """The last hundred times of each name, and how long the slow ones of them were."""

    def __init__(self, most: int = 1024) -> None:
        """Start with no times; at most ``most`` names are remembered."""
        self._most = most
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def took(self, name: str, seconds: float) -> None:
        """Note a time."""
        window = self._windows.get(name) or _Window()
        window.add(seconds)
        keep(self._windows, name, window, self._most)

    def p95(self, name: str, enough: int = ENOUGH) -> float | None:
        """Give the time that 95 % of the last 100 did not exceed (nearest rank); None below ``enough`` times."""
        window = self._windows.get(name)
        if window is None or len(window.sorted) < enough:
            return None
        return window.sorted[-(-len(window.sorted) * 95 // 100) - 1]
