"""A request of any format is written as one of this format; what it cannot say is named."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from omniroute.formats.codec import Terms
from omniroute.formats.ollama.request_write import dress, render_request
from omniroute.ir.loss import LossKind
from omniroute.ir.parts import CacheHint, Image, Inline, Opaque, Part, Text, Thought, ToolCall, ToolResult, Url
from omniroute.ir.request import (
    GenerateRequest,
    Message,
    OutputSpec,
    Role,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    ToolMode,
)
from omniroute.names import Format

PNG = "iVBORw0KGgoAAAAN"
HI = Message(Role.USER, (Text("hi"),))
ASKED = GenerateRequest(Format.ANTHROPIC_MESSAGES, "claude", (HI,))
CALL = ToolCall("c1", "f", "{}")


def body(**more: Any) -> dict[str, Any]:
    return render_request(replace(ASKED, **more)).body


def paths(**more: Any) -> list[str]:
    return [loss.path for loss in render_request(replace(ASKED, **more)).losses]


def messages(*said: Message, **more: Any) -> Any:
    return body(messages=said, **more)["messages"]


def test_the_least_request_is_written() -> None:
    rendered = render_request(ASKED)
    assert rendered.body == {"messages": [{"role": "user", "content": "hi"}], "stream": False}
    assert rendered.losses == ()
    assert json.loads(dress(rendered.body, Terms("llama3", max_output=7))) == {"model": "llama3", **rendered.body}


def test_settings_have_their_places() -> None:
    sampling = Sampling(0.5, 0.9, 4, 1, -1, 7)
    assert body(sampling=sampling, stop=("a",), max_output=9, stream=True)["options"] == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 4,
        "presence_penalty": 1,
        "frequency_penalty": -1,
        "seed": 7,
        "stop": ["a"],
        "num_predict": 9,
    }


def test_instructions_open_the_messages_and_a_developer_is_a_system() -> None:
    said = messages(Message(Role.DEVELOPER, (Text("c"),)), HI, system=(Text("a"), Text("b", cache=CacheHint())))
    assert said == [
        {"role": "system", "content": "a\nb"},
        {"role": "system", "content": "c"},
        {"role": "user", "content": "hi"},
    ]
    assert paths(system=(Text("b", cache=CacheHint()),)) == ["system[0].cache"]


def test_a_developer_stays_one_in_the_same_format_and_so_does_an_unknown_role() -> None:
    own = {"format": Format.OLLAMA}
    assert messages(Message(Role.DEVELOPER, ()), **own) == [{"role": "developer", "content": ""}]
    control = Message(Role.SYSTEM, (Text("x"),), {"=role": "control", "name": "n"})
    assert messages(control, **own) == [{"role": "control", "content": "x", "name": "n"}]
    assert messages(control) == [{"role": "system", "content": "x"}]
    assert paths(messages=(control,)) == ["messages[0].extras.name"]


def test_each_result_is_a_message_of_its_own_in_its_place() -> None:
    user = Message(
        Role.USER,
        (
            ToolResult("c1", (Text("a"), Text("b")), is_error=True, cache=CacheHint()),
            ToolResult("c2", (Image(Inline("image/png", PNG)),), name="g"),
            Text("and"),
            Text("so"),
        ),
    )
    assistant = Message(Role.ASSISTANT, (CALL, ToolCall("c2", "g", "{}")))
    assert messages(assistant, user)[1:] == [
        {"role": "tool", "content": "a\nb", "tool_name": "f", "tool_call_id": "c1"},
        {"role": "tool", "content": "", "images": [PNG], "tool_name": "g", "tool_call_id": "c2"},
        {"role": "user", "content": "and\nso"},
    ]
    assert paths(messages=(assistant, user)) == ["messages[1].parts[0].cache", "messages[1].parts[0].is_error"]
    assert messages(Message(Role.USER, (Text("x"), ToolResult("?")))) == [
        {"role": "user", "content": "x"},
        {"role": "tool", "content": "", "tool_call_id": "?"},
    ]


def test_a_made_up_id_and_a_tool_that_was_not_named_are_not_written_back() -> None:
    result = Message(Role.USER, (ToolResult("c1", (Text("a"),), extras={"=tool_call_id": ""}),))
    said = messages(Message(Role.ASSISTANT, (CALL,)), result, format=Format.OLLAMA)
    assert said[1] == {"role": "tool", "content": "a"}


def test_an_assistant_speaks_in_several_messages_where_one_would_change_the_order() -> None:
    parts: tuple[Part, ...] = (Thought("t"), Text("a"), Text("b"), CALL, Text("c"), Thought("u"), ToolCall("c2", "g"))
    said = messages(Message(Role.ASSISTANT, parts))
    assert [(each.get("thinking"), each["content"], len(each.get("tool_calls", ()))) for each in said] == [
        ("t", "ab", 1),
        (None, "c", 0),
        ("u", "", 1),
    ]
    assert paths(messages=(Message(Role.ASSISTANT, parts),)) == []


def test_images_stand_before_a_users_words() -> None:
    message = Message(Role.USER, (Text("see"), Image(Inline("image/png", PNG))))
    assert messages(message) == [{"role": "user", "content": "see", "images": [PNG]}]
    assert paths(messages=(message,)) == ["messages[0].parts"]


def test_a_message_of_which_nothing_can_be_said_is_left_out() -> None:
    message = Message(Role.USER, (Image(Url("https://example.com/a.png")),))
    assert messages(message, HI) == [{"role": "user", "content": "hi"}]
    assert paths(messages=(message, HI)) == ["messages[0].parts[0]"]


def test_tools_are_functions_and_hosted_ones_are_named() -> None:
    tool = Tool("f", "d", {"type": "object"}, strict=True, cache=CacheHint(), extras={"x": 1})
    hosted = Opaque(Format.ANTHROPIC_MESSAGES, {"type": "web_search_20250305"})
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    assert body(tools=(tool, hosted))["tools"] == [{"type": "function", "function": function}]
    assert paths(tools=(tool, hosted)) == ["tools[0].strict", "tools[0].cache", "tools[0].extras.x", "tools[1]"]
    assert "tools" not in body(tools=(hosted,))


def test_a_tools_own_members_are_put_back() -> None:
    tool = Tool("f", extras={"note": 1, "function.strict": True})
    written = body(tools=(tool,), format=Format.OLLAMA)["tools"]
    assert written == [{"type": "function", "function": {"name": "f", "strict": True}, "note": 1}]


@pytest.mark.parametrize(
    ("choice", "lost"),
    [
        (ToolChoice(ToolMode.AUTO), []),
        (ToolChoice(ToolMode.REQUIRED, extras={"x": 1}), ["tool_choice", "tool_choice.extras.x"]),
        (ToolChoice(ToolMode.NAMED, "f"), ["tool_choice"]),
        (ToolChoice(ToolMode.NONE), ["tool_choice", "tools"]),
    ],
)
def test_whether_tools_are_called_is_the_models_matter(choice: ToolChoice, lost: list[str]) -> None:
    assert paths(tools=(Tool("f"),), tool_choice=choice) == lost
    assert ("tools" in body(tools=(Tool("f"),), tool_choice=choice)) is (choice.mode is not ToolMode.NONE)


def test_without_tools_none_need_be_forbidden() -> None:
    assert paths(tool_choice=ToolChoice(ToolMode.NONE)) == []


@pytest.mark.parametrize(
    ("output", "said", "lost"),
    [
        (OutputSpec(), "json", []),
        (OutputSpec({"type": "object"}, strict=False), {"type": "object"}, []),
        (
            OutputSpec({}, "n", "d", strict=True, extras={"x": 1}),
            {},
            ["output.name", "output.description", "output.strict", "output.extras.x"],
        ),
    ],
)
def test_the_form_of_the_answer_is_written(output: OutputSpec, said: object, lost: list[str]) -> None:
    assert body(output=output)["format"] == said
    assert paths(output=output) == lost


@pytest.mark.parametrize(
    ("thinking", "think", "lost"),
    [
        (Thinking(), None, []),
        (Thinking(enabled=True, visible=True), True, []),
        (Thinking(enabled=False, effort="high", visible=False), False, []),
        (Thinking(effort="none"), False, []),
        (Thinking(budget=0), False, []),
        (Thinking(effort="high"), True, ["thinking.effort"]),
        (Thinking(enabled=True, budget=4096, visible=False), True, ["thinking.budget", "thinking.visible"]),
        (Thinking(extras={"x": 1}), None, ["thinking.extras.x"]),
    ],
)
def test_of_thinking_only_yes_and_no_are_said(thinking: Thinking, think: bool | None, lost: list[str]) -> None:
    assert body(thinking=thinking).get("think") is think
    assert paths(thinking=thinking) == lost


@pytest.mark.parametrize("think", [True, False, "low"])
def test_what_was_said_of_thinking_in_this_format_is_said_again(think: bool | str) -> None:
    thinking = Thinking(effort=think) if isinstance(think, str) else Thinking(enabled=think)
    assert body(thinking=thinking, format=Format.OLLAMA)["think"] == think


def test_other_settings_are_named_where_they_ask_for_more_than_is_always_so() -> None:
    assert paths(parallel_tools=True) == []
    assert paths(parallel_tools=False, end_user="u", extras={"x": 1, "=y": 2}) == [
        "parallel_tools",
        "end_user",
        "extras.x",
    ]


def test_what_was_not_modelled_is_put_back_in_the_same_format() -> None:
    extras = {"keep_alive": 0, "options.num_ctx": 8, "=options.num_predict": -1}
    written = body(format=Format.OLLAMA, extras=extras)
    assert (written["keep_alive"], written["options"]) == (0, {"num_ctx": 8, "num_predict": -1})
    assert set(written) == {"messages", "stream", "options", "keep_alive"}


def test_a_loss_of_content_is_told_from_one_of_manner() -> None:
    rendered = render_request(replace(ASKED, thinking=Thinking(effort="high")))
    assert [loss.kind for loss in rendered.losses] == [LossKind.APPROXIMATED]
