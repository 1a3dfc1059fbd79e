"""The parts of a message become its members; what cannot be said is named."""

import pytest

from omniroute.formats.ollama.message import MessageWriter, beside, rank, write_call
from omniroute.ir.loss import LossKind, Weight
from omniroute.ir.parts import (
    Audio,
    CacheHint,
    Document,
    FileRef,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Refusal,
    Signature,
    Text,
    Thought,
    ToolCall,
    Url,
)
from omniroute.names import Format

PNG = "iVBORw0KGgoAAAAN"
SIGNED = Signature(Format.ANTHROPIC_MESSAGES, "s")


def written(*parts: Part, own: bool = False, joint: str = "", asking: bool = True) -> MessageWriter:
    writer = MessageWriter(own=own, joint=joint, asking=asking)
    for at, part in enumerate(parts):
        writer.add(part, f"parts[{at}]")
    return writer


def losses(writer: MessageWriter) -> list[tuple[str, LossKind, Weight]]:
    return [(loss.path, loss.kind, loss.weight) for loss in writer.losses]


def test_each_kind_of_part_has_its_member() -> None:
    writer = written(Thought("t"), Image(Inline("image/png", PNG)), Text("a"), ToolCall("c", "f", '{"x": 1}'))
    assert writer.members() == {
        "content": "a",
        "thinking": "t",
        "images": [PNG],
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"x": 1}}}],
    }
    assert (writer.losses, writer.ordered, writer.empty) == ([], True, False)


def test_several_texts_are_one() -> None:
    assert written(Text("a"), Text("b"), joint="\n").members() == {"content": "a\nb"}
    assert written(Thought("a"), Thought("b"), Text("c"), Text("d")).members() == {"content": "cd", "thinking": "ab"}


def test_nothing_said_is_an_empty_message() -> None:
    writer = written(Thought(signature=SIGNED, redacted=True))
    assert writer.empty
    assert writer.members() == {"content": ""}
    assert losses(writer) == [
        ("parts[0].signature", LossKind.DROPPED, Weight.SETTING),
        ("parts[0]", LossKind.DROPPED, Weight.SETTING),
    ]


def test_an_order_that_is_not_kept_is_known() -> None:
    assert not written(Text("a"), Image(Inline("image/png", PNG))).ordered
    assert [rank(part) for part in (Thought(), Image(Url("u")), Text(), Refusal(), ToolCall("c", "f"))] == [
        0,
        1,
        2,
        2,
        3,
    ]


@pytest.mark.parametrize(
    ("part", "loss"),
    [
        (Refusal("no"), ("parts[0]", LossKind.APPROXIMATED, Weight.SETTING)),
        (Document(Plain("no")), ("parts[0]", LossKind.APPROXIMATED, Weight.SETTING)),
        (Image(Inline("image/jpeg", PNG)), ("parts[0].source", LossKind.APPROXIMATED, Weight.SETTING)),
        (Image(Url("https://example.com/a.png")), ("parts[0]", LossKind.DROPPED, Weight.CONTENT)),
        (Image(FileRef("file-1")), ("parts[0]", LossKind.DROPPED, Weight.CONTENT)),
        (Document(Inline("application/pdf", "")), ("parts[0]", LossKind.DROPPED, Weight.CONTENT)),
        (Audio(Inline("audio/wav", "")), ("parts[0]", LossKind.DROPPED, Weight.CONTENT)),
        (Opaque(Format.GEMINI, {}), ("parts[0]", LossKind.DROPPED, Weight.CONTENT)),
    ],
)
def test_what_cannot_be_said_as_it_is_is_named(part: Part, loss: tuple[str, LossKind, Weight]) -> None:
    writer = written(part)
    assert losses(writer) == [loss]
    assert writer.empty is (loss[1] is LossKind.DROPPED)


def test_an_answer_has_no_images_for_its_reader() -> None:
    image = Image(Inline("image/png", PNG))
    assert losses(written(image, asking=False)) == [("parts[0]", LossKind.DROPPED, Weight.CONTENT)]
    assert written(image, asking=False, own=True).members() == {"content": "", "images": [PNG]}


def test_what_stands_beside_a_part_is_named() -> None:
    part = Image(Inline("image/png", PNG), detail="low", signature=SIGNED, cache=CacheHint(), extras={"x": 1, "=y": 2})
    paths = ["p.signature", "p.cache", "p.detail"]
    assert [loss.path for loss in beside(part, "p", own=True)] == paths
    assert [loss.path for loss in beside(part, "p", own=False)] == [*paths, "p.extras.x"]
    assert beside(Opaque(Format.GEMINI, {}), "p", own=False) == []


@pytest.mark.parametrize(
    ("arguments", "said", "paths"),
    [
        ("", {}, []),
        (" ", {}, []),
        ('{"n": 10000000000000000001}', {"n": 10000000000000000001}, []),
        ("[1]", {"input": "[1]"}, ["p.arguments"]),
        ("{broken", {"input": "{broken"}, ["p.arguments"]),
    ],
)
def test_arguments_are_an_object(arguments: str, said: object, paths: list[str]) -> None:
    call, lost = write_call(ToolCall("c", "f", arguments), "p", own=False)
    assert call["function"]["arguments"] == said
    assert [loss.path for loss in lost] == paths


def test_free_text_is_named() -> None:
    call, lost = write_call(ToolCall("c", "f", "free", custom=True), "p", own=False)
    assert call["function"]["arguments"] == {"input": "free"}
    assert [loss.path for loss in lost] == ["p.custom", "p.arguments"]


def test_what_was_read_in_this_format_is_put_back() -> None:
    extras = {"=id": "", "=type": "function", "z": 2, "=function.index": 0, "function.x": 1}
    part = ToolCall("made_up", "f", "{}", extras=extras)
    function = {"name": "f", "arguments": {}, "index": 0, "x": 1}
    assert write_call(part, "p", own=True) == ({"type": "function", "z": 2, "function": function}, [])
    assert write_call(part, "p", own=False)[0] == {"id": "made_up", "function": {"name": "f", "arguments": {}}}
