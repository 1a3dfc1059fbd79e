"""Reading a body to its end."""

from collections.abc import AsyncIterator

import pytest

from omniroute.upstream.body import gather
from omniroute.upstream.port import Phase, SendError


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


@pytest.mark.parametrize("given", [(), (b"one",), (b"one", b"two", b"three")])
async def test_all_pieces_are_given_as_one(given: tuple[bytes, ...]) -> None:
    body = b"".join(given)
    assert await gather(pieces(*given), len(body)) == body


async def test_the_rest_is_not_read_once_the_limit_is_passed() -> None:
    rest = pieces(b"12", b"34", b"56")
    with pytest.raises(SendError, match="longer than 3 bytes") as caught:
        await gather(rest, 3)
    assert caught.value.phase is Phase.TOO_LONG
    assert [piece async for piece in rest] == [b"56"]
