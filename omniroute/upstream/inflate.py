"""Undoing a compression that nobody asked for.

Every request asks for ``identity``; a server that compresses all the same is still understood where it uses gzip
or deflate (RFC 9110 §8.4.1). Always true: however well a body is compressed, it is given in pieces of at most
``PIECE`` bytes.
"""

import zlib
from collections.abc import AsyncIterator, Iterator, Mapping

from omniroute.upstream.port import Phase, SendError

PIECE = 65_536

_OF_THE_CODED = frozenset({"content-encoding", "content-length"})
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})


def take_coding(headers: Mapping[str, str]) -> tuple[str | None, Mapping[str, str]]:
    """Give the coding of a body that must be undone, and the headers less those that speak of the coded body.

    Raises:
        SendError: PROTOCOL, for a coding that is not known.
    """
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return None, headers
    if coding not in _CODINGS:
        raise SendError(Phase.PROTOCOL, f"the answer is compressed with {coding[:40]!r}, which was not asked for")
    return coding, {name: value for name, value in headers.items() if name not in _OF_THE_CODED}


async def inflated(chunks: AsyncIterator[bytes], coding: str) -> AsyncIterator[bytes]:
    """Give the decoded body, as far as each chunk allows.

    Raises:
        SendError: PROTOCOL, where it is not what its coding says, CUT where it ends too early.
    """
    inflater = _Inflater(coding)
    async for chunk in chunks:
        for piece in inflater.feed(chunk):
            yield piece
    if inflater.unfinished:
        raise SendError(Phase.CUT, "the compressed answer ended before its end")


class _Inflater:
    """zlib with a bound on what comes out at once."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._head = b""
        self._zlib: zlib._Decompress | None = None

    @property
    def unfinished(self) -> bool:
        """Whether there was a beginning and no end."""
        return not self._zlib.eof if self._zlib is not None else bool(self._head)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what can be decoded with these bytes more; nothing is kept back."""
        if self._zlib is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            self._zlib = zlib.decompressobj(_window_bits(self._coding, data))
        while not self._zlib.eof:
            try:
                piece = self._zlib.decompress(data, PIECE)
            except zlib.error:
                raise SendError(Phase.PROTOCOL, "the answer is not compressed as it says") from None
            data = self._zlib.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < PIECE:
                return


def _window_bits(coding: str, head: bytes) -> int:
    """Give zlib's name for a format. "deflate" means zlib's own (RFC 1950), but some servers send it without its head.

    RFC 9110 §8.4.1.2 knows them; the two bytes of the head have a check of their own.
    """
    if coding != "deflate":
        return 16 + zlib.MAX_WBITS
    headed = head[0] & 15 == zlib.DEFLATED and (head[0] * 256 + head[1]) % 31 == 0
    return zlib.MAX_WBITS if headed else -zlib.MAX_WBITS
