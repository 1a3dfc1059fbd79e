"""The laws of ``formats.codec``, held for every codec over every stream at hand, our own and recorded."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats import CODECS
from omniroute.formats.codec import Codec, Watch
from omniroute.ir.complaint import Complaint
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format
from tests.formats.samples import NEEDS_TRAFFIC, RECORDED, Stream, expected, own, recorded, streams
from tests.support.laws import often

SAMPLES = {Format.OPENAI_CHAT: streams()}
EACH = [(CODECS[wire], stream) for wire, found in SAMPLES.items() for stream in found]
every_stream = pytest.mark.parametrize(("codec", "stream"), EACH, ids=[stream.name for _, stream in EACH])
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=[wire.value for wire in CODECS])

PLACES = st.lists(st.integers(0, 2**20), max_size=12)
DAMAGE = st.lists(
    st.tuples(
        st.integers(0, 2**20),
        st.integers(0, 30),
        st.binary(max_size=4) | st.sampled_from([b"\n\n", b"\r", b"{", b"}", b'"', b"null", b"\ndata: ", b"\xff"]),
    ),
    max_size=4,
)


class Learnt(NamedTuple):
    """What came out of following a stream."""

    relayed: bytes
    added: bytes
    started: bool
    done: bool
    usage: Usage | None
    model: str | None
    complaint: Complaint | None
    trouble: FailureKind | None


def follow(watch: Watch, pieces: list[bytes]) -> Learnt:
    relayed = b"".join(watch.feed(piece) for piece in pieces)
    added = watch.close()
    return Learnt(
        *(relayed, added, watch.started, watch.done),
        *(watch.usage, watch.model, watch.complaint, watch.trouble),
    )


def cut(body: bytes, places: list[int]) -> list[bytes]:
    stops = sorted({place % (len(body) + 1) for place in places} | {0, len(body)})
    return [body[start:stop] for start, stop in pairwise(stops)]


def damaged(body: bytes, damage: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, instead in damage:
        at = place % (len(body) + 1)
        body = body[:at] + instead + body[at + length :]
    return body


def test_every_codec_has_streams_to_try() -> None:
    assert set(SAMPLES) == set(CODECS)
    assert all(SAMPLES.values())
    assert all(codec.format is wire for wire, codec in CODECS.items())


@NEEDS_TRAFFIC
def test_recorded_streams_are_among_them() -> None:
    assert RECORDED.is_dir()
    assert sum(len(found) for found in SAMPLES.values()) > len(own("stream.sse"))


@every_stream
@given(PLACES, st.booleans())
@settings(max_examples=often(15), deadline=None)
def test_any_cut_gives_the_same(codec: Codec, stream: Stream, places: list[int], hide: bool) -> None:
    assert follow(codec.watch(hide), cut(stream.body, places)) == follow(codec.watch(hide), [stream.body])


@every_stream
def test_a_byte_at_a_time_gives_the_same(codec: Codec, stream: Stream) -> None:
    body = stream.body[:8000]
    assert follow(codec.watch(True), [body[at : at + 1] for at in range(len(body))]) == follow(
        codec.watch(True), [body]
    )


@every_stream
def test_every_byte_of_a_complete_stream_is_relayed(codec: Codec, stream: Stream) -> None:
    learnt = follow(codec.watch(False), [stream.body])
    assert learnt.started
    assert learnt.done is (learnt.complaint is None)
    if learnt.done:
        assert learnt.relayed + learnt.added == stream.body
    else:
        assert stream.body.startswith(learnt.relayed)


@every_stream
def test_of_a_stream_whose_usage_is_hidden_one_record_at_most_is_missing(codec: Codec, stream: Stream) -> None:
    shown, hidden = follow(codec.watch(False), [stream.body]), follow(codec.watch(True), [stream.body])
    assert hidden._replace(relayed=b"") == shown._replace(relayed=b"")
    if shown.relayed != hidden.relayed:
        missing = len(shown.relayed) - len(hidden.relayed)
        start = next(at for at, (a, b) in enumerate(zip(shown.relayed, hidden.relayed, strict=False)) if a != b)
        starts = [at for at in range(start + 1) if shown.relayed[:at] + shown.relayed[at + missing :] == hidden.relayed]
        records = [shown.relayed[at : at + missing] for at in starts]
        assert any(b'"usage":{' in record and b'"choices":[]' in record for record in records)
        assert shown.usage is not None


@every_stream
@given(DAMAGE, PLACES, st.booleans())
@settings(max_examples=often(15), deadline=None)
def test_a_damaged_stream_crashes_nothing_and_relays_nothing_changed(
    codec: Codec, stream: Stream, damage: list[tuple[int, int, bytes]], places: list[int], hide: bool
) -> None:
    body = damaged(stream.body, damage)
    learnt = follow(codec.watch(hide), cut(body, places))
    assert learnt == follow(codec.watch(hide), [body])
    assert learnt.done is (learnt.complaint is None)
    assert msgspec.json.encode(learnt.complaint)
    if not hide:
        assert body.startswith(learnt.relayed)


@every_codec
@given(st.binary(max_size=100), PLACES, st.booleans())
@settings(max_examples=often(200), deadline=None)
def test_arbitrary_bytes_crash_nothing(codec: Codec, body: bytes, places: list[int], hide: bool) -> None:
    learnt = follow(codec.watch(hide), cut(body, places))
    assert learnt == follow(codec.watch(hide), [body])
    assert learnt.done is (learnt.complaint is None)
    assert body.startswith(learnt.relayed)


@every_stream
@given(st.integers(0, 2**20))
@settings(max_examples=often(10), deadline=None)
def test_a_stream_that_breaks_off_is_never_taken_for_complete_before_its_finish(
    codec: Codec, stream: Stream, place: int
) -> None:
    body = stream.body[: place % len(stream.body)]
    learnt = follow(codec.watch(False), [body])
    if learnt.done:
        assert follow(codec.watch(False), [stream.body]).done
        assert b"[DONE]" in body or b'"finish_reason":"' in body
    else:
        assert learnt.complaint is not None
        assert learnt.trouble is FailureKind.CUT or b'"error"' in body or b"event: error\ndata: " in body


@every_stream
def test_line_ends_do_not_matter(codec: Codec, stream: Stream) -> None:
    plain = stream.body.replace(b"\r\n", b"\n")
    learnt = follow(codec.watch(False), [plain])
    for end in (b"\r\n", b"\r"):
        other = follow(codec.watch(False), [plain.replace(b"\n", end)])
        assert other._replace(relayed=b"", added=b"") == learnt._replace(relayed=b"", added=b"")


@pytest.mark.parametrize("case", own("stream.sse"), ids=lambda case: case.name)
def test_our_own_streams_give_what_is_expected(case: Path) -> None:
    learnt = follow(CODECS[Format.OPENAI_CHAT].watch(False), [(case / "stream.sse").read_bytes()])
    found = msgspec.to_builtins(learnt._asdict())
    assert {name: found[name] for name in ("usage", "model", "done", "complaint", "trouble")} == expected(case)


def test_a_stream_tells_what_the_whole_answer_tells() -> None:
    codec = CODECS[Format.OPENAI_CHAT]
    cases = [case for case in own("stream.sse") if (case / "response.json").exists()]
    assert cases
    for case in cases:
        whole = codec.answer((case / "response.json").read_bytes())
        learnt = follow(codec.watch(True), [(case / "stream.sse").read_bytes()])
        assert (learnt.usage, learnt.model, learnt.complaint) == (whole.usage, whole.model, whole.complaint)


@NEEDS_TRAFFIC
def test_recorded_streams_are_complete_unless_they_say_themselves_that_they_are_not() -> None:
    codec = CODECS[Format.OPENAI_CHAT]
    failed = []
    for each in recorded():
        if each.stream:
            learnt = follow(codec.watch(True), [each.response])
            failed += [] if learnt.done else [(learnt.complaint, learnt.trouble)]
            assert (learnt.usage is not None) == (b'"usage":{' in each.response)
    assert [(complaint.status, complaint.code, trouble) for complaint, trouble in failed if complaint] == [
        (400, "tool_use_failed", None)
    ]
