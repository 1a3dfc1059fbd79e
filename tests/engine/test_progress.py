"""Progress: events of ours between the answer's records, which say what they count."""

import json
from collections.abc import Sequence

import msgspec
import pytest

from omniroute.engine.progress import INTERVAL, ProgressWatch
from omniroute.formats.codec import Watch
from omniroute.formats.framing import Record, Splitter
from omniroute.formats.openai_chat import CODEC
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Delta, Event, PartStop
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind


class Words:
    """Reads every record as words."""

    def take(self, record: Record) -> Sequence[Event]:
        return (PartStop(0), Delta(0, record.data.decode()))

    def end(self) -> Sequence[Event]:
        return ()


class Scripted:
    """A watch that gives out what it was fed; ``done`` behind the record ``end``."""

    def __init__(self) -> None:
        self.started = True
        self.done = False
        self.usage: Usage | None = Usage(1, 7)
        self.complaint: Complaint | None = None
        self.trouble: FailureKind | None = None

    def feed(self, data: bytes) -> bytes:
        self.done = b"end" in data
        return data

    def close(self) -> bytes:
        self.done = True
        return b""


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


SPOKEN = msgspec.structs.replace(CODEC, splitter=Splitter, reader=Words)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inner() -> Scripted:
    return Scripted()


@pytest.fixture
def watch(inner: Scripted, clock: Clock) -> ProgressWatch:
    return ProgressWatch(inner, SPOKEN, 98.0, clock)


def told(sent: bytes) -> list[dict[str, object]]:
    records = Splitter().feed(sent)
    return [json.loads(record.data) for record in records if record.event == b"progress"]


def test_nothing_is_told_before_it_is_time(watch: ProgressWatch, clock: Clock) -> None:
    assert watch.feed(b"data: four\n\n") == b"data: four\n\n"
    clock.time += INTERVAL - 0.01
    assert watch.feed(b"data: more\n\n") == b"data: more\n\n"


def test_what_was_sent_is_counted_in_characters(watch: ProgressWatch, clock: Clock) -> None:
    watch.feed(b"data: four\n\n")
    clock.time += INTERVAL
    sent = watch.feed("data: größe\n\n".encode())
    assert sent.startswith("data: größe\n\n".encode())
    assert told(sent) == [{"characters": 9, "elapsed_ms": 4000, "done": False}]
    assert told(watch.feed(b"data: x\n\n")) == []
    clock.time += INTERVAL
    assert told(watch.feed(b"data: x\n\n")) == [{"characters": 11, "elapsed_ms": 6000, "done": False}]


def test_the_end_is_told_once_with_the_tokens_that_were_reported(watch: ProgressWatch) -> None:
    sent = watch.feed(b"data: end\n\n")
    assert told(sent) == [{"characters": 3, "elapsed_ms": 2000, "done": True, "output_tokens": 7}]
    assert watch.close() == b""


def test_tokens_that_nobody_reported_are_not_made_up(watch: ProgressWatch, inner: Scripted) -> None:
    inner.usage = None
    assert told(watch.close()) == [{"characters": 0, "elapsed_ms": 2000, "done": True}]


def test_nothing_stands_behind_a_stream_that_broke(watch: ProgressWatch, inner: Scripted, clock: Clock) -> None:
    inner.complaint, inner.trouble = Complaint(message="broken"), FailureKind.MALFORMED
    clock.time += INTERVAL
    assert watch.feed(b"data: x\n\n") == b"data: x\n\n"


def test_nothing_is_told_where_nothing_was_sent(watch: ProgressWatch, clock: Clock) -> None:
    clock.time += INTERVAL
    assert watch.feed(b"") == b""


def test_otherwise_it_is_as_the_watch_that_it_holds(watch: ProgressWatch, inner: Scripted) -> None:
    inner.complaint, inner.trouble = Complaint(message="broken"), FailureKind.CUT
    shown: Watch = watch
    assert (shown.started, shown.done, shown.usage) == (True, False, Usage(1, 7))
    assert (shown.complaint, shown.trouble) == (inner.complaint, FailureKind.CUT)
