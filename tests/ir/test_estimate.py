"""The estimate of a request's tokens: bytes of words, and something for everything else."""

from omniroute.ir.estimate import AROUND, ATTACHMENT, PICTURE, estimate
from omniroute.ir.parts import (
    Audio,
    Document,
    Image,
    Inline,
    Opaque,
    Part,
    Plain,
    Refusal,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Url,
)
from omniroute.ir.request import GenerateRequest, Message, Role, Tool
from omniroute.names import Format


def of(*parts: Part, system: tuple[Part, ...] = (), tools: tuple[Tool | Opaque, ...] = ()) -> int:
    messages = (Message(Role.USER, parts),) if parts else ()
    return estimate(GenerateRequest(Format.OPENAI_CHAT, "m", messages, system=system, tools=tools))


def test_nothing_at_all_is_one_token() -> None:
    assert of() == 1


def test_words_are_a_token_for_every_four_bytes() -> None:
    assert of(Text("x" * 40)) == 10 + AROUND
    assert of(Text("x" * 41)) == 11 + AROUND
    assert of(Text("日本語四")) == 3 + AROUND
    assert of(Text("\ud800")) == 1 + AROUND
    assert of(Thought("x" * 8), Refusal("x" * 8), ToolCall("1", "abcd", "{}  ")) == 6 + AROUND
    assert of(system=(Text("x" * 40),)) == 10


def test_a_tools_description_and_schema_count() -> None:
    assert of(tools=(Tool("abcd", "efgh", schema={"a": 1}),)) == 4 + AROUND  # 4 + 4 + len('{"a":1}')
    assert of(tools=(Tool("abcd"),)) == 1 + AROUND
    assert of(tools=(Opaque(Format.OPENAI_CHAT, {"a": 1}),)) == 2 + AROUND


def test_what_is_not_words_has_a_fixed_size() -> None:
    picture, sound = Image(Url("https://x.invalid/a.png")), Audio(Inline("audio/wav", "AAAA"))
    assert of(picture, sound, Document(Inline("application/pdf", "AAAA"))) == PICTURE + 2 * ATTACHMENT + AROUND
    assert of(Document(Plain("x" * 40))) == 10 + AROUND
    assert of(ToolResult("1", (picture, Text("x" * 4)))) == PICTURE + 1 + AROUND
    assert of(Opaque(Format.GEMINI, {"a": 1})) == 2 + AROUND
