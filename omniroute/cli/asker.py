"""Options that say who asks, and when: ``--key`` and ``--at``."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from omniroute.config.snapshot import Snapshot
from omniroute.engine.showing import Showing, key_named


def _moment(_context: click.Context, parameter: click.Parameter, text: str | None) -> float:
    """Read a time with offset (RFC 3339, seconds may be left out); give Unix seconds."""
    if text is None:
        return datetime.now(UTC).timestamp()
    try:
        moment: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"'{text}' is no time with offset; for example: 2026-11-23T08:00+01:00"
        raise click.BadParameter(message, param=parameter)
    return moment.timestamp()


_key = click.option("--key", metavar="NAME", help="The client key that is shown, by its name: its policy holds.")
_at = click.option(
    "--at", metavar="TIME", callback=_moment, help="When it is asked: 2026-11-23T08:00+01:00.  [default: now]"
)


def asker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``key``, the name of a client key or None, and ``at``, in Unix seconds."""
    return _key(_at(command))


def shown(snapshot: Snapshot, key: str | None, at: float, session: str | None = None) -> Showing:
    """Say who asks; without a key nobody is refused for coming without one, and the policy of the defaults holds."""
    if key is not None and key_named(snapshot, key) is None:
        known = ", ".join(sorted(each.name for each in snapshot.keys.values())) or "none"
        message = f"there is no client key '{key}'; there are: {known}"
        raise click.BadParameter(message, param_hint="--key")
    return Showing(key, at, session, needed=key is not None)
