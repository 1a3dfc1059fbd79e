"""What stands behind ``limits.port``, with the ledger that belongs to it."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from omniroute.limits.memory import Memory
from omniroute.limits.port import Purse, Shared
from omniroute.storage.ledger import Ledger
from omniroute.storage.rows import Counted
from omniroute.storage.shared import SharedByWorkers
from tests.support.events import exchanged

KINDS = ("memory", "workers")


class Till:
    """Something shared, and how a request ends there."""

    def __init__(self, shared: Shared, ledger: Ledger | None = None) -> None:
        self.shared = shared
        self.written: deque[Sequence[Counted]] = deque()
        self._ledger = ledger
        self._numbers = count()

    def end(self, request_id: str, purses: Sequence[Purse], cost: int) -> None:
        """End a request as the engine does: it is settled, and its event is recorded."""
        self.shared.settle(request_id, purses, cost)
        if self._ledger is not None:
            budgets = tuple((purse.budget, purse.since) for purse in purses)
            event = exchanged(next(self._numbers), request_id=request_id, cost_nano=cost, budgets=budgets)
            self._ledger.record(event)

    def counted(self) -> None:
        """Wait until all that ended is counted."""
        if self._ledger is not None:
            assert self._ledger.flush()
        while isinstance(self.shared, SharedByWorkers) and self.written:
            self.shared.count(self.written.popleft())


@contextmanager
def till(kind: str, folder: Path) -> Iterator[Till]:
    """Open a till; a database in this folder is shared with all that are opened there."""
    if kind == "memory":
        yield Till(Memory())
        return
    path = str(folder / "shared.db")
    troubles: list[str] = []
    ledger = Ledger(path, trouble=troubles.append, redact=str)
    with closing(SharedByWorkers(path)) as shared:
        opened = Till(shared, ledger)
        ledger.tell(opened.written.append)
        ledger.start()
        with closing(ledger):
            yield opened
    assert not troubles
