"""Content parts, both ways."""

from typing import Any

import pytest

from omniroute.formats.openai_responses.content import INPUT, OUTPUT, opaque, plain_or_list, read_content, write_content
from omniroute.formats.openai_responses.wire import OWN, Saying
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
    ToolCall,
    Url,
)
from omniroute.names import Format
from tests.formats.openai_responses.exchange import CHAT, paths

PNG = "data:image/png;base64,aGk="
BREAK = {"prompt_cache_breakpoint": {"mode": "explicit"}}


@pytest.mark.parametrize(
    ("json", "part"),
    [
        ({"type": "input_text", "text": "a"}, Text("a")),
        ({"type": "output_text", "text": "a"}, Text("a", extras={"=type": "output_text"})),
        ({"type": "text", "text": "a", "x": 1}, Text("a", extras={"x": 1, "=type": "text"})),
        (
            {"type": "input_text", "text": "a", **BREAK},
            Text("a", cache=CacheHint(), extras={f"={name}": value for name, value in BREAK.items()}),
        ),
        ({"type": "input_image", "image_url": PNG}, Image(Inline("image/png", "aGk="))),
        ({"type": "input_image", "image_url": "https://a/b", "detail": "low"}, Image(Url("https://a/b"), "low")),
        ({"type": "input_image", "image_url": "data:,x", "detail": 7}, Image(Url("data:,x"), extras={"detail": 7})),
        ({"type": "input_image", "file_id": "f"}, Image(FileRef("f"))),
        ({"type": "input_image", "image_url": "u", "file_id": "f"}, Image(Url("u"), extras={"file_id": "f"})),
        ({"type": "input_file", "file_data": PNG, "filename": "n"}, Document(Inline("image/png", "aGk="), "n")),
        (
            {"type": "input_file", "file_data": "aGk="},
            Document(Inline("application/pdf", "aGk="), extras={"=bare": True}),
        ),
        ({"type": "input_file", "file_url": "u"}, Document(Url("u"))),
        ({"type": "input_file", "file_id": "f", "filename": "n"}, Document(FileRef("f"), "n")),
        ({"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}, Audio(Inline("audio/wav", "x"))),
        ({"type": "input_audio", "input_audio": {"data": "x", "format": "mp3"}}, Audio(Inline("audio/mpeg", "x"))),
        ({"type": "input_audio", "input_audio": {"data": "x", "format": "ogg"}}, Audio(Inline("audio/ogg", "x"))),
    ],
)
def test_a_part_is_read_and_written_as_it_was(json: dict[str, Any], part: Part) -> None:
    say = Saying(OWN)
    assert read_content(json, INPUT) == part
    assert write_content(part, "p", say, INPUT) == json
    assert say.losses == []


@pytest.mark.parametrize(
    "json",
    [
        "words",
        7,
        {"type": "input_text"},
        {"type": "refusal", "refusal": "no"},
        {"type": "input_image"},
        {"type": "input_file"},
        {"type": "input_audio"},
        {"type": "input_audio", "input_audio": {"data": 1, "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": "x", "format": "wav", "more": 1}},
        {"type": ["input_text"]},
        {"type": "input_hologram"},
    ],
)
def test_a_part_that_is_not_understood_is_kept(json: Any) -> None:
    assert read_content(json, INPUT) == opaque(json)
    assert write_content(opaque(json), "p", Saying(OWN), INPUT) == json


@pytest.mark.parametrize(
    "json", [{"type": "refusal"}, {"type": "input_image", "image_url": "u"}, {"type": "output_audio"}]
)
def test_an_assistant_says_text_and_refusals_and_all_else_is_kept(json: Any) -> None:
    assert read_content(json, OUTPUT) == opaque(json)
    assert write_content(opaque(json), "p", Saying(OWN), OUTPUT) == json


def test_a_refusal_is_a_part_of_what_an_assistant_says_only() -> None:
    json = {"type": "refusal", "refusal": "no"}
    assert read_content(json, OUTPUT) == Refusal("no")
    assert write_content(Refusal("no"), "p", Saying(CHAT), OUTPUT) == json
    assert write_content(Refusal("no"), "p", Saying(CHAT), INPUT) == {"type": "input_text", "text": "no"}


@pytest.mark.parametrize(
    ("part", "default", "json", "lost"),
    [
        (Text("a", cache=CacheHint(), extras={"x": 1}), INPUT, {"type": INPUT, "text": "a"},
         ["p.cache dropped setting", "p.extras.x dropped setting"]),
        (Text("a", Signature(Format.GEMINI, "s")), OUTPUT, {"type": OUTPUT, "text": "a"},
         ["p.signature dropped setting"]),
        (Image(Url("u")), OUTPUT, None, ["p dropped content"]),
        (Image(Plain("x")), INPUT, None, ["p dropped content"]),
        (Audio(Inline("audio/wav", "x")), INPUT, None, ["p dropped content"]),
        (Opaque(Format.GEMINI, {}), INPUT, None, ["p dropped content"]),
        (ToolCall("c", "f"), INPUT, None, ["p dropped content"]),
        (Document(Inline("application/pdf", "x")), INPUT,
         {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,x"},
         ["p.name approximated setting"]),
        (Document(Plain("hi")), INPUT,
         {"type": "input_file", "filename": "document.txt", "file_data": "data:text/plain;base64,aGk="},
         ["p.source approximated setting", "p.name approximated setting"]),
        (Document(Inline("a/b", "x"), "n"), INPUT,
         {"type": "input_file", "filename": "n", "file_data": "data:a/b;base64,x"}, []),
    ],
)  # fmt: skip
def test_what_another_format_says_is_written_or_a_loss(
    part: Part, default: str, json: dict[str, Any] | None, lost: list[str]
) -> None:
    say = Saying(CHAT)
    assert write_content(part, "p", say, default) == json
    assert paths(say.losses) == lost


def test_one_plain_text_is_a_string() -> None:
    assert plain_or_list([{"type": INPUT, "text": "a"}], INPUT) == "a"
    for parts in ([], [{"type": OUTPUT, "text": "a"}], [{"type": INPUT, "text": "a", "x": 1}], ["a"]):
        assert plain_or_list(parts, INPUT) is parts
