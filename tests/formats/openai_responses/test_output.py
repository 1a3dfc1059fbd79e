"""An answer's parts as output items."""

from typing import Any

import pytest

from omniroute.formats.openai_responses.content import ITEM, opaque
from omniroute.formats.openai_responses.output import Output, item_id
from omniroute.formats.openai_responses.wire import OWN, Saying
from omniroute.ir.parts import (
    CacheHint,
    Document,
    Image,
    Inline,
    Opaque,
    Part,
    Refusal,
    Signature,
    Text,
    Thought,
    ToolCall,
    Url,
)
from omniroute.names import Format
from tests.formats.openai_responses.exchange import CHAT, paths

GEMINI = Signature(Format.GEMINI, "g")


def written(*parts: Part, wire: Format = CHAT) -> tuple[list[dict[str, Any]], list[str]]:
    say = Saying(wire)
    output = Output("resp_a", say)
    for position, part in enumerate(parts):
        output.add(part, f"parts[{position}]")
    return output.items, paths(say.losses)


def output_text(words: str) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}


def message(place: int, *content: Any) -> dict[str, Any]:
    known = {"type": "message", "status": "completed", "role": "assistant"}
    return {**known, "id": f"msg_a_{place}", "content": list(content)}


def test_ids_say_what_an_item_is() -> None:
    parts: list[Part | None] = [None, Thought(), ToolCall("c", "f"), ToolCall("c", "f", custom=True), Image(Url("u"))]
    assert [item_id(part, "resp_a", 3).partition("_")[0] for part in parts] == ["msg", "rs", "fc", "ctc", "ig"]
    assert item_id(None, "req-1", 3) == "msg_req-1_3"


def test_texts_and_refusals_side_by_side_are_one_message() -> None:
    refusal = {"type": "refusal", "refusal": "c"}
    items, losses = written(Text("a"), Text("b", cache=CacheHint()), Refusal("c"), ToolCall("c", "f"), Text("d"))
    assert items[0] == message(0, output_text("a"), output_text("b"), refusal)
    assert items[2] == message(2, output_text("d"))
    assert losses == ["parts[1].cache dropped setting"]


@pytest.mark.parametrize("part", [Text("a", GEMINI), ToolCall("c", "f", signature=GEMINI)])
def test_a_signature_without_a_place_stands_in_front(part: Part) -> None:
    items, losses = written(Text("before"), part)
    assert [item["type"] for item in items[:2]] == ["message", "reasoning"]
    assert items[1]["summary"] == []
    assert items[1]["encrypted_content"]
    assert losses == []


def test_a_signature_of_this_format_does_not() -> None:
    items, _ = written(ToolCall("c", "f", signature=Signature(OWN, "s")))
    assert [item["type"] for item in items] == ["function_call"]


def test_a_picture_is_what_the_drawing_tool_gives() -> None:
    items, losses = written(Image(Inline("image/png", "aGk=")))
    assert items == [{"type": "image_generation_call", "id": "ig_a_0", "status": "completed", "result": "aGk="}]
    assert losses == ["parts[0] approximated setting"]


@pytest.mark.parametrize("part", [Image(Url("u")), Document(Url("u")), Opaque(Format.GEMINI, {})])
def test_what_an_answer_cannot_say_is_lost_content(part: Part) -> None:
    assert written(part) == ([], ["parts[0] dropped content"])


def test_what_another_format_knows_of_a_part_is_lost() -> None:
    items, losses = written(Text("a", extras={"x": 1}), ToolCall("c", "f", cache=CacheHint(), extras={"y": 1}))
    assert items[0]["content"] == [output_text("a")]
    assert losses == [
        "parts[0].extras.x dropped setting",
        "parts[1].cache dropped setting",
        "parts[1].extras.y dropped setting",
    ]


def test_messages_of_this_format_stay_as_they_were() -> None:
    one, two, nameless = {"id": "msg_1", "role": "assistant"}, {"id": "msg_2", "phase": "final_answer"}, {"x": 1}
    parts = (
        Text("a", extras={ITEM: one}),
        Opaque(OWN, {**opaque({"type": "new"}).json, ITEM: dict(one)}),
        Text("b", extras={ITEM: two, "=annotations": []}),
        Text("c", extras={ITEM: nameless}),
        Text("d", extras={ITEM: dict(nameless)}),
        Opaque(OWN, {"type": "dream"}),
    )
    items, losses = written(*parts, wire=OWN)
    assert [item.get("id") for item in items] == ["msg_1", "msg_2", "msg_a_2", "msg_a_3", None]
    assert items[0]["content"] == [{"type": "output_text", "text": "a"}, {"type": "new"}]
    assert items[1]["content"] == [{"type": "output_text", "text": "b", "annotations": []}]
    assert items[1]["phase"] == "final_answer"
    assert losses == []


def test_an_answer_that_was_cut_ends_with_a_message_that_is_incomplete() -> None:
    for parts, status in (((Text("a"),), "incomplete"), ((Text("a"), ToolCall("c", "f")), "completed")):
        output = Output("a", Saying(CHAT))
        for part in parts:
            output.add(part, "p")
        output.cut_short()
        assert output.items[0]["status"] == status
    told = Output("a", Saying(OWN))
    told.add(Text("a", extras={ITEM: {"status": "completed"}}), "p")
    told.cut_short()
    assert told.items[0]["status"] == "completed"
