"""What is known of reloading, as ``GET /api/config/status`` tells it.

Always true: instants are Unix microseconds (UTC). Diagnostics hold the text of the files they point into, so they are
never encoded as they are: the renderers of ``config`` show them, and mask what must not be seen.
"""

import msgspec

from omniroute.config.diagnostics import Diagnostic
from omniroute.names import ReloadResult, Trigger


class FileHash(msgspec.Struct, frozen=True):
    """One file of the active configuration: the path to show, and the SHA-256 (hex) of its bytes."""

    path: str
    sha256: str


class Active(msgspec.Struct, frozen=True):
    """What is in force. ``commit`` is what git had checked out when the files were read; None outside a work tree."""

    generation: int
    hash: str
    applied_at: int
    trigger: Trigger
    files: tuple[FileHash, ...]
    commit: str | None
    app_version: str


class LastAttempt(msgspec.Struct, frozen=True):
    """The last look that found something to do. ``hash`` is empty where the files did not compile to anything."""

    at: int
    trigger: Trigger
    result: ReloadResult
    hash: str
    duration_ms: float
    errors: int
    warnings: int
    diagnostics: tuple[Diagnostic, ...]


class WatcherState(msgspec.Struct, frozen=True):
    """How changes are noticed: ``mode`` is ``events+poll``, or ``poll`` where events are switched off.

    ``up`` says whether events arrive; ``rebuilds`` counts how often the watch was set up again.
    """

    mode: str = "poll"
    up: bool = False
    last_event_at: int | None = None
    last_poll_at: int | None = None
    rebuilds: int = 0


class ReloadStatus(msgspec.Struct, frozen=True):
    """All of it. ``looks`` counts readings of the files, ``unchanged`` those that found what was known already."""

    active: Active
    last_attempt: LastAttempt
    in_sync_with_disk: bool
    pending_restart: tuple[str, ...]
    watcher: WatcherState
    looks: int
    unchanged: int
