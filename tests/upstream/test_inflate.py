"""Undoing a compression that nobody asked for."""

import gzip
import zlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.upstream.inflate import PIECE, inflated, take_coding
from omniroute.upstream.port import Phase, SendError


async def cut(data: bytes, sizes: Sequence[int]) -> AsyncIterator[bytes]:
    for size in sizes:
        if data[:size]:
            yield data[:size]
        data = data[size:]
    if data:
        yield data


async def decoded(data: bytes, coding: str, sizes: Sequence[int] = ()) -> list[bytes]:
    return [piece async for piece in inflated(cut(data, sizes), coding)]


def bare(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeezer.compress(data) + squeezer.flush()


Way = tuple[str, Callable[[bytes], bytes]]
WAYS: list[Way] = [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", bare)]


@settings(deadline=None, max_examples=60)
@given(
    st.binary(max_size=3000),
    st.integers(1, 100),
    st.lists(st.integers(1, 40), max_size=60),
    st.sampled_from(WAYS),
)
async def test_wherever_it_is_cut_the_body_is_the_same(data: bytes, times: int, sizes: list[int], way: Way) -> None:
    coding, squeeze = way
    pieces = await decoded(squeeze(data * times), coding, sizes)
    assert b"".join(pieces) == data * times
    assert all(0 < len(piece) <= PIECE for piece in pieces)


@pytest.mark.parametrize(("coding", "squeeze"), WAYS)
@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, PIECE + 2, 2 * PIECE, 50 * PIECE])
async def test_nothing_is_kept_back_at_the_edge_of_a_piece(
    coding: str, squeeze: Callable[[bytes], bytes], size: int
) -> None:
    assert sum(map(len, await decoded(squeeze(bytes(size)), coding))) == size


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_no_body_at_all_is_an_empty_one(coding: str) -> None:
    assert await decoded(b"", coding) == []


@pytest.mark.parametrize(("coding", "squeeze"), WAYS)
async def test_an_early_end_is_a_cut(coding: str, squeeze: Callable[[bytes], bytes]) -> None:
    data = squeeze(b"x" * 99)
    for end in range(1, len(data) - 1):
        with pytest.raises(SendError) as caught:
            await decoded(data[:end], coding)
        assert caught.value.phase is Phase.CUT


@pytest.mark.parametrize(("coding", "sizes"), [("gzip", [2]), ("gzip", []), ("deflate", [1, 5]), ("deflate", [])])
async def test_what_is_not_compressed_is_a_fault_of_the_protocol(coding: str, sizes: list[int]) -> None:
    with pytest.raises(SendError) as caught:
        await decoded(b"\xfe\xfe\xfe\xfe not compressed at all", coding, sizes)
    assert caught.value.phase is Phase.PROTOCOL


def test_headers_without_a_coding_are_left_alone() -> None:
    for headers in ({}, {"content-encoding": " Identity ", "content-length": "3"}):
        assert take_coding(headers) == (None, headers)


def test_headers_that_speak_of_the_coded_body_are_taken_out() -> None:
    headers = {"content-encoding": "GZIP", "content-length": "3", "x-other": "1"}
    assert take_coding(headers) == ("gzip", {"x-other": "1"})


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x" * 5000])
def test_an_unknown_coding_is_refused(coding: str) -> None:
    with pytest.raises(SendError) as caught:
        take_coding({"content-encoding": coding})
    assert caught.value.phase is Phase.PROTOCOL
    assert len(caught.value.detail) < 200
