"""Where a URL leads: the connection that it needs, and what is asked for on it.

Always true: pure; a message names scheme and host at most, because paths and queries may carry a key.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from urllib.parse import SplitResult, quote, urlsplit

import msgspec

from omniroute.upstream.port import Phase, SendError

_PORTS = {"http": 80, "https": 443}
_VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))


class Place(msgspec.Struct, frozen=True):
    """A URL, taken apart: ``origin`` is ``scheme://host:port``, ``authority`` the value of the header ``host``.

    ``target`` is path and query in visible ASCII, ready for a request line.
    """

    origin: str
    tls: bool
    host: str
    port: int
    authority: str
    target: str


@lru_cache(maxsize=1024)
def locate(url: str) -> Place:
    """Take an absolute ``http`` or ``https`` URL apart.

    Raises:
        SendError: CONNECT, where it is not one.
    """
    parts, host, port = _split(url)
    default = _PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    port = default if port is None else port
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(
        origin=f"{parts.scheme}://{shown}:{port}",
        tls=parts.scheme == "https",
        host=host,
        port=port,
        authority=shown if port == default else f"{shown}:{port}",
        target=quote(path, safe=_VISIBLE),
    )


def origin_of(url: str) -> str:
    """Give the ``scheme://host:port`` of a URL, which names its connections; see ``locate``."""
    return locate(url).origin


def origins_of(urls: Iterable[str]) -> frozenset[str]:
    """Give the origins of all URLs that have one; what leads nowhere has no connections."""
    found: set[str] = set()
    for url in urls:
        with suppress(SendError):
            found.add(origin_of(url))
    return frozenset(found)


def _split(url: str) -> tuple[SplitResult, str, int | None]:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode()
        port = parts.port
    except ValueError as error:  # a bad port or address; UnicodeError, of a bad international name, is one as well
        raise SendError(Phase.CONNECT, f"the upstream's URL cannot be used: {type(error).__name__}") from None
    if parts.scheme not in _PORTS:
        raise SendError(Phase.CONNECT, f"the upstream's URL must begin with http:// or https://, not {parts.scheme!r}")
    if not host:
        raise SendError(Phase.CONNECT, f"the upstream's URL names no host after {parts.scheme}://")
    if parts.username is not None:
        raise SendError(Phase.CONNECT, f"the URL of {host} holds user information; give the upstream a credential")
    return parts, host, port
