"""Puts the parts of a stream one behind the other, for formats that can only say one at a time.

Always true: what comes out is what went in, each part's events in their order and whole before those of the next; the
part whose turn it is is never held back.
"""

from collections.abc import Sequence

from omniroute.ir.events import Delta, Event, PartStart, PartStop, Sign


class Turns:
    """Holds a part back until those before it are complete; a machine of its own for each stream."""

    def __init__(self) -> None:
        """Begin at the beginning of a stream."""
        self._turn = 0
        self._held: dict[int, list[Event]] = {}

    def take(self, event: Event) -> Sequence[Event]:
        """Take the next event; give those that may be said now."""
        if not isinstance(event, Delta | PartStart | PartStop | Sign):
            return (event,)
        if event.at != self._turn:
            self._held.setdefault(event.at, []).append(event)
            return ()
        return self._following(event) if isinstance(event, PartStop) else (event,)

    def _following(self, stop: PartStop) -> list[Event]:
        """End a part, and give what was held of those whose turn it is then."""
        events: list[Event] = [stop]
        while isinstance(events[-1], PartStop):
            self._turn += 1
            held = self._held.pop(self._turn, None)
            if held is None:
                break
            events += held
        return events
