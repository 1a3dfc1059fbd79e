"""What a configuration needs beside itself to be served: its secrets, turned into what is sent.

Always true: it is derived once, when a snapshot is taken up, and never logged or shown.
"""

from collections.abc import Mapping

import msgspec

from omniroute import __version__
from omniroute.config.snapshot import Provider, Snapshot
from omniroute.engine.terms import Headers
from omniroute.observe.redact import MASK
from omniroute.upstream.auth import headers_for, query_for
from omniroute.upstream.place import origins_of
from omniroute.upstream.secrets import SecretBook


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

    ``ways`` are found by provider and credential name. ``origins`` are the servers that may be asked. It holds secrets,
    so it is never logged or shown.
    """

    ways: Mapping[tuple[str, str], Way]
    unusable: Mapping[tuple[str, str], str]
    origins: frozenset[str]

    def __repr__(self) -> str:
        """Say nothing of what it holds."""
        return f"Equipment({len(self.ways)} credentials)"


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
    return Equipment(ways, unusable, origins_of(provider.base_url for provider in snapshot.providers.values()))


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
