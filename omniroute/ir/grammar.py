"""Which event may follow which: one table, one checker.

A stream is ``Begin``, then parts (``PartStart``, any number of ``Delta`` and ``Sign``, ``PartStop``), of which several
may be open at once, then ``Finished``, then ``End``. ``Spent`` and ``Raw`` may stand anywhere behind ``Begin`` and
before ``End``; ``Fault`` may stand anywhere before ``End``, and nothing follows it.
"""

from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent

# literal table: state → event → the state after it
NEXT: dict[str, dict[type, str]] = {
    "new": {Begin: "saying", Fault: "broken"},
    "saying": {
        PartStart: "saying",
        Delta: "saying",
        Sign: "saying",
        PartStop: "saying",
        Spent: "saying",
        Raw: "saying",
        Finished: "finished",
        Fault: "broken",
    },
    "finished": {Spent: "finished", Raw: "finished", End: "done", Fault: "broken"},
    "done": {},
    "broken": {},
}


class Grammar:
    """Follows one stream and says what is wrong with it, if anything."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self.state = "new"
        self._open: set[int] = set()
        self._next = 0

    def wrong(self, event: Event) -> str | None:
        """Take the next event; give what is wrong with its coming now, None where nothing is."""
        after = NEXT[self.state].get(type(event))
        if after is None:
            return f"{type(event).__name__} may not come when the stream is {self.state}"
        self.state = after
        match event:
            case PartStart(at=at):
                return self._start(at)
            case Delta(at=at) | Sign(at=at) if at not in self._open:
                return f"{type(event).__name__} for part {at}, which is not open"
            case PartStop(at=at):
                return self._stop(at)
            case Finished() if self._open:
                return f"Finished while part {min(self._open)} is open"
            case _:
                return None

    def _start(self, at: int) -> str | None:
        """Open a part: parts are counted from 0 as they begin."""
        if at != self._next:
            return f"part {at} begins where part {self._next} is next"
        self._next += 1
        self._open.add(at)
        return None

    def _stop(self, at: int) -> str | None:
        """Close a part."""
        if at not in self._open:
            return f"part {at} stops, which is not open"
        self._open.remove(at)
        return None
