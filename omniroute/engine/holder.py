"""What is in force now, and the one assignment that changes it.

Always true: a ``Live`` never changes. A request reads ``Holder.current`` once, when it begins, and keeps what it
read until it ends; a reload puts another in its place and touches nothing that a request holds.
"""

import msgspec

from omniroute.config.snapshot import Snapshot
from omniroute.names import Trigger


class Live(msgspec.Struct, frozen=True):
    """A configuration at work.

    ``generation`` grows by one with every change that is applied, ``applied_at`` is in Unix microseconds.
    ``secrets`` is whatever the engine prepared for this snapshot; it is never shown.
    """

    snapshot: Snapshot
    generation: int
    applied_at: int
    trigger: Trigger
    tag: bytes
    secrets: object | None = None

    def __repr__(self) -> str:
        """Name the configuration, and nothing that it holds."""
        return f"Live({self.tag.decode()})"


def tag_for(generation: int, snapshot: Snapshot) -> bytes:
    """Write generation and configuration as the ``X-OmniRoute-Config`` header does: ``42-9f3ac1d27e04``."""
    return f"{generation}-{snapshot.short_id}".encode()


class Holder:
    """Holds what is in force. ``current`` is unset until the first swap; to read it earlier is a bug."""

    __slots__ = ("current",)

    current: Live

    def swap(self, live: Live) -> None:
        """Put ``live`` in force for every request that begins from now on."""
        self.current = live
