"""Following a stream beside its bytes and reading it into events learn the same, wherever the bytes are cut."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.framing import Lines, Record, Splitter
from omniroute.formats.stream import Decoder, Learnt, RecordWatch
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Spent
from omniroute.ir.parts import Text, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format

BROKEN = Fault(Complaint(message="broken"))
CUT = Fault(Complaint(message="cut"), FailureKind.CUT)
USAGE = Usage(input=3, output=1)

SAID: dict[str, tuple[Event, ...]] = {
    "begin": (Begin("id", "model"),),
    "start": (PartStart(0, Text()),),
    "words": (Delta(0, "words"),),
    "empty": (Delta(0, ""),),
    "stop": (PartStop(0),),
    "usage": (Spent(USAGE),),
    "finish": (Finished(Finish.STOP),),
    "end": (Finished(Finish.STOP), End()),
    "error": (BROKEN,),
}


def said(names: str) -> bytes:
    """Give the lines that say these."""
    return b"".join(f'{{"is": "{name}"}}\n'.encode() for name in names.split())


class Words:
    """A reader of a format that is made of the words above."""

    def __init__(self, *, complete: bool = False) -> None:
        self.complete = complete
        self.over = False

    def take(self, record: Record) -> Sequence[Event]:
        assert not self.over, "a reader is not called again behind End or Fault"
        events = SAID.get(record.data.decode()[8:-2], ())
        self.over = bool(events) and isinstance(events[-1], End | Fault)
        return events

    def end(self) -> Sequence[Event]:
        assert not self.over
        return (End(),) if self.complete else (CUT,)


def decoded(*pieces: bytes, complete: bool = False, limit: int = 100) -> list[Event]:
    decoder = Decoder(Lines(limit), Words(complete=complete))
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]


def watched(*pieces: bytes, complete: bool = False, limit: int = 100) -> tuple[bytes, RecordWatch]:
    watch = RecordWatch(Lines(limit), Words(complete=complete))
    return b"".join([*map(watch.feed, pieces), watch.close()]), watch


def test_bytes_become_events_as_they_complete_records() -> None:
    decoder = Decoder(Lines(), Words())
    assert decoder.feed(said("begin") + b'{"is": "sta') == [Begin("id", "model")]
    assert decoder.feed(b'rt"}\n' + said("words")) == [PartStart(0, Text()), Delta(0, "words")]
    assert not decoder.over


@pytest.mark.parametrize("last", ["end", "error"])
def test_behind_the_last_event_nothing_more_is_read(last: str) -> None:
    decoder = Decoder(Lines(), Words())
    assert decoder.feed(said(f"begin {last} words")) == [*SAID["begin"], *SAID[last]]
    assert decoder.over
    assert decoder.feed(said("words")) == []
    assert decoder.close() == []


def test_a_record_that_nothing_ended_is_read_at_the_end() -> None:
    assert decoded(said("begin end")[:-1]) == [*SAID["begin"], *SAID["end"]]
    assert decoded(said("begin words")[:-1]) == [*SAID["begin"], *SAID["words"], CUT]


@pytest.mark.parametrize("rest", [b'{"is": "wor', b"[", b"[DON", b'[{"is": 1}'])
def test_what_the_end_of_input_cut_short_is_left_out(rest: bytes) -> None:
    assert decoded(said("begin") + rest) == [*SAID["begin"], CUT]
    passed, watch = watched(said("begin") + rest)
    assert (passed, watch.trouble) == (said("begin"), FailureKind.CUT)


@pytest.mark.parametrize("rest", [b"other", b"[]", b"{}"])
def test_what_lacks_only_its_end_is_passed_on(rest: bytes) -> None:
    assert watched(said("begin") + rest)[0] == said("begin") + rest + b"\n"


def test_a_last_word_and_an_error_are_whole_without_an_end() -> None:
    class Noting(Words):
        def take(self, record: Record) -> Sequence[Event]:
            return (End(),) if record.data == b"[DONE]" else (BROKEN,) if record.event == b"error" else ()

    for rest, last in ((b"data: [DONE]", End()), (b"event: error\ndata: {", BROKEN), (b"data: {", CUT)):
        decoder = Decoder(Splitter(), Noting())
        assert [*decoder.feed(rest), *decoder.close()] == [last]


def test_the_reader_says_whether_the_answer_was_complete() -> None:
    assert decoded(said("finish"))[-1] == CUT
    assert decoded(said("finish"), complete=True)[-1] == End()


def test_a_record_that_is_too_long_is_malformed() -> None:
    *before, fault = decoded(said("begin"), b"x" * 101, b"\n", said("end"))
    assert before == list(SAID["begin"])
    assert isinstance(fault, Fault)
    assert fault.trouble is FailureKind.MALFORMED
    passed, watch = watched(said("begin"), b"x" * 101, b"\n", said("end"))
    assert (passed, watch.trouble, watch.complaint) == (said("begin"), FailureKind.MALFORMED, fault.complaint)


@pytest.mark.parametrize(
    ("event", "started"),
    [
        (Begin(), False),
        (Delta(0, ""), False),
        (Delta(0, "a"), True),
        (PartStart(0, Text()), False),
        (PartStart(0, Text("a")), True),
        (PartStart(0, ToolCall("c", "f")), True),
        (PartStop(0), False),
        (Spent(USAGE), False),
        (Raw(Format.OLLAMA, {}), False),
        (Finished(Finish.STOP), True),
        (End(), False),
        (BROKEN, False),
    ],
)
def test_a_stream_has_started_with_what_means_something(event: Event, started: bool) -> None:
    learnt = Learnt()
    learnt.learn(event)
    assert learnt.started is started
    assert learnt.over() is isinstance(event, End | Fault)
    learnt.learn(Delta(0, "a"))
    learnt.learn(event)
    assert learnt.started


def test_the_last_usage_counts_and_a_model_is_not_forgotten() -> None:
    learnt = Learnt()
    for event in (Begin(model="m"), Begin(), Spent(Usage(1)), Spent(USAGE), Delta(0, "ab"), Delta(1, "c")):
        learnt.learn(event)
    assert (learnt.usage, learnt.written) == (USAGE, 3)


def test_a_watch_passes_records_on_as_they_came_and_learns_from_them() -> None:
    watch = RecordWatch(Lines(), Words())
    assert watch.feed(said("begin") + b' unknown \n{"is": "wo') == said("begin") + b" unknown \n"
    assert not watch.started
    assert watch.feed(b'rds"}\n' + said("usage end words")) == said("words usage end")
    assert (watch.started, watch.done, watch.usage) == (True, True, USAGE)
    assert watch.feed(said("words")) == b""
    assert watch.close() == b""


def test_a_record_that_is_a_fault_is_not_passed_on_nor_anything_behind_it() -> None:
    passed, watch = watched(said("begin words error words"), said("words"))
    assert passed == said("begin words")
    assert (watch.complaint, watch.trouble, watch.done) == (BROKEN.complaint, None, False)


def test_a_watch_passes_on_what_lacks_only_its_end_and_says_how_the_stream_ended() -> None:
    passed, watch = watched(said("begin end")[:-1])
    assert (passed, watch.done) == (said("begin end"), True)
    passed, watch = watched(said("begin words"))
    assert (passed, watch.done, watch.trouble) == (said("begin words"), False, FailureKind.CUT)
    passed, watch = watched(said("finish"), complete=True)
    assert (passed, watch.done) == (said("finish"), True)


STREAMS = st.lists(st.sampled_from([*map(said, SAID), b"\n", b" other \n"]), max_size=8).map(b"".join)


@given(STREAMS, st.lists(st.integers(0, 60), max_size=6), st.booleans())
@settings(max_examples=150, deadline=None)
def test_watching_learns_what_reading_learns_wherever_the_bytes_are_cut(
    stream: bytes, places: list[int], complete: bool
) -> None:
    stops = sorted({min(place, len(stream)) for place in places} | {0, len(stream)})
    pieces = [stream[start:stop] for start, stop in pairwise(stops)]
    events = decoded(*pieces, complete=complete)
    assert events == decoded(stream, complete=complete)
    learnt = Learnt()
    for event in events:
        learnt.learn(event)
    passed, watch = watched(*pieces, complete=complete)
    assert stream.startswith(passed)
    assert {name: vars(watch)[name] for name in vars(learnt)} == vars(learnt)
    assert watch.done is (events[-1] == End())
