"""Laws 1, 2 and 9: a stream means the same wherever it is cut, its bytes are kept, a watch learns what a reader reads.

They are held for every codec over every stream at hand, our own and recorded.
"""

import re
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats import CODECS
from omniroute.formats.codec import Codec, Watch
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import End, Fault, Finished, Spent, means
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind
from tests.support.corpus import NEEDS_TRAFFIC, Sample, having, own, recorded
from tests.support.laws import often
from tests.support.passages import cut, decoded

SAMPLES = having("stream")
every_stream = pytest.mark.parametrize("sample", SAMPLES, ids=str)
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
    complaint: Complaint | None
    trouble: FailureKind | None


def follow(watch: Watch, pieces: list[bytes]) -> Learnt:
    relayed = b"".join(watch.feed(piece) for piece in pieces)
    added = watch.close()
    return Learnt(
        *(relayed, added, watch.started, watch.done),
        *(watch.usage, watch.complaint, watch.trouble),
    )


def damaged(body: bytes, damage: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, instead in damage:
        at = place % (len(body) + 1)
        body = body[:at] + instead + body[at + length :]
    return body


def body_of(sample: Sample) -> bytes:
    assert sample.stream is not None
    return sample.stream


@every_codec
def test_every_codec_has_streams_to_try(codec: Codec) -> None:
    assert [sample for sample in SAMPLES if sample.codec is codec]


@NEEDS_TRAFFIC
def test_recorded_streams_are_among_them() -> None:
    assert {each.name for each in recorded() if each.stream} <= {sample.name for sample in SAMPLES}
    assert len([sample for sample in own() if sample.stream]) < len(SAMPLES)


@every_stream
@given(PLACES, st.booleans())
@settings(max_examples=often(10), deadline=None)
def test_any_cut_gives_the_same(sample: Sample, places: list[int], hide: bool) -> None:
    body, codec = body_of(sample), sample.codec
    pieces = cut(body, places)
    assert follow(codec.watch(hide), pieces) == follow(codec.watch(hide), [body])
    assert decoded(codec, pieces) == decoded(codec, [body])


@every_stream
def test_a_byte_at_a_time_gives_the_same(sample: Sample) -> None:
    body, codec = body_of(sample)[:8000], sample.codec
    pieces = [body[at : at + 1] for at in range(len(body))]
    assert follow(codec.watch(True), pieces) == follow(codec.watch(True), [body])
    assert decoded(codec, pieces) == decoded(codec, [body])


@every_stream
def test_every_byte_of_a_complete_stream_is_relayed(sample: Sample) -> None:
    body = body_of(sample)
    learnt = follow(sample.codec.watch(False), [body])
    assert learnt.done is (learnt.complaint is None)
    if learnt.done:
        assert learnt.started
        relayed = learnt.relayed + learnt.added  # what comes behind the end says nothing; an end that lacks is added
        assert body.startswith(relayed) or relayed.startswith(body)
        assert decoded(sample.codec, [relayed]) == decoded(sample.codec, [body])
    else:
        assert body.startswith(learnt.relayed)


@every_stream
def test_of_a_stream_whose_usage_is_hidden_one_record_at_most_is_missing(sample: Sample) -> None:
    body, codec = body_of(sample), sample.codec
    shown, hidden = follow(codec.watch(False), [body]), follow(codec.watch(True), [body])
    assert hidden._replace(relayed=b"") == shown._replace(relayed=b"")
    if shown.relayed != hidden.relayed:
        missing = len(shown.relayed) - len(hidden.relayed)
        start = next(at for at, (a, b) in enumerate(zip(shown.relayed, hidden.relayed, strict=False)) if a != b)
        starts = [at for at in range(start + 1) if shown.relayed[:at] + shown.relayed[at + missing :] == hidden.relayed]
        records = [shown.relayed[at : at + missing] for at in starts]
        assert any(re.search(rb'"usage": ?{', record) and re.search(rb'"choices": ?\[\]', record) for record in records)
        assert shown.usage is not None


@every_stream
@given(DAMAGE, PLACES, st.booleans())
@settings(max_examples=often(10), deadline=None)
def test_a_damaged_stream_crashes_nothing_and_relays_nothing_changed(
    sample: Sample, damage: list[tuple[int, int, bytes]], places: list[int], hide: bool
) -> None:
    body, codec = damaged(body_of(sample)[:20_000], damage), sample.codec
    learnt = follow(codec.watch(hide), cut(body, places))
    assert learnt == follow(codec.watch(hide), [body])
    assert learnt.done is (learnt.complaint is None)
    assert msgspec.json.encode(learnt.complaint)
    if not hide:
        assert body.startswith(learnt.relayed)
    check_watch_learns_what_is_read(codec, body)


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
def test_a_stream_that_breaks_off_is_never_taken_for_complete_before_its_finish(sample: Sample, place: int) -> None:
    whole, codec = body_of(sample), sample.codec
    body = whole[: place % len(whole)]
    learnt = follow(codec.watch(False), [body])
    if learnt.done:
        assert any(isinstance(event, Finished) for event in decoded(codec, [body]))
    else:
        assert learnt.complaint is not None
        broken = follow(codec.watch(False), [whole]).complaint is not None
        assert learnt.trouble in {FailureKind.CUT, None} or broken


@every_stream
def test_line_ends_do_not_matter(sample: Sample) -> None:
    codec = sample.codec
    plain = body_of(sample).replace(b"\r\n", b"\n")
    learnt = follow(codec.watch(False), [plain])
    for end in (b"\r\n", b"\r") if codec.media == "text/event-stream" else (b"\r\n",):
        other = follow(codec.watch(False), [plain.replace(b"\n", end)])
        assert other._replace(relayed=b"", added=b"") == learnt._replace(relayed=b"", added=b"")


@every_stream
def test_a_watch_learns_what_a_reader_reads(sample: Sample) -> None:
    codec, body = sample.codec, body_of(sample)
    check_watch_learns_what_is_read(codec, body)
    assert follow(codec.watch(True), [body]).started is any(map(means, decoded(codec, [body])))


def check_watch_learns_what_is_read(codec: Codec, body: bytes) -> None:
    events = decoded(codec, [body])
    learnt = follow(codec.watch(True), [body])
    last = events[-1]
    assert learnt.done is isinstance(last, End)
    assert learnt.usage == next((event.usage for event in reversed(events) if isinstance(event, Spent)), None)
    if isinstance(last, Fault):
        assert (learnt.complaint, learnt.trouble) == (last.complaint, last.trouble)


@every_codec
def test_a_stream_tells_what_the_whole_answer_tells(codec: Codec) -> None:
    cases = [each for each in own() if each.codec is codec and each.response and each.stream]
    assert cases
    for case in cases:
        whole = codec.answer(case.response or b"")
        learnt = follow(codec.watch(True), [body_of(case)])
        assert (learnt.usage, learnt.complaint) == (whole.usage, whole.complaint)


INCOMPLETE = {
    "openai-chat-f3c5f17708": "the provider says within it that the model called no tool",
    "openai-completions-cd67201e3c": "recorded as a list of words, of which none is the last",
}


@NEEDS_TRAFFIC
def test_recorded_streams_are_complete_unless_they_say_themselves_that_they_are_not() -> None:
    failed = {
        each.name for each in recorded() if each.stream and not follow(each.codec.watch(True), [each.stream]).done
    }
    assert failed == set(INCOMPLETE)
