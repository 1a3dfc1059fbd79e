"""A lean client that shows its connections."""

from omniroute.upstream.lean import LeanUpstream
from omniroute.upstream.lean_connection import Connection
from omniroute.upstream.port import Phase


class Recording(LeanUpstream):
    """Remembers its connections; a ``hasty`` one ends each as soon as it is there."""

    def __init__(self, *, hasty: bool = False) -> None:
        super().__init__()
        self.seen: list[Connection] = []
        self.hasty = hasty

    def opened(self, connection: Connection) -> None:
        super().opened(connection)
        self.seen.append(connection)
        if self.hasty:
            connection.end(Phase.CUT, "at once")
