"""Reading a body to its end, whoever brings it."""

from collections.abc import AsyncIterator

from omniroute.upstream.port import Phase, SendError


async def gather(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    """Give all of it, at most ``limit`` bytes.

    Raises:
        SendError: TOO_LONG past the limit, and whatever ``chunks`` raises.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in chunks:
        size += len(piece)
        if size > limit:
            raise SendError(Phase.TOO_LONG, f"the answer is longer than {limit} bytes")
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
