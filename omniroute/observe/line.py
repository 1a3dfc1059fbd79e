"""An event as one line of a log: for people, or as JSON.

Always true: what a client or an upstream wrote is shortened and masked, and cannot begin a line of its own or move a
terminal's cursor. Only the faults of a configuration take more lines than one, in the form for people.
"""

import json
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from omniroute.names import Outcome, ReloadResult
from omniroute.observe.events import (
    Attempted,
    Audited,
    Exchanged,
    Faulted,
    Reloaded,
    Serving,
    Told,
    Troubled,
    WatcherMoved,
)
from omniroute.observe.redact import redact

LONGEST_NAME = 256
"""Characters shown of what the client wrote: the model's name, which could be as long as a body, session and tags."""

MOST_TAGS = 32

_IN_FORCE = frozenset({ReloadResult.APPLIED, ReloadResult.UNCHANGED})


def as_json(event: Told, level: str) -> str:
    """Write an event as JSON on one line: ``time`` (RFC 3339, UTC), ``level``, ``event``, then the event's fields."""
    fields = msgspec.to_builtins(event)
    time = _when(fields.pop("at"), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(event, Exchanged):
        fields["asked"] = event.asked[:LONGEST_NAME]
        fields["session"] = event.session[:LONGEST_NAME]
        fields["tags"] = [tag[:LONGEST_NAME] for tag in event.tags[:MOST_TAGS]]
    return json.dumps({"time": time, "level": level, "event": type(event).__name__.lower(), **_masked(fields)})


def as_text(event: Told, level: str, zone: tzinfo | None = None) -> str:
    """Write an event for people; the time of day is that of ``zone``, which is this machine's where it is None."""
    first, *more = (_printable(redact(each)) for each in _story(event))
    # A request's line says by its status how it went.
    mark = "" if level == "info" or isinstance(event, Exchanged) else f"{level}: "
    return "\n  ".join((f"{_when(event.at, zone):%H:%M:%S} {mark}{first}", *more))


def _story(event: Told) -> tuple[str, ...]:
    return (_reloaded(event), *event.faults) if isinstance(event, Reloaded) else (_sentence(event),)


def _sentence(event: Exchanged | Audited | WatcherMoved | Serving | Faulted | Troubled) -> str:
    match event:
        case Exchanged():
            return _exchanged(event)
        case Audited():
            return " ".join(filter(None, ("audit:", event.actor or "-", event.action, event.target, event.detail)))
        case WatcherMoved():
            return f"file watcher {'up' if event.up else 'down'}: {event.reason}"
        case Serving():
            what = "listening on" if event.up else "stopped listening on"
            return f"{what} {event.address}, config {event.generation} {event.config[:12]}"
        case Faulted():
            request = f" in request {event.request_id}" if event.request_id else ""
            return f"bug: {event.what} at {event.where}{request}; the gateway goes on; please report it"
        case Troubled():
            return event.what


def _exchanged(event: Exchanged) -> str:
    words = [str(event.status), event.key or "-", event.asked[:LONGEST_NAME] or "-"]
    if event.target:
        words += ["→", event.target]
    if event.outcome is not Outcome.OK:
        words += [event.outcome.value, *([event.code] if event.code else [])]
    words += [*_tokens(event), _duration(event.micros), *_attempts(event.attempts)]
    return " ".join(words)


def _tokens(event: Exchanged) -> list[str]:
    """Say what was used and what it cost; a cost that is not known is ``$?``."""
    if event.output_tokens is None:
        return []
    sent = (event.input_tokens or 0) + (event.cache_read_tokens or 0) + (event.cache_write_tokens or 0)
    return [f"{sent}+{event.output_tokens} tok", "$?" if event.cost_nano is None else _dollars(event.cost_nano)]


def _attempts(attempts: tuple[Attempted, ...]) -> list[str]:
    """Say what failed, and how many attempts there were where it was more than one."""
    failed = ", ".join(f"{each.target} {each.failure.value}" for each in attempts if each.failure)
    count = f"{len(attempts)} attempts: " if len(attempts) > 1 else ""
    return [f"({count}{failed})"] if failed else []


def _reloaded(event: Reloaded) -> str:
    config = f"{event.generation} {event.config[:12]}"
    why = f"({event.trigger.value}, {_duration(event.micros)})"
    found = _counted(event.errors, "error") + _counted(event.warnings, "warning")
    if event.result in _IN_FORCE:
        return " ".join(("config", config, event.result.value, why, *found))
    said = f": {', '.join(found)}" if found else ""
    return f"config {event.result.value} {why}{said}; {config} stays in force"


def _counted(count: int, what: str) -> list[str]:
    return [f"{count} {what}{'' if count == 1 else 's'}"] if count else []


def _dollars(nano: int) -> str:
    """Write an amount with as many places as it needs to be seen."""
    places = 2 if nano >= 1_000_000_000 else 4 if nano >= 1_000_000 else 6
    return f"${nano / 1e9:.{places}f}"


def _duration(micros: int) -> str:
    return f"{micros / 1e6:.1f} s" if micros >= 1_000_000 else f"{micros / 1000:.0f} ms"


def _when(at: int, zone: tzinfo | None) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(zone)


def _printable(text: str) -> str:
    """Escape what is not to be seen: line ends, a terminal's commands, marks that change the direction of writing."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _masked(value: Any) -> Any:
    """Mask every text in a value made of dictionaries and lists."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: _masked(each) for key, each in value.items()}
        case list() | tuple():
            return [_masked(each) for each in value]
        case _:
            return value
