"""Streams are written block behind block, as the documentation of streaming shows them."""

from typing import Any

import pytest

from omniroute.formats.anthropic_messages import CODEC
from omniroute.ir.events import Begin, Delta, End, Event, Finished, PartStart, PartStop, Raw, Sign, Spent, fold, unfold
from omniroute.ir.parts import CacheHint, Image, Opaque, Part, Refusal, Signature, Text, Thought, ToolCall, Url
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.signatures import pack
from omniroute.ir.usage import Usage
from omniroute.names import Format
from tests.formats.anthropic_messages.samples import CONTEXT, OTHER, OWN, decoded, encoded, own, recorded

OURS = Signature(OWN, "s")
THEIRS = Signature(Format.GEMINI, "s")
ZERO = {"input_tokens": 0, "output_tokens": 0}
THOUGHT = {"type": "thinking", "thinking": "", "signature": ""}


def block(index: int, written: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the records of a block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": written},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def words(text: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": text}


def signed(signature: Signature) -> dict[str, Any]:
    return {"type": "signature_delta", "signature": pack(signature, OWN)}


def carrier(index: int) -> list[dict[str, Any]]:
    return block(index, THOUGHT, signed(THEIRS))


def text(index: int, *said: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, *map(words, said))


def call(index: int, *said: str, **members: Any) -> list[dict[str, Any]]:
    begun = {"type": "tool_use", "id": "i", "name": "n", "input": {}, **members}
    return block(index, begun, *({"type": "input_json_delta", "partial_json": each} for each in said))


def blocks(*events: Event) -> tuple[list[dict[str, Any]], list[str]]:
    """Write parts; give the records of their blocks, and the paths of what was lost."""
    said, lost = encoded([Begin("a", "b"), *events, Finished(Finish.STOP), End()])
    names = [name for name, _ in said]
    assert names[0] == "message_start"
    assert names[-2:] == ["message_delta", "message_stop"]
    assert all(name == value["type"] for name, value in said)
    return [value for _, value in said[1:-2]], lost


@pytest.mark.parametrize(
    ("part", "said", "written", "lost"),
    [
        (Text(), ["a", "b"], text(0, "a", "b"), []),
        (Text("a"), ["b"], text(0, "a", "b"), []),
        (Text(), [], [], []),
        (Text(extras={"citations": [1], "annotations": [], "=x": 1}), [],
         block(0, {"type": "text", "text": "", "citations": [1]}), ["parts[0].extras.annotations"]),
        (Text(signature=THEIRS), ["a"], carrier(0) + text(1, "a"), []),
        (Text(signature=THEIRS), [], carrier(0) + text(1), []),
        (Refusal(), ["no"], text(0, "no"), ["parts[0]"]),
        (Refusal(), [], [], []),
        (Thought(), ["t"], block(0, THOUGHT, {"type": "thinking_delta", "thinking": "t"}), []),
        (Thought(signature=OURS), [], block(0, THOUGHT, signed(OURS)), []),
        (Thought(), [], [], []),
        (Thought(signature=THEIRS, redacted=True), [],
         block(0, {"type": "redacted_thinking", "data": pack(THEIRS, OWN)}), []),
        (Thought(redacted=True), [], [], []),
        (ToolCall("i", "n"), ['{"a"', ":1}"], call(0, '{"a"', ":1}"), []),
        (ToolCall("i", "n", "{}"), [], call(0, "{}"), []),
        (ToolCall("i", "n", extras={"=caller": {"type": "direct"}}), [], call(0, caller={"type": "direct"}), []),
        (ToolCall("i", "n", signature=THEIRS), ["{}"], carrier(0) + call(1, "{}"), []),
        (ToolCall("i", "n", namespace="g", cache=CacheHint()), [], call(0), ["parts[0].namespace", "parts[0].cache"]),
        (Opaque(OWN, {"type": "x", "input": {}}), [], block(0, {"type": "x", "input": {}}), []),
        (
            Opaque(OWN, {"type": "server_tool_use", "input": {"q": 1}}),
            [],
            block(0, {"type": "server_tool_use", "input": {}}, {"type": "input_json_delta", "partial_json": '{"q":1}'}),
            [],
        ),
        (Opaque(OTHER, {"type": "x"}), ["a"], [], ["parts[0]"]),
        (Image(Url("u")), [], [], ["parts[0]"]),
    ],
)  # fmt: skip
def test_a_part_is_written(part: Part, said: list[str], written: list[dict[str, Any]], lost: list[str]) -> None:
    deltas = [Delta(0, each) for each in ("", *said)]
    assert blocks(PartStart(0, part), *deltas, PartStop(0)) == (written, lost)


def test_a_thoughts_signature_is_said_at_its_end() -> None:
    written, lost = blocks(PartStart(0, Thought()), Sign(0, OURS), Delta(0, "t"), PartStop(0))
    assert written == block(0, THOUGHT, {"type": "thinking_delta", "thinking": "t"}, signed(OURS))
    assert lost == []


def test_a_signature_that_comes_behind_what_it_signs_is_lost_and_told() -> None:
    assert blocks(PartStart(0, Text()), Sign(0, THEIRS), Delta(0, "a"), PartStop(0)) == (carrier(0) + text(1, "a"), [])
    written, lost = blocks(PartStart(0, Text()), Delta(0, "a"), Sign(0, THEIRS), PartStop(0))
    assert (written, lost) == (text(0, "a"), ["parts[0].signature"])


def test_parts_that_are_open_together_wait_for_their_turn() -> None:
    events: list[Event] = [
        PartStart(0, Text()),
        PartStart(1, ToolCall("i", "n")),
        Delta(1, "{}"),
        PartStart(2, Text()),
        Delta(2, "x"),
        Delta(0, "a"),
        PartStop(2),
        PartStop(1),
        PartStart(3, Opaque(OTHER, 1)),
        PartStop(0),
        PartStop(3),
        PartStart(4, Text()),
        Delta(4, "b"),
        PartStop(4),
    ]
    assert blocks(*events) == (text(0, "a") + call(1, "{}") + text(2, "x") + text(3, "b"), ["parts[3]"])


def test_words_of_the_part_whose_turn_it_is_are_said_as_they_come() -> None:
    encoder = CODEC.encoder(CONTEXT)
    assert encoder.feed(Begin()) == b""
    assert b"message_start" in encoder.feed(PartStart(0, Text()))
    assert b"content_block_start" in encoder.feed(Delta(0, "a"))
    assert encoder.feed(Delta(0, 'b"\n')) == (
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b\\"\\n"}}\n\n'
    )
    assert b'"text":"?"' in encoder.feed(Delta(0, "\ud800"))


def test_usage_stands_where_it_is_known() -> None:
    early, _ = encoded([Begin(), Spent(Usage(3, 1, 2)), Finished(Finish.LENGTH), Spent(Usage(3, 9, 2, 0, 4)), End()])
    assert early[0][1]["message"]["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 2,
        "output_tokens": 1,
    }
    assert early[1][1]["usage"]["output_tokens_details"] == {"thinking_tokens": 4}
    late, _ = encoded([Begin(), Finished(Finish.STOP), Spent(Usage(3, 9)), End()])
    assert late[0][1]["message"]["usage"] == ZERO
    assert (late[1][1]["usage"]["input_tokens"], late[1][1]["usage"]["output_tokens"]) == (3, 9)
    never, _ = encoded([Begin(), Finished(Finish.STOP), End()])
    assert never[1][1]["usage"] == ZERO


def test_what_the_upstream_did_not_say_is_made_up() -> None:
    message = encoded([Begin(), End()])[0][0][1]["message"]
    assert (message["id"], message["model"], message["role"], message["content"]) == (
        "msg_ours",
        "a-model",
        "assistant",
        [],
    )
    assert encoded([Begin("i", "m"), End()])[0][0][1]["message"]["id"] == "i"


@pytest.mark.parametrize(
    ("finished", "delta", "lost"),
    [
        ([Finished(Finish.TOOLS)], {"stop_reason": "tool_use", "stop_sequence": None}, []),
        ([Finished(Finish.STOP, "x")], {"stop_reason": "stop_sequence", "stop_sequence": "x"}, []),
        ([Finished(Finish.OTHER)], {"stop_reason": "end_turn", "stop_sequence": None}, ["finish"]),
        ([], {"stop_reason": None, "stop_sequence": None}, []),
    ],
)
def test_the_reason_why_it_ended_is_written(finished: list[Event], delta: dict[str, Any], lost: list[str]) -> None:
    said, losses = encoded([Begin(), *finished, End()])
    assert said[-2][1]["delta"] == delta
    assert losses == lost


def test_what_only_this_format_knows_is_put_back() -> None:
    delta = {"stop_reason": "dreamt", "container": {}}
    raw = {"type": "message_delta", "context_management": {"x": 1}, "delta": delta}
    said, lost = encoded([Begin(), Raw(OWN, raw), Finished(Finish.OTHER), End()])
    assert said[1][1] == {**raw, "delta": {**delta, "stop_sequence": None}, "usage": ZERO}
    assert lost == []
    cited = {"type": "content_block_delta", "index": 7, "delta": {"type": "citations_delta"}}
    written, _ = blocks(Raw(OWN, cited), PartStart(0, Text()), Delta(0, "a"), Raw(OWN, cited), PartStop(0))
    assert written[2] == {**cited, "index": 0}
    assert len(written) == 4
    others = [Raw(OWN, {"type": "news", "x": 1}), Raw(OTHER, {"type": "news"}), Raw(OWN, 7)]
    assert blocks(*others) == ([{"type": "news", "x": 1}], [])


@pytest.mark.parametrize(
    "case", [case for case in own("stream.sse") if (case / "response.json").exists()], ids=lambda case: case.name
)
def test_a_sample_is_written_as_it_means(case: Any) -> None:
    events = decoded((case / "stream.sse").read_bytes())
    encoder = CODEC.encoder(CONTEXT)
    again = decoded(b"".join([encoder.feed(event) for event in events]))
    assert fold(OWN, again) == fold(OWN, events)
    assert encoder.losses == []


def test_recorded_streams_are_written_as_they_mean() -> None:
    for body in recorded(stream=True):
        events = decoded(body)
        encoder = CODEC.encoder(CONTEXT)
        assert fold(OWN, decoded(b"".join([encoder.feed(event) for event in events]))) == fold(OWN, events)
        assert encoder.losses == []


def test_a_whole_answer_can_be_streamed() -> None:
    parts = (
        Thought("t", OURS),
        Text("a"),
        ToolCall("i", "n", '{"a":1}'),
        Opaque(OWN, {"type": "x", "input": {"q": 1}}),
    )
    response = GenerateResponse(OWN, parts, Finish.TOOLS, "i", "m", usage=Usage(1, 2, 3, 4))
    encoder = CODEC.encoder(CONTEXT)
    assert fold(OWN, decoded(b"".join([encoder.feed(event) for event in unfold(response)]))) == response
