"""The parts of a message's content."""

import base64
from typing import Any

import pytest

from omniroute.formats.openai_chat.content import OWN, read_content
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
from tests.formats.openai_chat.passage import foreign, returned, user

PDF = "data:application/pdf;base64,QQ=="
BREAK = {"mode": "explicit", "ttl": "30m"}


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ({"type": "text", "text": "a", "new": 1}, Text("a", extras={"new": 1})),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, Text("a", cache=CacheHint())),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text("a", cache=CacheHint("1h")),
        ),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "new"}},
            Text("a", extras={"cache_control": {"type": "new"}}),
        ),
        (
            {"type": "text", "text": "a", "prompt_cache_breakpoint": BREAK},
            Text("a", cache=CacheHint("30m"), extras={"=prompt_cache_breakpoint": BREAK}),
        ),
        ({"type": "text"}, Opaque(OWN, {"type": "text"})),
        ({"type": "image_url", "image_url": {"url": "https://a/b"}}, Image(Url("https://a/b"))),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "detail": "low"}},
            Image(Inline("image/png", "QQ=="), "low"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:text,a", "detail": 7, "new": 1}, "more": 2},
            Image(Url("data:text,a"), extras={"more": 2, "image_url": {"detail": 7, "new": 1}}),
        ),
        (
            {"type": "image_url", "image_url": "https://a/b"},
            Image(Url("https://a/b"), extras={"=image_url": "https://a/b"}),
        ),
        ({"type": "image_url"}, Opaque(OWN, {"type": "image_url"})),
        ({"type": "image_url", "image_url": {"url": 1}}, Opaque(OWN, {"type": "image_url", "image_url": {"url": 1}})),
        ({"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}}, Audio(Inline("audio/wav", "QQ=="))),
        (
            {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "flac", "new": 1}},
            Audio(Inline("audio/flac", "QQ=="), extras={"input_audio": {"new": 1}}),
        ),
        ({"type": "input_audio", "input_audio": {}}, Opaque(OWN, {"type": "input_audio", "input_audio": {}})),
        ({"type": "input_audio"}, Opaque(OWN, {"type": "input_audio"})),
        ({"type": "file", "file": {"file_id": "f"}}, Document(FileRef("f"))),
        (
            {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
            Document(Inline("application/pdf", "QQ=="), "a.pdf"),
        ),
        ({"type": "file", "file": {"file_data": "https://a/b"}}, Document(Url("https://a/b"))),
        (
            {"type": "file", "file": {"file_data": "QQ=="}},
            Document(Inline("application/pdf", "QQ=="), extras={"=file": {"file_data": "QQ=="}}),
        ),
        ({"type": "file", "file": {}}, Opaque(OWN, {"type": "file", "file": {}})),
        ({"type": "file"}, Opaque(OWN, {"type": "file"})),
        ({"type": "refusal", "refusal": "no"}, Refusal("no", {"=part": {"type": "refusal", "refusal": "no"}})),
        ({"type": "refusal"}, Opaque(OWN, {"type": "refusal"})),
        (
            {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"text": "m"}]},
            Thought(
                "hm", extras={"=part": {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"text": "m"}]}}
            ),
        ),
        ({"type": "thinking", "thinking": [1]}, Opaque(OWN, {"type": "thinking", "thinking": [1]})),
        ({"type": "new"}, Opaque(OWN, {"type": "new"})),
        ({"type": ["text"]}, Opaque(OWN, {"type": ["text"]})),
        ("a", Opaque(OWN, "a")),
    ],
)
def test_a_part_is_read_and_put_back(value: Any, part: Part) -> None:
    assert read_content([value]) == [part]
    if isinstance(part, Text) and part.cache is None and part.extras is None:
        assert returned({"role": "user", "content": [value]})["messages"][0]["content"] == "a"
        return
    role = "assistant" if isinstance(part, Refusal | Thought) else "user"
    assert returned({"role": role, "content": [value]})["messages"] == [{"role": role, "content": [value]}]


def test_content_is_a_string_or_an_array() -> None:
    assert read_content("a") == [Text("a")]
    assert read_content(None) == []
    assert read_content({"a": 1}) == []


TEXT = base64.b64encode("grüß".encode()).decode()


@pytest.mark.parametrize(
    ("part", "content", "losses"),
    [
        (Text("a", Signature(Format.GEMINI, "s")), "a", ["dropped setting .signature"]),
        (Text("a", cache=CacheHint()), "a", ["dropped setting .cache"]),
        (Text("a", extras={"x": 1, "=y": 2}), "a", ["dropped setting .extras.x"]),
        (
            Image(Inline("image/png", "QQ==")),
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}],
            [],
        ),
        (Image(FileRef("f")), None, ["dropped content "]),
        (
            Audio(Inline("audio/mp3", "QQ==")),
            [{"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}}],
            [],
        ),
        (Audio(Url("https://a/b")), None, ["dropped content "]),
        (Document(Plain("words")), "words", ["approximated setting "]),
        (Document(Inline("text/csv", TEXT)), "grüß", ["approximated setting "]),
        (
            Document(Inline("text/csv", "/w==")),
            [{"type": "file", "file": {"file_data": "data:text/csv;base64,/w==", "filename": "document.pdf"}}],
            [],
        ),
        (
            Document(Inline("application/pdf", "QQ=="), "a"),
            [{"type": "file", "file": {"file_data": PDF, "filename": "a"}}],
            [],
        ),
        (Document(Inline("video/mp4", "QQ==")), None, ["dropped content "]),
        (Document(Url("https://a/b")), None, ["dropped content "]),
        (Document(FileRef("f")), None, ["dropped content "]),
        (Opaque(Format.GEMINI, {}), None, ["dropped content "]),
        (ToolCall("i", "f"), None, ["dropped content "]),
    ],
)
def test_a_part_of_another_format_is_said_or_is_a_loss(part: Part, content: Any, losses: list[str]) -> None:
    body, found = foreign(user(part))
    assert body["messages"] == ([] if content is None else [{"role": "user", "content": content}])
    assert [f"{kind} {weight} {path.removeprefix('messages[0].parts[0]')}" for path, kind, weight in found] == losses


def test_several_texts_of_another_format_become_one_string_and_stay_apart_beside_others() -> None:
    assert foreign(user(Text("a"), Text(""), Text("b")))[0]["messages"] == [{"role": "user", "content": "a\n\nb"}]
    body, _ = foreign(user(Text("a"), Document(Plain("b"))))
    assert body["messages"][0]["content"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


def test_several_texts_of_this_format_stay_apart() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": ""}]
    assert returned({"role": "user", "content": content})["messages"][0]["content"] == content
