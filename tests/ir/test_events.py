"""A streamed answer folds into the whole one, and a whole one unfolds into a stream."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from omniroute.ir.complaint import Complaint
from omniroute.ir.events import (
    Begin,
    Delta,
    End,
    Event,
    Fault,
    Finished,
    PartStart,
    PartStop,
    Raw,
    Sign,
    Spent,
    fold,
    means,
    unfold,
)
from omniroute.ir.grammar import Grammar
from omniroute.ir.parts import (
    Audio,
    Document,
    Image,
    Inline,
    Opaque,
    Plain,
    Refusal,
    Signature,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import Format
from tests.support.ir_values import grammatical, whole
from tests.support.laws import often

CHAT = Format.OPENAI_CHAT
SIGNED = Signature(CHAT, "abc")
PICTURE = Image(Inline("image/png", "AAAA"))

SILENT: list[Event] = [
    *(Begin("a", "m", 1), PartStart(0, Text()), PartStart(0, Thought()), PartStart(0, Refusal())),
    *(Delta(0, ""), Sign(0, SIGNED), PartStop(0), Spent(Usage(1)), Raw(CHAT, {"a": 1})),
    *(Fault(Complaint(message="broken")), End()),
]
TELLING: list[Event] = [
    *(Delta(0, "a"), PartStart(0, Text("a")), PartStart(0, Thought("a")), PartStart(0, Refusal("a"))),
    *(PartStart(0, ToolCall("1", "f")), PartStart(0, PICTURE), PartStart(0, Opaque(CHAT, 1)), Finished(Finish.STOP)),
]


@pytest.mark.parametrize("event", SILENT, ids=repr)
def test_what_only_frames_an_answer_means_nothing_to_its_reader(event: Event) -> None:
    assert not means(event)


@pytest.mark.parametrize("event", TELLING, ids=repr)
def test_words_calls_and_a_finish_mean_something(event: Event) -> None:
    assert means(event)


@given(whole)
@settings(max_examples=often(200), deadline=None)
def test_folding_what_was_unfolded_gives_the_answer(response: GenerateResponse) -> None:
    assert fold(response.format, unfold(response)) == msgspec.structs.replace(response, extras=None)


@given(whole)
@settings(max_examples=often(200), deadline=None)
def test_unfolding_obeys_the_grammar(response: GenerateResponse) -> None:
    finished = response if response.finish else msgspec.structs.replace(response, finish=Finish.OTHER)
    grammar = Grammar()
    assert [wrong for event in unfold(finished) if (wrong := grammar.wrong(event))] == []
    assert grammar.state == "done"


@given(grammatical)
@settings(max_examples=often(200), deadline=None)
def test_a_stream_told_part_by_part_says_the_same(events: tuple[Event, ...]) -> None:
    folded = fold(CHAT, events)
    assert fold(CHAT, unfold(folded)) == folded


@pytest.mark.parametrize(
    "part",
    [
        *(Text("a", SIGNED), Thought("a", SIGNED), Thought("", SIGNED, redacted=True), Refusal("a")),
        *(ToolCall("1", "f", "{}", signature=SIGNED), ToolCall("1", "f", "x", custom=True, namespace="n")),
        *(PICTURE, Audio(Inline("audio/wav", "AAAA")), Document(Plain("a"), "b"), ToolResult("1", (Text("a"),))),
        Opaque(CHAT, {"a": [1]}),
    ],
    ids=repr,
)
def test_every_kind_of_part_comes_back(part: Any) -> None:
    response = GenerateResponse(CHAT, (part, part), Finish.STOP, "1", "m", 7, "END", Usage(1, 2))
    assert fold(CHAT, unfold(response)) == response


def test_text_comes_in_pieces_behind_what_a_part_began_with() -> None:
    events: list[Event] = [
        Begin(),
        PartStart(0, Text("a")),
        PartStart(1, ToolCall("1", "f", "{")),
        PartStart(2, Refusal("n")),
        *(Delta(1, '"x"'), Delta(0, "b"), Delta(2, "o"), Delta(0, "c"), Delta(1, ":1}")),
        Sign(0, SIGNED),
        *(PartStop(2), PartStop(0), PartStop(1)),
        *(Finished(Finish.TOOLS), End()),
    ]
    expected = (Text("abc", SIGNED), ToolCall("1", "f", '{"x":1}'), Refusal("no"))
    assert fold(CHAT, events).parts == expected


def test_a_signature_that_comes_later_is_the_one_that_counts() -> None:
    later = Signature(CHAT, "later")
    events: list[Event] = [PartStart(0, ToolCall("1", "f", signature=SIGNED)), Sign(0, later), PartStop(0)]
    assert fold(CHAT, events).parts == (ToolCall("1", "f", signature=later),)


def test_the_last_count_of_tokens_is_the_one_that_counts() -> None:
    assert fold(CHAT, [Begin(), Spent(Usage(1, 1)), Spent(Usage(1, 5))]).usage == Usage(1, 5)


def test_faults_and_raw_events_say_nothing_of_the_answer() -> None:
    assert fold(CHAT, [Begin(), Raw(CHAT, {"a": 1}), Fault(Complaint())]) == GenerateResponse(CHAT, ())


def test_an_answer_without_an_end_has_no_finish() -> None:
    assert Finished not in {type(event) for event in unfold(GenerateResponse(CHAT, ()))}
