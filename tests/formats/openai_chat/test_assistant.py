"""What an assistant says, in conversations and in answers."""

from typing import Any

import msgspec
import pytest

from omniroute.formats.openai_chat.assistant import made_up, read_assistant
from omniroute.ir.parts import (
    CacheHint,
    Document,
    Image,
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
from omniroute.ir.response import GenerateResponse
from omniroute.names import Format
from tests.formats.openai_chat.passage import ELSEWHERE, HI, assistant, foreign, read, returned, said, user, whole

GEMINI = Signature(Format.GEMINI, "c2ln")
SIGNED = {"google": {"thought_signature": "c2ln"}}
CALL = {"id": "i", "type": "function", "function": {"name": "f", "arguments": "{}"}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://a/b"}}


@pytest.mark.parametrize(
    ("message", "parts", "left"),
    [
        ({"content": "a"}, [Text("a")], {}),
        ({"content": "", "refusal": "", "tool_calls": []}, [], {"=content": "", "=refusal": "", "=tool_calls": []}),
        ({"content": None, "new": 1}, [], {"new": 1}),
        ({"content": {"a": 1}}, [], {"content": {"a": 1}}),
        ({"content": "a", "refusal": "b"}, [Text("a"), Refusal("b")], {}),
        ({"content": "a", "reasoning_content": "t"}, [Thought("t"), Text("a")], {}),
        ({"reasoning": "t"}, [Thought("t", extras={"=names": ["reasoning"]})], {}),
        (
            {"reasoning": "t", "reasoning_content": "t"},
            [Thought("t", extras={"=names": ["reasoning_content", "reasoning"]})],
            {},
        ),
        ({"reasoning": "u", "reasoning_content": "t"}, [Thought("t")], {"reasoning": "u"}),
        ({"content": "a", "extra_content": SIGNED}, [Text("a", GEMINI)], {"=extra_content": SIGNED}),
        ({"extra_content": SIGNED}, [Text("", GEMINI)], {"=extra_content": SIGNED, "=content": None}),
        ({"extra_content": {"google": 1}}, [], {"extra_content": {"google": 1}}),
        ({"images": [PICTURE]}, [Image(Url("https://a/b"))], {}),
        ({"images": [{"url": 1}]}, [], {"images": [{"url": 1}]}),
        ({"images": [1]}, [], {"images": [1]}),
        ({"tool_calls": [CALL]}, [ToolCall("i", "f", "{}")], {}),
        (
            {"tool_calls": [{**CALL, "index": 0, "new": 1, "extra_content": SIGNED}]},
            [ToolCall("i", "f", "{}", signature=GEMINI, extras={"new": 1, "=index": 0, "=extra_content": SIGNED})],
            {},
        ),
        (
            {"tool_calls": [{**CALL, "cache_control": {"type": "ephemeral"}}]},
            [ToolCall("i", "f", "{}", cache=CacheHint())],
            {},
        ),
        (
            {
                "tool_calls": [
                    {"id": "", "type": "function", "function": {"name": "f", "arguments": {"a": 1}, "new": 2}}
                ]
            },
            [
                ToolCall(
                    *("call_source_0", "f", '{"a":1}'),
                    extras={
                        "function": {"new": 2},
                        "=function": {"name": "f", "arguments": {"a": 1}, "new": 2},
                        "=id": "",
                    },
                )
            ],
            {},
        ),
        (
            {"tool_calls": [{"id": "i", "type": "custom", "custom": {"name": "c", "input": "x"}}]},
            [ToolCall("i", "c", "x", custom=True)],
            {},
        ),
        ({"tool_calls": [CALL, 7]}, [], {"tool_calls": [CALL, 7]}),
        ({"tool_calls": [{"id": "i"}]}, [], {"tool_calls": [{"id": "i"}]}),
        ({"tool_calls": [{"function": {"name": 1}}]}, [], {"tool_calls": [{"function": {"name": 1}}]}),
        (
            {"function_call": {"name": "f"}},
            [ToolCall("call_source_0", "f", "", extras={"=function_call": True})],
            {"=function_call": {"name": "f"}},
        ),
        ({"function_call": {"name": ""}}, [], {"=function_call": {"name": ""}}),
    ],
)
def test_a_message_is_read_and_put_back(message: Any, parts: list[Part], left: dict[str, Any]) -> None:
    found = read_assistant({"role": "assistant", **message}, "source")
    assert (found.parts, found.left) == (parts, left)
    full = {"role": "assistant", "content": None, **message}
    answer = said(whole(full))[0]["choices"][0]["message"]
    assert answer == full
    if left.keys() & {"tool_calls"} or not isinstance(message.get("content"), str | None):
        return
    assert returned(HI, full)["messages"][1] == full


def test_a_call_without_arguments_that_this_format_gave_stays_so() -> None:
    call = {"id": "i", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert said(whole({"tool_calls": [call]}))[0]["choices"][0]["message"]["tool_calls"] == [call]


def test_made_up_ids_are_short_and_hold_nothing_that_formats_refuse() -> None:
    assert made_up("chatcmpl-" + "x" * 40, 3) == "call_" + "x" * 24 + "_3"
    assert made_up(1760000000, 0) == "call_1760000000_0"


@pytest.mark.parametrize(
    ("part", "message", "losses"),
    [
        (Thought("t"), None, ["messages[1].parts[0]"]),
        (Text("a", GEMINI), {"content": "a"}, ["messages[1].parts[0].signature"]),
        (Refusal("no", {"x": 1}), {"refusal": "no"}, ["messages[1].parts[0].extras.x"]),
        (Image(Url("https://a/b")), None, ["messages[1].parts[0]"]),
        (Document(Plain("a")), None, ["messages[1].parts[0]"]),
        (Opaque(Format.GEMINI, {}), None, ["messages[1].parts[0]"]),
        (
            ToolCall("i", "f", "", signature=GEMINI, cache=CacheHint()),
            {"tool_calls": [CALL]},
            ["messages[1].parts[0].signature", "messages[1].parts[0].cache"],
        ),
    ],
)
def test_for_an_upstream_another_formats_words_lose_what_not_every_server_takes(
    part: Part, message: Any, losses: list[str]
) -> None:
    body, found = foreign(user(Text("hi")), assistant(part))
    wanted = [] if message is None else [{"role": "assistant", "content": None, **message}]
    assert body["messages"][1:] == wanted
    assert [path for path, _, _ in found] == losses


@pytest.mark.parametrize(
    ("parts", "message", "losses"),
    [
        ((Text("a"), Text("b", extras={"x": 1})), {"content": "ab"}, [("parts[1].extras.x", "dropped")]),
        ((Text("a", GEMINI),), {"content": "a", "extra_content": SIGNED}, []),
        (
            (Text("a"), Text("", GEMINI)),
            {"content": "a", "extra_content": SIGNED},
            [("parts[1].signature", "approximated")],
        ),
        (
            (Text("a", GEMINI), Text("b", GEMINI)),
            {"content": "ab", "extra_content": SIGNED},
            [("parts[0].signature", "dropped"), ("parts[1].signature", "approximated")],
        ),
        ((Text("a", Signature(ELSEWHERE, "s")),), {"content": "a"}, [("parts[0].signature", "dropped")]),
        ((Refusal("a"), Refusal("b")), {"refusal": "ab"}, []),
        (
            (Thought("a", Signature(ELSEWHERE, "s"), extras={"x": 1}), Thought(""), Thought("b")),
            {"reasoning_content": "a\n\nb"},
            [("parts[0].extras.x", "dropped"), ("parts[0].signature", "dropped")],
        ),
        ((Image(Url("https://a/b")),), {"images": [PICTURE]}, []),
        ((ToolCall("i", "f", signature=GEMINI),), {"tool_calls": [{**CALL, "extra_content": SIGNED}]}, []),
        (
            (ToolCall("i", "c", custom=True),),
            {"tool_calls": [{"id": "i", "type": "custom", "custom": {"name": "c", "input": ""}}]},
            [],
        ),
        ((Document(Plain("a")),), {}, [("parts[0]", "dropped")]),
        ((Opaque(Format.GEMINI, {}),), {}, [("parts[0]", "dropped")]),
    ],
)
def test_a_client_gets_all_that_this_format_has_a_place_for(
    parts: tuple[Part, ...], message: Any, losses: list[tuple[str, str]]
) -> None:
    body, found = said(GenerateResponse(ELSEWHERE, parts))
    assert body["choices"][0]["message"] == {"role": "assistant", "content": None, **message}
    assert found == losses


def test_a_signature_of_another_format_travels_packed_on_a_call() -> None:
    call = ToolCall("i", "f", "{}", signature=Signature(ELSEWHERE, "s"))
    body, losses = said(GenerateResponse(ELSEWHERE, (call,)))
    again = read(HI, body["choices"][0]["message"]).messages[1].parts[0]
    assert msgspec.structs.replace(again, extras=None) == call
    assert losses == []


def test_a_picture_in_this_formats_conversation_is_put_back() -> None:
    message = {"role": "assistant", "content": None, "images": [PICTURE]}
    assert returned(HI, message)["messages"][1] == message
    assert read(HI, message).messages[1].parts == (Image(Url("https://a/b")),)
