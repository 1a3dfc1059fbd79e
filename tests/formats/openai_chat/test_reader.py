"""A streamed Chat Completions answer is read into events."""

from typing import Any

import msgspec
import pytest

from omniroute.formats.framing import Record
from omniroute.formats.openai_chat import CODEC
from omniroute.formats.openai_chat.content import OWN
from omniroute.formats.openai_chat.reader import ChatReader
from omniroute.formats.stream import Learnt
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent, fold
from omniroute.ir.grammar import Grammar
from omniroute.ir.parts import Image, Refusal, Signature, Text, Thought, ToolCall, Url
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format
from tests.formats.openai_chat.passage import chunk, events
from tests.formats.samples import Stream, own, streams

BEGIN = Begin("x", "m", 1)
DONE = b"[DONE]"
STOP = chunk({}, "stop")
END = [Finished(Finish.STOP), End()]
CALLED = [Finished(Finish.TOOLS), End()]
CUT = Fault(Complaint(message="the stream ended before the answer was complete"), FailureKind.CUT)


def call(index: int | None = None, id_: str | None = None, name: str | None = None, words: str | None = None) -> Any:
    function = {"name": name, "arguments": words}
    value = {"index": index, "id": id_, "function": {key: each for key, each in function.items() if each is not None}}
    return {key: each for key, each in value.items() if each is not None}


def calls(*pieces: Any) -> list[Any]:
    """Read a stream of pieces of calls, each a chunk of its own; give what was called."""
    found = events(*(chunk({"tool_calls": [piece]}) for piece in pieces), STOP, DONE)
    grammar = Grammar()
    assert [problem for each in found if (problem := grammar.wrong(each))] == []
    assert found[-2:] == CALLED
    return [(each.id, each.name, each.arguments) for each in fold(OWN, found).parts if isinstance(each, ToolCall)]


def test_text_comes_as_it_is_said() -> None:
    found = events(
        chunk({"role": "assistant", "content": ""}), chunk({"content": "a"}), chunk({"content": "b"}), STOP, DONE
    )
    assert found == [BEGIN, PartStart(0, Text()), Delta(0, "a"), Delta(0, "b"), PartStop(0), *END]


def test_another_kind_of_words_ends_the_one_before() -> None:
    found = events(
        chunk({"reasoning_content": "t", "content": None}),
        chunk({"reasoning_content": None, "content": "a"}),
        chunk({"refusal": "no"}),
        STOP,
        DONE,
    )
    assert found == [
        *(BEGIN, PartStart(0, Thought()), Delta(0, "t"), PartStop(0)),
        *(PartStart(1, Text()), Delta(1, "a"), PartStop(1)),
        *(PartStart(2, Refusal()), Delta(2, "no"), PartStop(2)),
        *END,
    ]


@pytest.mark.parametrize(
    ("delta", "names"),
    [
        ({"reasoning": "t"}, {"=names": ["reasoning"]}),
        ({"reasoning": "t", "reasoning_content": "t"}, {"=names": ["reasoning_content", "reasoning"]}),
        ({"reasoning": "u", "reasoning_content": "t"}, None),
    ],
)
def test_a_thought_under_two_names_is_one(delta: Any, names: Any) -> None:
    assert events(chunk(delta), STOP, DONE)[1:3] == [PartStart(0, Thought(extras=names)), Delta(0, "t")]


@pytest.mark.parametrize(
    ("pieces", "made"),
    [
        ([call(0, "a", "f", ""), call(0, words="{"), call(0, words="}")], [("a", "f", "{}")]),
        (
            [call(0, "a", "f", "{"), call(1, "b", "g", "["), call(0, words="}"), call(1, words="]")],
            [("a", "f", "{}"), ("b", "g", "[]")],
        ),
        ([call(0, "a", "f", "{"), call(0, "a", "f", "}")], [("a", "f", "{}")]),
        ([call(0, "a", "f", "{}"), call(0, "b", "g", "["), call(0, words="]")], [("a", "f", "{}"), ("b", "g", "[]")]),
        (
            [call(None, "a", "f", "{"), call(None, "b", "g"), call(None, "a", words="}")],
            [("a", "f", "{}"), ("b", "g", "")],
        ),
        (
            [call(None, None, "f", "{"), call(words="}"), call(None, None, "g")],
            [("call_x_0", "f", "{}"), ("call_x_1", "g", "")],
        ),
        ([call(0, "a", words="{"), call(0, name="f", words="}")], [("a", "f", "{}")]),
        ([call(0, name="f"), call(1, words="never named"), call(0, "late")], [("call_x_0", "f", "")]),
    ],
)
def test_calls_are_told_apart_however_servers_number_them(pieces: list[Any], made: list[Any]) -> None:
    assert calls(*pieces) == made


def test_calls_end_the_words_before_them_and_stay_open() -> None:
    found = events(
        chunk({"content": "a"}),
        chunk({"tool_calls": [call(0, "i", "f", "")]}),
        chunk({"content": "b"}),
        chunk({"tool_calls": [call(0, words="{}")]}),
        chunk({}, "tool_calls"),
        DONE,
    )
    assert found == [
        *(BEGIN, PartStart(0, Text()), Delta(0, "a"), PartStop(0), PartStart(1, ToolCall("i", "f"))),
        *(PartStart(2, Text()), Delta(2, "b"), Delta(1, "{}"), PartStop(1), PartStop(2)),
        *CALLED,
    ]


def test_a_call_of_another_kind_is_read_too() -> None:
    signed = {"google": {"thought_signature": "s"}}
    custom = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "n", "input": "a"}, "extra_content": signed}
    empty = {"index": 1, "id": "e", "function": {"name": "f", "arguments": "{}"}, "custom": {"name": "", "input": ""}}
    function = chunk({"function_call": {"name": "g", "arguments": "{"}})
    found = events(
        chunk({"tool_calls": [custom, empty]}), function, chunk({"function_call": {"arguments": "}"}}), STOP, DONE
    )
    assert fold(OWN, found).parts == (
        ToolCall("c", "n", "a", True, signature=Signature(Format.GEMINI, "s"), extras={"=extra_content": signed}),
        ToolCall("e", "f", "{}"),
        ToolCall("call_x_2", "g", "{}", extras={"=function_call": True}),
    )


def test_pictures_and_signatures_are_read_and_other_members_are_raw() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://a/b"}}
    signed = {"google": {"thought_signature": "s"}}
    found = events(
        chunk({"images": [picture, 7, {}]}),
        chunk({"images": "none", "extra_content": {"other": 1}}),
        chunk({"extra_content": signed}),
        chunk({"content": "a", "extra_content": signed, "annotations": [1], "audio": {"id": "a"}}),
        chunk(None, "stop", choices=[{"index": 0, "logprobs": {"content": [1]}, "finish_reason": "stop"}]),
        DONE,
    )
    sign = Sign(1, Signature(Format.GEMINI, "s"))
    assert found == [
        *(BEGIN, PartStart(0, Image(Url("https://a/b"))), PartStop(0)),
        *(PartStart(1, Text()), sign, Delta(1, "a"), sign),
        *(
            Raw(OWN, {"choices": [{"index": 0, "delta": {name: each}}]})
            for name, each in (("annotations", [1]), ("audio", {"id": "a"}))
        ),
        Raw(OWN, {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [1]}}]}),
        *(PartStop(1), *END),
    ]


def test_the_answer_begins_with_the_first_model_that_is_named_or_the_first_thing_said() -> None:
    first = chunk(id="", model="", created=None, choices=[])
    assert events(first, chunk({"role": "assistant"}), STOP, DONE) == [BEGIN, *END]
    assert events(chunk({"content": "a"}, model=None), STOP, DONE)[0] == Begin("x", None, 1)
    assert events(DONE) == [Begin(), Finished(Finish.OTHER), End()]
    assert events(chunk({}, model=None, usage={"prompt_tokens": 1}), STOP, DONE)[0] == Begin("x", None, 1)


def test_usage_is_told_when_it_changes() -> None:
    one, two = ({"prompt_tokens": 3, "completion_tokens": number} for number in (1, 2))
    found = events(
        chunk({"content": "a"}, usage=one),
        chunk({"content": "b"}, usage=one),
        STOP,
        chunk(choices=[], usage=two),
        chunk(choices=[], usage={}),
        DONE,
    )
    assert [each.usage for each in found if isinstance(each, Spent)] == [Usage(3, 1), Usage(3, 2)]


def test_of_several_choices_the_first_is_the_answer() -> None:
    other = chunk(choices=[{"index": 1, "delta": {"content": "b"}}])
    found = events(chunk({"content": "a"}), other, STOP)
    assert [type(each) for each in found] == [Begin, PartStart, Delta, Raw, Fault]
    assert found[-1] == CUT
    assert fold(OWN, events(other, chunk({"content": "a"}), STOP, DONE)).parts == (Text("a"),)


@pytest.mark.parametrize(
    ("chunks", "last"),
    [
        ([], CUT),
        ([chunk({"content": "a"})], CUT),
        ([chunk({"content": "a"}), STOP], End()),
        ([b"7"], Fault(Complaint(message="a record of the stream is not a JSON object"), FailureKind.MALFORMED)),
        ([b'{"error": {"message": "m"}}'], Fault(Complaint(message="m"))),
        ([b'{"object": "error", "message": "m"}'], Fault(Complaint(message="m"))),
    ],
)
def test_a_stream_ends_as_its_watch_finds_it(chunks: list[bytes], last: Event) -> None:
    assert events(*chunks)[-1] == last


def test_an_error_event_and_records_without_data() -> None:
    reader = ChatReader()
    assert reader.take(Record(b": note\n\n")) == ()
    assert reader.take(Record(b"", b"broken", b"error")) == (Fault(Complaint(message="broken")),)


def test_the_stop_sequence_is_told() -> None:
    last = chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "x"}])
    assert events(chunk({"content": "a"}), last, DONE)[-2] == Finished(Finish.STOP, "x")


@pytest.mark.parametrize("stream", streams(), ids=lambda stream: stream.name)
def test_reader_and_watch_learn_the_same_of_every_stream_wherever_it_is_cut_off(stream: Stream) -> None:
    for end in {len(stream.body), *range(0, len(stream.body), 1 + len(stream.body) // 40)}:
        body = stream.body[:end]
        watch, learnt, grammar = CODEC.watch(False), Learnt(), Grammar()
        watch.feed(body)
        watch.close()
        for event in cut_off(body):
            assert grammar.wrong(event) is None
            learnt.learn(event)
        for name in ("done", "usage", "complaint", "trouble"):
            assert getattr(learnt, name) == getattr(watch, name), name


def cut_off(body: bytes) -> list[Event]:
    splitter, reader, found = CODEC.splitter(), CODEC.reader(), list[Event]()
    left = [*splitter.feed(body), *([last] if (last := splitter.close()) else [])]
    for each in left:
        found += reader.take(each)
        if found and isinstance(found[-1], End | Fault):
            return found
    return [*found, *reader.end()]


def test_our_own_streams_fold_to_the_whole_answers_beside_them() -> None:
    cases = [case for case in own("stream.sse") if (case / "response.json").exists()]
    assert len(cases) > 8
    for case in cases:
        whole = CODEC.read_response((case / "response.json").read_bytes())
        folded = fold(OWN, cut_off((case / "stream.sse").read_bytes()))
        assert msgspec.structs.replace(folded, extras=None) == msgspec.structs.replace(whole, extras=None), case.name
