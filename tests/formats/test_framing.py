"""Server-sent events and lines are cut into records by their standards' rules, wherever the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.framing import Lines, Record, Splitter

LINES = st.sampled_from(
    [
        b"data: {}",
        b"data:x",
        b"data",
        b"data:  two",
        b"event: error",
        b"event:",
        b": note",
        b"id: 1",
        b"\xef\xbb\xbf",
        b"",
        b"a" * 9,
    ]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n"])
STREAMS = st.lists(st.builds(bytes.__add__, LINES, ENDS), max_size=12).map(b"".join) | st.binary(max_size=40)


def read(*pieces: bytes, limit: int = 1000) -> tuple[list[Record], bool]:
    splitter = Splitter(limit)
    records = [record for piece in pieces for record in splitter.feed(piece)]
    last = splitter.close()
    return records + [last] * (last is not None), splitter.too_long


def said(*pieces: bytes) -> list[tuple[bytes, bytes]]:
    return [(record.event, record.data) for record in read(*pieces)[0]]


def cut(body: bytes, places: list[int]) -> list[bytes]:
    stops = sorted({min(place, len(body)) for place in places} | {0, len(body)})
    return [body[start:stop] for start, stop in pairwise(stops)]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_may_end_with_lf_cr_or_crlf(end: bytes) -> None:
    stream = b"event: a\ndata: 1\ndata: 2\n\ndata: 3\n\n".replace(b"\n", end)
    assert said(stream) == [(b"a", b"1\n2"), (b"", b"3")]
    assert b"".join(record.raw for record in read(stream)[0]) == stream


def test_line_ends_may_be_mixed() -> None:
    assert said(b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\ndata: 4\n\r") == [
        (b"", b"1"),
        (b"", b"2"),
        (b"", b"3"),
        (b"", b"4"),
    ]


def test_comments_and_other_fields_say_nothing() -> None:
    assert said(b": note\n\nid: 7\nretry: 9\nunknown\n\n") == [(b"", b""), (b"", b"")]


def test_one_space_behind_a_colon_is_not_part_of_the_value() -> None:
    assert said(b"data:1\n\ndata:  2\n\nevent:e\ndata:3\n\n") == [(b"", b"1"), (b"", b" 2"), (b"e", b"3")]


def test_a_byte_order_mark_counts_as_nothing_at_the_start_alone() -> None:
    assert said(b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n") == [(b"", b"1"), (b"", b"")]


def test_a_record_keeps_its_bytes() -> None:
    (record,), _ = read(b": a\ndata: 1\n\n")
    assert record == Record(raw=b": a\ndata: 1\n\n", data=b"1")


def test_a_record_comes_out_with_its_last_byte_and_not_before() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: 1\n") == []
    assert splitter.feed(b"\n") == [Record(b"data: 1\n\n", b"1")]
    assert splitter.feed(b"data: 2\r\n\r") == []
    assert splitter.feed(b"\n") == [Record(b"data: 2\r\n\r\n", b"2")]


def test_a_cr_at_the_cut_waits_for_what_follows() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: 1\r\r") == []
    assert splitter.feed(b"data: 2\r\r") == [Record(b"data: 1\r\r", b"1")]
    assert splitter.close() == Record(b"data: 2\r\r", b"2")


@pytest.mark.parametrize(
    ("left", "whole"),
    [
        (b"data: 1", b"data: 1\n\n"),
        (b"data: 1\n", b"data: 1\n\n"),
        (b"data: 1\r\n", b"data: 1\r\n\n"),
        (b"data: 1\r", b"data: 1\r\n\n"),
        (b"data: 1\r\n\r", b"data: 1\r\n\r"),
    ],
)
def test_a_record_without_its_empty_line_is_given_at_the_end_with_what_it_lacks(left: bytes, whole: bytes) -> None:
    assert read(left) == ([Record(whole, b"1")], False)
    assert said(whole, b"data: 2\n\n") == [(b"", b"1"), (b"", b"2")]


def test_nothing_is_left_behind_the_last_record() -> None:
    splitter = Splitter()
    splitter.feed(b"data: 1\n\n")
    assert splitter.close() is None


@pytest.mark.parametrize("pieces", [[b"data: " + b"x" * 100 + b"\n\n"], [b"data: ", b"x" * 100], [b"x"] * 60])
def test_a_record_past_the_limit_ends_the_stream(pieces: list[bytes]) -> None:
    records, too_long = read(b"data: 1\n\n", *pieces, b"data: 2\n\n", limit=50)
    assert records == [Record(b"data: 1\n\n", b"1")]
    assert too_long


def test_a_record_as_long_as_the_limit_passes() -> None:
    record = b"data: " + b"x" * 42 + b"\n\n"
    assert read(record, limit=50) == ([Record(record, b"x" * 42)], False)
    assert read(b"x" + record, limit=50) == ([], True)


@given(STREAMS, st.lists(st.integers(0, 80), max_size=8), st.sampled_from([5, 20, 1000]))
@settings(max_examples=300, deadline=None)
def test_the_same_records_come_out_wherever_the_bytes_are_cut(stream: bytes, places: list[int], limit: int) -> None:
    assert read(*cut(stream, places), limit=limit) == read(stream, limit=limit)


@given(STREAMS, st.lists(st.integers(0, 80), max_size=8))
@settings(max_examples=200, deadline=None)
def test_no_byte_is_lost_or_changed(stream: bytes, places: list[int]) -> None:
    splitter = Splitter()
    whole = b"".join(record.raw for piece in cut(stream, places) for record in splitter.feed(piece))
    assert stream.startswith(whole)
    last = splitter.close()
    left = stream[len(whole) :]
    assert (last.raw if last else b"") in {left, left + b"\n", left + b"\n\n"}


@given(STREAMS)
@settings(max_examples=200, deadline=None)
def test_the_records_are_those_of_a_plain_reading_line_by_line(stream: bytes) -> None:
    assert [each for each in said(stream + b"\n\n\n") if each[1]] == plain(stream + b"\n\n\n")


def plain(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Read as the standard describes it: a line at a time."""
    found: list[tuple[bytes, bytes]] = []
    event, data = b"", list[bytes]()
    for line in stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if not line:
            found += [(event, b"\n".join(data))] if b"\n".join(data) else []
            event, data = b"", []
        elif line.startswith(b"data:") or line == b"data":
            data.append(line[5:].removeprefix(b" "))
        elif line.startswith(b"event:"):
            event = line[6:].removeprefix(b" ")
    return found


def lines(*pieces: bytes, limit: int = 1000) -> tuple[list[Record], bool]:
    splitter = Lines(limit)
    records = [record for piece in pieces for record in splitter.feed(piece)]
    last = splitter.close()
    return records + [last] * (last is not None), splitter.too_long


def test_a_line_keeps_its_bytes_and_says_what_is_between_white_space() -> None:
    found, _ = lines(b'{"a":1}\n {"b":2} \r\n\n')
    assert found == [Record(b'{"a":1}\n', b'{"a":1}'), Record(b' {"b":2} \r\n', b'{"b":2}'), Record(b"\n")]


def test_a_line_comes_out_with_its_last_byte_and_not_before() -> None:
    splitter = Lines()
    assert splitter.feed(b"{") == []
    assert splitter.feed(b"}") == []
    assert splitter.feed(b"\n[") == [Record(b"{}\n", b"{}")]
    assert splitter.feed(b"]\n") == [Record(b"[]\n", b"[]")]
    assert splitter.close() is None


def test_a_line_that_nothing_ends_is_given_at_the_end_with_what_it_lacks() -> None:
    assert lines(b"{}") == ([Record(b"{}\n", b"{}")], False)
    assert lines(b"{}\n  ") == ([Record(b"{}\n", b"{}")], False)


@pytest.mark.parametrize("pieces", [[b"x" * 60 + b"\n"], [b"x" * 40, b"x" * 40], [b"x"] * 60, [b"x" * 50, b"\n"]])
def test_a_line_past_the_limit_ends_the_stream(pieces: list[bytes]) -> None:
    records, too_long = lines(b"{}\n", *pieces, b"[]\n", limit=50)
    assert records == [Record(b"{}\n", b"{}")]
    assert too_long


def test_a_line_as_long_as_the_limit_passes() -> None:
    line = b"x" * 49 + b"\n"
    assert lines(line, limit=50) == ([Record(line, b"x" * 49)], False)


LINED = st.lists(st.sampled_from([b"{}", b" ", b"\n", b"\r\n", b"abc", b"\n\n"]), max_size=12).map(b"".join)


@given(LINED, st.lists(st.integers(0, 40), max_size=8), st.sampled_from([3, 8, 1000]))
@settings(max_examples=200, deadline=None)
def test_the_same_lines_come_out_wherever_the_bytes_are_cut(stream: bytes, places: list[int], limit: int) -> None:
    found = lines(*cut(stream, places), limit=limit)
    assert found == lines(stream, limit=limit)
    if not found[1]:
        assert b"".join(record.raw for record in found[0]) in {stream, stream + b"\n", stream.rstrip(b" ")}


def test_a_long_line_in_many_pieces_is_joined_once() -> None:
    class Counted(Lines):
        joined = 0

        def _join(self) -> bytes:
            self.joined += 1
            return super()._join()

    splitter = Counted()
    for _ in range(10_000):
        assert splitter.feed(b"x" * 10) == []
    assert splitter.joined == 0
    (record,) = splitter.feed(b"\n")
    assert (len(record.raw), splitter.joined) == (100_001, 1)
