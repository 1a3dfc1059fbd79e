"""Hands every event to everybody who reads them.

Always true: a reader that fails breaks neither the request whose event it was given nor the other readers. Its
failure is counted, and told to the others as the bug that it is.
"""

import traceback
from collections.abc import Callable
from pathlib import PurePath

from omniroute.observe.events import Admitted, Event, Exchanged, Faulted

Reader = Callable[[Event], None]
"""Called once an event, on the event loop: it must not wait."""


class Feed:
    """The readers of events, in the order in which they are told."""

    __slots__ = ("_of_requests", "_readers", "failures")

    def __init__(self, readers: tuple[Reader, ...], others: tuple[Reader, ...] = ()) -> None:
        """Hold the readers, and after them ``others``, whom requests that ended do not concern.

        ``failures`` counts how often one failed.
        """
        self._of_requests = readers
        self._readers = (*readers, *others)
        self.failures = 0

    def report(self, event: Event) -> None:
        """Tell every reader whom it concerns; never raises."""
        for reader in self._of_requests if type(event) is Exchanged else self._readers:
            try:
                reader(event)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a reader, the request goes on
                self.failures += 1
                self._tell_others(reader, _fault(event, error))

    def _tell_others(self, failed: Reader, fault: Faulted) -> None:
        """Report a reader's bug to the rest; one that fails over this is only counted."""
        for reader in self._readers:
            if reader is failed:
                continue
            try:
                reader(fault)
            except Exception:  # noqa: BLE001 - as above
                self.failures += 1


def requests_only(admit: Callable[[Admitted], None], record: Callable[[Exchanged], None]) -> Reader:
    """Make a reader of what takes the two events of each request, and nothing else, like the ledger."""

    def read(event: Event) -> None:
        if isinstance(event, Exchanged):
            record(event)
        elif isinstance(event, Admitted):
            admit(event)

    return read


def _fault(event: Event, error: Exception) -> Faulted:
    """Name a bug by its type and where it was raised; never by its words, which may hold anything."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    request_id = event.request_id if isinstance(event, Admitted | Exchanged | Faulted) else ""
    return Faulted(event.at, request_id, type(error).__name__, f"{PurePath(last.filename).name}:{last.lineno}")
