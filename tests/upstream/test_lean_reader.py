"""Reading HTTP/1.1 answers without a network."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.upstream.lean_reader import LONGEST_HEAD, AnswerReader, BadAnswer


def read(*data: bytes, bodiless: bool = False) -> tuple[AnswerReader, bytes]:
    reader = AnswerReader()
    reader.expect(bodiless=bodiless)
    body = b""
    for one in data:
        reader.feed(one)
        body += b"".join(reader.pieces)
    return reader, body


def feed(reader: AnswerReader, data: list[bytes]) -> None:
    for one in data:
        reader.feed(one)


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello"
CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nx-trailer: 1\r\n\r\n"
HINTED = b"HTTP/1.1 100 Go\r\nx-b: 1\r\n\r\nHTTP/1.1 429 Slow\r\nContent-Length: 0\r\nretry-after: 3\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No\r\n\r\n"
ANSWERS = {LENGTH: b"hello", CHUNKS: b"hello", HINTED: b"", EMPTY: b""}


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(1, 30), max_size=30))
def test_an_answer_is_the_same_wherever_it_is_cut(raw: bytes, sizes: list[int]) -> None:
    cuts, rest = [], raw
    for size in sizes:
        cuts.append(rest[:size])
        rest = rest[size:]
    reader, body = read(*[one for one in (*cuts, rest) if one])
    direct, _ = read(raw)
    assert reader.complete
    assert reader.reusable
    assert (reader.status, reader.headers, body) == (direct.status, direct.headers, ANSWERS[raw])


def test_answers_come_one_after_the_other() -> None:
    reader = AnswerReader()
    for raw, body in ANSWERS.items():
        reader.expect(bodiless=False)
        assert not reader.arrived
        reader.feed(raw)
        assert b"".join(reader.pieces) == body
        assert reader.reusable


def test_headers_are_joined_and_a_1xx_leaves_none() -> None:
    reader, _ = read(LENGTH)
    assert reader.headers == {"content-length": "5", "x-a": "1, 2"}
    reader, _ = read(HINTED)
    assert (reader.status, reader.headers) == (429, {"content-length": "0", "retry-after": "3"})


@pytest.mark.parametrize(
    ("raw", "ends"),
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\nx: 1\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\nsome", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nsome", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nsome", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n", False),
    ],
)
def test_an_end_of_the_connection_ends_an_answer_without_a_length(raw: bytes, ends: bool) -> None:
    reader, _ = read(raw)
    assert reader.ends() is ends


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\r\n\r\n!",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 No\r\nx-evil: 1\r\ncontent-length: 4\r\n\r\nevil",
    ],
    ids=["said to close", "1.0", "more than its length", "a second answer"],
)
def test_some_answers_leave_a_connection_that_is_not_to_be_used_again(raw: bytes) -> None:
    reader, body = read(raw)
    assert (reader.status, reader.complete, reader.reusable, body) == (200, True, False, b"ok")
    assert "x-evil" not in reader.headers


def test_a_bodiless_answer_is_complete_with_its_headers() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
    for raw in (head, head + b"hello"):
        reader, body = read(raw, bodiless=True)
        assert (reader.complete, reader.reusable, body) == (True, False, b"")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"hello\r\n", "HTTP/"),
        (b"HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "switched protocols"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", "transfer coding"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n", "Transfer-Encoding"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "chunk size"),
    ],
)
def test_what_is_no_answer_is_refused(raw: bytes, words: str) -> None:
    with pytest.raises(BadAnswer, match=words):
        read(raw)


def test_pieces_before_a_fault_are_not_lost() -> None:
    reader = AnswerReader()
    with pytest.raises(BadAnswer):
        reader.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\nzz\r\n")
    assert (reader.arrived, reader.pieces) == (True, [b"one"])


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (HEAD + b"x: ", b"v" * 1000),
        (HEAD, b"x: " + b"v" * 1000 + b"\r\n"),
        (b"HTTP/1.1 200 ", b"OK" * 500),
        (b"", b"HTTP/1.1 100 Continue\r\nx: " + b"v" * 1000 + b"\r\n\r\n"),
        (CHUNKED + b"1;", b"x" * 1000),
        (CHUNKED + b"0\r\n", b"x: " + b"v" * 1000 + b"\r\n"),
    ],
    ids=["a header", "headers", "a reason", "1xx", "a chunk's extension", "trailers"],
)
def test_what_is_no_body_is_bounded(first: bytes, more: bytes) -> None:
    reader = AnswerReader()
    if first:
        reader.feed(first)
    enough = LONGEST_HEAD // len(more) + 1
    with pytest.raises(BadAnswer, match=f"more than {LONGEST_HEAD} bytes"):
        feed(reader, [more] * enough)


def test_headers_that_come_all_at_once_are_bounded_too() -> None:
    with pytest.raises(BadAnswer, match="more than"):
        read(HEAD + b"x: 1\r\n" * 20_000 + b"content-length: 0\r\n\r\n")


def test_a_long_body_in_small_chunks_is_no_such_fault() -> None:
    reader = AnswerReader()
    reader.feed(CHUNKED)
    for _ in range(20_000):
        reader.feed(b"1\r\n")
        reader.feed(b"x\r\n")
    reader.feed(b"0\r\n\r\n")
    assert reader.complete
