"""The one object that holds the gateway's hands: configuration, network, clock, eyes.

Always true: everything that outlives a request is reached from here and passed as an argument; there is no module
state. What is derived from a snapshot (secrets, header lists) is derived once, when the snapshot is taken up.
"""

import time
from collections.abc import Callable, Mapping

import msgspec

from omniroute import __version__
from omniroute.config.snapshot import Provider, Snapshot
from omniroute.engine.health import Health
from omniroute.engine.holder import Holder
from omniroute.engine.patience import Patience
from omniroute.observe.events import Event
from omniroute.observe.redact import MASK
from omniroute.upstream.auth import headers_for, query_for
from omniroute.upstream.port import Upstream
from omniroute.upstream.secrets import SecretBook

Headers = tuple[tuple[str, str], ...]


class Way(msgspec.Struct, frozen=True):
    """How one credential reaches its provider: request headers, and what is appended to a URL.

    ``secret`` is the credential itself, empty where there is none.
    """

    headers: Headers
    query: str
    secret: str = ""

    def hide(self, text: str) -> str:
        """Give a text of the provider's without the credential, should it quote that."""
        return text.replace(self.secret, MASK) if self.secret else text

    def __repr__(self) -> str:
        """Say nothing of what it holds."""
        return f"Way({len(self.headers)} headers)"


class Equipment(msgspec.Struct, frozen=True):
    """What a snapshot needs beside itself to be served: its secrets, turned into what is sent.

    ``ways`` are found by provider and credential name. It holds secrets, so it is never logged or shown.
    """

    ways: Mapping[tuple[str, str], Way]
    unusable: Mapping[tuple[str, str], str]

    def __repr__(self) -> str:
        """Say nothing of what it holds."""
        return f"Equipment({len(self.ways)} credentials)"


class Runtime:
    """What every request is given; ``active`` holds the requests under way, each by what can interrupt it."""

    __slots__ = ("active", "draining", "health", "holder", "report", "upstream")

    def __init__(self, holder: Holder, upstream: Upstream, report: Callable[[Event], None]) -> None:
        """Hold the hands."""
        self.holder = holder
        self.upstream = upstream
        self.report = report
        self.health = Health()
        self.active: set[Patience] = set()
        self.draining = False


def equip(snapshot: Snapshot, book: SecretBook) -> Equipment:
    """Turn resolved secrets into what is sent with each credential, and note the credentials that lack theirs."""
    unusable: dict[tuple[str, str], str] = {
        (provider, credential): reason for provider, credential, reason in book.missing
    }
    ways: dict[tuple[str, str], Way] = {
        (provider.name, credential.name): _way(provider, credential.name, book)
        for provider in snapshot.providers.values()
        for credential in provider.credentials
        if (provider.name, credential.name) not in unusable
    }
    return Equipment(ways, unusable)


def _way(provider: Provider, credential: str, book: SecretBook) -> Way:
    """Build the headers that every request with this credential carries; the provider's own win over ours."""
    secret = book.secret(provider.name, credential)
    fixed = (
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("user-agent", f"omniroute/{__version__}"),
    )
    own = {name.lower() for name, _ in provider.headers}
    ours = (*fixed, *headers_for(provider.auth, secret))
    headers = (*(each for each in ours if each[0] not in own), *provider.headers)
    return Way(headers, query_for(provider.auth, secret), secret.reveal() if secret is not None else "")


def unix_micros() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000
