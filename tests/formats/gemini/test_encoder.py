"""Writing streams."""

import json
from typing import Any

from omniroute.formats.gemini.encoder import GeminiEncoder
from omniroute.formats.gemini.parts_read import SIGNATURE
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, Delta, End, Event, Fault, Finished, PartStart, PartStop, Raw, Sign, Spent
from omniroute.ir.parts import Image, Inline, Opaque, Refusal, Signature, Text, Thought, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.signatures import pack
from omniroute.ir.usage import Usage
from omniroute.names import Format
from tests.formats.gemini.asking import CONTEXT, FOREIGN

OTHER = Signature(FOREIGN, "sig")
PACKED = pack(OTHER, Format.GEMINI)
PNG = Inline("image/png", "AA==")


def chunks(body: bytes) -> list[Any]:
    assert body == b"" or body.endswith(b"\r\n\r\n")
    return [json.loads(each.removeprefix(b"data: ")) for each in body.split(b"\r\n\r\n")[:-1]]


def told(*events: Event) -> tuple[list[Any], list[str]]:
    """Give the parts of each piece of a stream, and the paths of its losses."""
    encoder = GeminiEncoder(CONTEXT)
    body = b"".join(map(encoder.feed, (Begin(), *events)))
    parts = [part for each in chunks(body) for part in each["candidates"][0]["content"]["parts"]]
    return parts, [loss.path for loss in encoder.losses]


def whole(at: int, part: Any, *texts: str) -> list[Event]:
    return [PartStart(at, part), *(Delta(at, text) for text in texts), PartStop(at)]


def test_a_stream_is_written_piece_by_piece_with_its_finish_last() -> None:
    encoder = GeminiEncoder(CONTEXT)
    assert encoder.feed(Begin("id", "model")) == b""
    assert encoder.feed(PartStart(0, Text())) == b""
    envelope = {"modelVersion": "model", "responseId": "id"}
    for word in ("Good", " day"):
        (piece,) = chunks(encoder.feed(Delta(0, word)))
        assert piece == {
            "candidates": [{"content": {"parts": [{"text": word}], "role": "model"}, "index": 0}],
            **envelope,
        }
    for event in (Delta(0, ""), PartStop(0), Finished(Finish.LENGTH), Spent(Usage(3, 2))):
        assert encoder.feed(event) == b""
    (last,) = chunks(encoder.feed(End()))
    assert last == {
        "candidates": [
            {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "MAX_TOKENS", "index": 0}
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
        **envelope,
    }


def test_what_the_upstream_did_not_say_is_taken_from_the_context() -> None:
    encoder = GeminiEncoder(CONTEXT)
    encoder.feed(Begin())
    encoder.feed(Finished(Finish.STOP))
    (last,) = chunks(encoder.feed(End()))
    assert (last["modelVersion"], last["responseId"], "usageMetadata" in last) == ("a-model", "request-1", False)


def test_words_begin_with_what_is_there_and_end_with_their_signature() -> None:
    assert told(PartStart(0, Text("a", OTHER)), Delta(0, "b"), PartStop(0))[0] == [
        {"text": "a"},
        {"text": "b"},
        {"text": "", SIGNATURE: PACKED},
    ]
    thought = [PartStart(0, Thought()), Delta(0, "a"), Sign(0, OTHER), PartStop(0)]
    assert told(*thought)[0] == [
        {"thought": True, "text": "a"},
        {"thought": True, "text": "", SIGNATURE: PACKED},
    ]
    assert told(*whole(0, Refusal(), "no")) == ([{"text": "no"}], ["parts[0]"])


def test_two_thoughts_stay_two() -> None:
    parts, _ = told(*whole(0, Thought(), "a"), *whole(1, Thought(), "b"), *whole(2, Text(), "c"))
    assert [part["text"] for part in parts] == ["a", "", "b", "c"]
    assert ["thought" in part for part in parts] == [True, False, True, False]


def test_what_is_one_piece_is_written_when_it_is_complete() -> None:
    assert told(PartStart(0, ToolCall("1", "f", '{"a"')), Delta(0, ":1}"), Sign(0, OTHER))[0] == []
    assert told(PartStart(0, ToolCall("1", "f", '{"a"')), Delta(0, ":1}"), Sign(0, OTHER), PartStop(0))[0] == [
        {"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}, SIGNATURE: PACKED}
    ]
    assert told(*whole(0, Image(PNG)))[0] == [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]
    assert told(*whole(0, Thought("", OTHER, redacted=True)))[0] == [{"thought": True, SIGNATURE: PACKED}]
    late = [PartStart(0, Thought("", redacted=True)), Delta(0, "x"), Sign(0, OTHER), PartStop(0)]
    assert told(*late)[0] == [{"thought": True, SIGNATURE: PACKED}]


def test_parts_beside_each_other_are_written_one_behind_the_other() -> None:
    parts, _ = told(
        PartStart(0, Text()),
        PartStart(1, ToolCall("1", "f")),
        PartStart(2, Text()),
        Delta(2, "c"),
        Delta(1, "{}"),
        Delta(0, "a"),
        PartStop(2),
        PartStop(1),
        Delta(0, "b"),
        PartStop(0),
    )
    assert [part.get("text", "call") for part in parts] == ["a", "b", "call", "c"]


def test_a_part_that_waited_goes_on_when_its_turn_has_come() -> None:
    encoder = GeminiEncoder(CONTEXT)
    for event in (Begin(), PartStart(0, Text()), PartStart(1, Text()), Delta(1, "b")):
        assert encoder.feed(event) == b""
    assert [each["candidates"][0]["content"]["parts"] for each in chunks(encoder.feed(PartStop(0)))] == [
        [{"text": "b"}]
    ]
    assert chunks(encoder.feed(Delta(1, "c")))[0]["candidates"][0]["content"]["parts"] == [{"text": "c"}]


def test_what_cannot_be_said_is_a_loss_at_its_place() -> None:
    parts, lost = told(
        *whole(0, Text(extras={"citations": []}), "a"),
        *whole(1, Opaque(FOREIGN, {})),
        Raw(FOREIGN, {}),
        *whole(2, Thought(extras={"x": 1}), "b"),
        Finished(Finish.PAUSE),
    )
    assert [part["text"] for part in parts] == ["a", "b"]
    assert lost == ["parts[0].extras.citations", "parts[1]", "raw", "parts[2].extras.x", "finish"]


def test_what_only_this_format_knows_is_written_as_it_is() -> None:
    encoder = GeminiEncoder(CONTEXT)
    (piece,) = chunks(encoder.feed(Raw(Format.GEMINI, {"candidates": [{"index": 1}]})))
    assert piece == {"candidates": [{"index": 1}], "modelVersion": "a-model", "responseId": "request-1"}


def test_a_fault_is_said_by_others() -> None:
    assert GeminiEncoder(CONTEXT).feed(Fault(Complaint())) == b""
