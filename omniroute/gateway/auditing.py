"""Which events are kept in the audit log, and in which words.

Always true: nothing here waits; an event that is not listed here is no matter for the audit log.
"""

import os
from collections.abc import Callable

from omniroute.names import ReloadResult
from omniroute.observe.events import Audited, Event, Reloaded, Serving
from omniroute.storage.audit import Entry


class Auditor:
    """A reader of events: hands on those that may have to be proved later; remembers what was in force before."""

    def __init__(self, record: Callable[[Entry], None]) -> None:
        """Begin with nothing in force."""
        self._record = record
        self._config = ""

    def note(self, event: Event) -> None:
        """Take an event; of requests, which are nearly all of them, none."""
        if isinstance(event, Audited):
            self._record(Entry(event.at, event.actor, event.action, event.target, event.detail))
        elif isinstance(event, Serving):
            action = "serve.started" if event.up else "serve.stopped"
            detail = f"configuration {event.generation}, {event.config}; process {os.getpid()}"
            self._record(Entry(event.at, "", action, event.address, detail))
        elif isinstance(event, Reloaded) and event.result is not ReloadResult.UNCHANGED:
            self._record(self._reloaded(event))

    def _reloaded(self, event: Reloaded) -> Entry:
        """Say from which configuration to which, or which one was not taken."""
        before, self._config = self._config, event.config
        said = [event.result.value, f"trigger {event.trigger.value}", f"generation {event.generation}"]
        if event.result is ReloadResult.APPLIED:
            said += [f"from {before or 'none'} to {event.config}"]
        else:
            said += [f"{event.config} stays in force", f"{event.errors} errors"]
            said += [f"refused {event.refused}"] if event.refused else []
        return Entry(event.at, "", f"config.{event.result.value}", event.config, "; ".join(said))
