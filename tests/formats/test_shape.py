"""What a combo or a policy makes of a request, in every format that has a place for it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats import CODECS
from omniroute.formats.codec import Place
from omniroute.formats.rethink import Rule
from omniroute.formats.shape import Shaping, Told, shaped, tool_name
from omniroute.ir.parts import Opaque, Text
from omniroute.ir.request import GenerateRequest, Message, Pin, Role, Tool, ToolChoice, ToolMode
from omniroute.names import Format
from tests.support.ir_values import requests

NEW = Shaping(system_message="Be brief.")
CHAT = Format.OPENAI_CHAT
FUNCTION = {"type": "object", "properties": {}}


def read(wire: Format, **body: Any) -> GenerateRequest:
    codec = CODECS[wire]
    return codec.read_request(codec.ask(json.dumps({"model": "c", **body}).encode(), Place("c", stream=False)))


def written(request: GenerateRequest, shaping: Shaping) -> dict[str, Any]:
    """Write what was made of a request in its own format; nothing of that is a loss."""
    render = CODECS[request.format].render_request
    assert render is not None
    rendered = render(shaped(request, shaping))
    assert rendered.losses == ()
    return rendered.body


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": FUNCTION}}


def chat(**more: Any) -> GenerateRequest:
    return read(CHAT, **({"messages": [{"role": "user", "content": "hi"}]} | more))


USER = {"role": "user", "content": "hi"}
TOLD = {"role": "system", "content": "Old."}
LATER = {"role": "system", "content": "Said in the midst of it."}
CASES: dict[Format, tuple[dict[str, Any], dict[str, Any]]] = {
    CHAT: (
        {"messages": [TOLD, {"role": "developer", "content": "Older."}, USER, LATER]},
        {"messages": [{"role": "system", "content": "Be brief."}, USER, LATER]},
    ),
    Format.OPENAI_RESPONSES: (
        {"instructions": "Old.", "input": [{"role": "developer", "content": "Older."}, USER]},
        {"instructions": "Be brief.", "input": [USER]},
    ),
    Format.ANTHROPIC_MESSAGES: (
        {"max_tokens": 9, "system": [{"type": "text", "text": "Old."}], "messages": [USER]},
        {"max_tokens": 9, "system": [{"type": "text", "text": "Be brief."}], "messages": [USER]},
    ),
    Format.GEMINI: (
        {"systemInstruction": {"parts": [{"text": "Old."}]}, "contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        },
    ),
    Format.OLLAMA: (
        {"messages": [TOLD, USER]},
        {"messages": [{"role": "system", "content": "Be brief."}, USER]},
    ),
}


def same(body: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Compare what was written with what was meant: one text may be said as a text or as a part."""
    meant = json.dumps(wanted, sort_keys=True)
    said = json.dumps({name: body.get(name) for name in wanted}, sort_keys=True)
    return said == meant or said.replace('[{"text": "hi", "type": "text"}]', '"hi"') == meant


@pytest.mark.parametrize("wire", CASES)
def test_a_system_message_takes_the_place_of_all_that_stands_before_the_conversation(wire: Format) -> None:
    body, wanted = CASES[wire]
    once = shaped(read(wire, **body), NEW)
    assert once.system == (Text("Be brief."),)
    assert same(written(read(wire, **body), NEW), wanted), written(read(wire, **body), NEW)


@pytest.mark.parametrize("wire", CASES)
def test_a_system_message_is_told_where_the_client_told_nothing(wire: Format) -> None:
    body, _ = CASES[wire]
    bare = {name: value for name, value in body.items() if name not in {"system", "systemInstruction", "instructions"}}
    for name in {"messages", "input"} & bare.keys():
        bare[name] = [each for each in bare[name] if each["role"] == "user"]
    assert shaped(read(wire, **bare), NEW).system == (Text("Be brief."),)
    assert [each.role for each in shaped(read(wire, **bare), NEW).messages] == [Role.USER]


@pytest.mark.parametrize("wire", CASES)
def test_an_empty_system_message_takes_the_clients_away(wire: Format) -> None:
    body, _ = CASES[wire]
    once = shaped(read(wire, **body), Shaping(system_message=""))
    assert once.system == ()
    assert once.messages[0].role is Role.USER
    assert "Old" not in json.dumps(written(read(wire, **body), Shaping(system_message="")))


TOOLS: dict[Format, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    CHAT: ([function("keep"), function("drop"), {"type": "web"}], [function("keep")]),
    Format.OPENAI_RESPONSES: (
        [
            {"type": "function", "name": "keep", "parameters": FUNCTION, "strict": True},
            {"type": "custom", "name": "drop"},
            {"type": "web_search"},
        ],
        [{"type": "function", "name": "keep", "parameters": FUNCTION, "strict": True}],
    ),
    Format.ANTHROPIC_MESSAGES: (
        [
            {"name": "keep", "input_schema": FUNCTION},
            {"name": "drop", "input_schema": FUNCTION},
            {"type": "web_search_20250305", "name": "keep_by_name_only"},
        ],
        [{"name": "keep", "input_schema": FUNCTION}],
    ),
    Format.GEMINI: (
        [{"functionDeclarations": [{"name": "keep"}, {"name": "drop"}]}, {"googleSearch": {}}],
        [{"functionDeclarations": [{"name": "keep"}]}],
    ),
    Format.OLLAMA: ([function("keep"), function("drop")], [function("keep")]),
}


@pytest.mark.parametrize("wire", TOOLS)
def test_tools_whose_names_do_not_match_are_left_out_and_hosted_ones_are_known_by_their_type(wire: Format) -> None:
    given_tools, left = TOOLS[wire]
    body = written(read(wire, **CASES[wire][0], tools=given_tools), Shaping(tool_filter="^keep$"))
    assert body["tools"] == left


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        (Tool("f"), "f"),
        (Opaque(CHAT, {"type": "web_search"}), "web_search"),
        (Opaque(Format.ANTHROPIC_MESSAGES, {"type": "bash_20250124", "name": "bash"}), "bash_20250124"),
        (Opaque(Format.GEMINI, {"googleSearch": {}}), "googleSearch"),
        (Opaque(Format.GEMINI, {}), ""),
        (Opaque(Format.OPENAI_RESPONSES, {"type": 3}), "type"),
    ],
)
def test_a_filter_sees_one_name_of_each_tool(tool: Tool | Opaque, name: str) -> None:
    assert tool_name(tool) == name


def test_a_filter_is_searched_for_and_need_not_be_the_whole_name() -> None:
    left = shaped(chat(tools=[function("mcp__git__log"), function("shell")]), Shaping(tool_filter="git|x"))
    assert [tool_name(each) for each in left.tools] == ["mcp__git__log"]


def test_a_request_in_which_nothing_is_left_out_is_given_back_itself() -> None:
    one = chat(tools=[function("a")], tool_choice="required")
    assert shaped(one, Shaping(tool_filter="a")) is one
    assert shaped(one, Shaping()) is one
    assert shaped(chat(), Shaping(tool_filter="^$")).tools == ()


def choice(asked: Any, *, wire: Format = CHAT, tools: list[dict[str, Any]] | None = None) -> ToolChoice | None:
    made = tools if tools is not None else [function("keep"), function("drop")]
    return shaped(read(wire, **CASES[wire][0], tools=made, tool_choice=asked), Shaping(tool_filter="^keep")).tool_choice


def test_a_choice_of_a_tool_that_is_left_out_becomes_auto() -> None:
    assert choice({"type": "function", "function": {"name": "drop"}}) == ToolChoice(ToolMode.AUTO)
    kept = choice({"type": "function", "function": {"name": "keep"}})
    assert kept == ToolChoice(ToolMode.NAMED, "keep")
    assert choice("required") == ToolChoice(ToolMode.REQUIRED)
    assert choice("none") == ToolChoice(ToolMode.NONE)


@pytest.mark.parametrize(
    ("wire", "asked", "tools"),
    [
        (
            CHAT,
            {"type": "allowed_tools", "allowed_tools": {"limit": 1, "mode": "required", "tools": [function("drop")]}},
            [function("keep"), function("drop")],
        ),
        (
            Format.OPENAI_RESPONSES,
            {"type": "web_search"},
            [{"type": "function", "name": "keep"}, {"type": "web_search"}],
        ),
        (
            Format.ANTHROPIC_MESSAGES,
            {"type": "tool", "name": "web_search"},
            [{"name": "keep"}, {"type": "web_search_20250305", "name": "web_search"}],
        ),
    ],
)
def test_a_choice_that_names_a_tool_in_its_formats_own_words_becomes_auto_with_it(
    wire: Format, asked: Any, tools: list[dict[str, Any]]
) -> None:
    assert choice(asked, wire=wire, tools=tools) == ToolChoice(ToolMode.AUTO)


def test_a_choice_among_tools_that_are_left_stays_as_it_is() -> None:
    allowed = {"mode": "required", "tools": [function("keep")]}
    kept = choice({"type": "allowed_tools", "allowed_tools": allowed})
    assert kept == ToolChoice(ToolMode.REQUIRED, extras={"allowed_tools": allowed})


def test_where_no_tool_is_left_none_is_chosen_and_none_is_called_beside_another() -> None:
    one = chat(tools=[function("drop")], tool_choice="required", parallel_tool_calls=False)
    left = shaped(one, Shaping(tool_filter="^keep"))
    assert (left.tools, left.tool_choice, left.parallel_tools) == ((), None, None)
    assert written(one, Shaping(tool_filter="^keep")) == {"messages": [USER]}


def test_a_hosted_tool_that_is_left_out_binds_the_request_to_its_format_no_more() -> None:
    tools = [{"type": "computer"}, {"type": "code"}, function("keep")]
    one = chat(tools=tools, plugins=[{"id": "web"}])
    assert {pin.feature for pin in one.pins} == {"tools: computer", "tools: code", "plugins"}
    left = shaped(one, Shaping(tool_filter="^(keep|code)"))
    assert {pin.feature for pin in left.pins} == {"tools: code", "plugins"}


def test_a_pin_stays_while_a_tool_of_the_same_name_is_left() -> None:
    hosted = [Opaque(Format.ANTHROPIC_MESSAGES, {"type": kind, "name": "bash"}) for kind in ("bash_1", "bash_2")]
    pins = (Pin("tools: bash", "it is run by the provider, not by the client"),)
    one = GenerateRequest(Format.ANTHROPIC_MESSAGES, "m", (), tools=tuple(hosted), pins=pins)
    assert shaped(one, Shaping(tool_filter="2$")).pins == pins
    assert shaped(one, Shaping(tool_filter="3$")).pins == ()


def test_what_is_said_of_a_namespace_moves_on_to_the_first_of_its_tools_that_is_left() -> None:
    inner = [{"type": "function", "name": name, "parameters": FUNCTION, "strict": True} for name in ("a", "b", "c")]
    space = {"type": "namespace", "name": "mcp", "description": "A server.", "tools": inner}
    one = read(Format.OPENAI_RESPONSES, input="hi", tools=[space])
    left = written(one, Shaping(tool_filter="^[bc]$"))
    assert left["tools"] == [{**space, "tools": inner[1:]}]
    assert written(one, Shaping(tool_filter="^a$"))["tools"] == [{**space, "tools": inner[:1]}]


FUNCTIONS = [{"name": "keep"}, {"name": "drop"}]


def test_the_forerunners_of_tools_are_left_out_as_well() -> None:
    one = chat(functions=FUNCTIONS, function_call={"name": "drop"})
    left = written(one, Shaping(tool_filter="^keep"))
    assert (left["functions"], "function_call" in left) == ([{"name": "keep"}], False)
    kept = shaped(chat(functions=FUNCTIONS, function_call="auto"), Shaping(tool_filter="^keep"))
    assert kept.extras == {"functions": [{"name": "keep"}], "function_call": "auto"}
    named = shaped(chat(functions=FUNCTIONS, function_call={"name": "keep"}), Shaping(tool_filter="^keep"))
    assert named.extras is not None
    assert named.extras["function_call"] == {"name": "keep"}
    assert {pin.feature for pin in kept.pins} == {"functions", "function_call"}


def test_where_no_function_is_left_nothing_of_them_is() -> None:
    left = shaped(chat(functions=FUNCTIONS, function_call="auto"), Shaping(tool_filter="^x"))
    assert (left.extras, left.pins) == (None, ())
    one = chat(functions=FUNCTIONS)
    assert shaped(one, Shaping(tool_filter="keep|drop")) is one


@given(
    st.sampled_from(list(CASES)).flatmap(requests),
    st.sampled_from(["", "a", "^x"]),
    st.sampled_from([None, "", "Be brief."]),
)
@settings(max_examples=60, deadline=None)
def test_nothing_else_of_a_request_changes(request: GenerateRequest, wanted: str, message: str | None) -> None:
    made = shaped(request, Shaping(message, wanted))
    touched = {"system", "messages", "tools", "tool_choice", "parallel_tools", "pins", "extras"}
    for name in set(request.__struct_fields__) - touched:
        assert getattr(made, name) == getattr(request, name)
    assert request.messages[len(request.messages) - len(made.messages) :] == made.messages
    assert message is None or not made.messages or made.messages[0].role in {Role.USER, Role.ASSISTANT}
    assert [tool_name(each) for each in made.tools] == [tool_name(each) for each in request.tools if _has(each, wanted)]
    assert shaped(made, Shaping(message, wanted)) == made


def _has(tool: Tool | Opaque, wanted: str) -> bool:
    name = tool_name(tool)
    return name.startswith("x") if wanted == "^x" else wanted in name


def test_messages_that_are_all_instructions_leave_no_conversation() -> None:
    one = GenerateRequest(CHAT, "m", (Message(Role.SYSTEM, (Text("Old."),)),))
    assert shaped(one, NEW) == msgspec.structs.replace(one, system=(Text("Be brief."),), messages=())


EXTRA = "Mind the law."


def told(wire: Format, mode: Any, body: dict[str, Any], text: str = EXTRA) -> dict[str, Any]:
    return written(read(wire, **body), Shaping(told=Told(mode, text)))


def bare(wire: Format) -> dict[str, Any]:
    """A request of a format in which nothing is told."""
    left = {
        name: value
        for name, value in CASES[wire][0].items()
        if name not in {"system", "systemInstruction", "instructions"}
    }
    return {
        name: [each for each in value if each["role"] == "user"] if isinstance(value, list) else value
        for name, value in left.items()
    }


@pytest.mark.parametrize("wire", CASES)
def test_what_a_policy_tells_stands_before_the_clients_instructions_or_behind_them(wire: Format) -> None:
    for mode, order in (("prepend", (EXTRA, "Old.")), ("append", ("Old.", EXTRA))):
        body = told(wire, mode, CASES[wire][0])
        instructions = body.get("system") or body.get("systemInstruction") or body
        said = json.dumps(instructions)
        assert said.index(order[0]) < said.index(order[1]), said
        later = json.dumps(body.get("messages") or body.get("input") or body.get("contents"))
        assert later.index('"hi"') > later.find(EXTRA)


@pytest.mark.parametrize("mode", ["prepend", "append", "replace"])
@pytest.mark.parametrize("wire", CASES)
def test_what_a_policy_tells_is_told_where_the_client_told_nothing(wire: Format, mode: Any) -> None:
    once = shaped(read(wire, **bare(wire)), Shaping(told=Told(mode, EXTRA)))
    assert once.system == (Text(EXTRA),)
    assert [each.role for each in once.messages] == [Role.USER]


@pytest.mark.parametrize("wire", CASES)
def test_a_policy_may_take_the_place_of_the_instructions(wire: Format) -> None:
    body = CASES[wire][0]
    assert told(wire, "replace", body) == written(read(wire, **body), Shaping(system_message=EXTRA))


def test_a_policys_words_are_put_to_those_of_the_combo() -> None:
    once = shaped(chat(messages=[TOLD, USER]), Shaping("Be brief.", told=Told("append", EXTRA)))
    assert once.system == (Text("Be brief."), Text(EXTRA))
    assert shaped(chat(messages=[TOLD, USER]), Shaping("Be brief.", told=Told("replace", EXTRA))).system == (
        Text(EXTRA),
    )


@pytest.mark.parametrize("mode", ["prepend", "append"])
def test_no_words_change_nothing(mode: Any) -> None:
    one = chat(messages=[TOLD, USER])
    assert shaped(one, Shaping(told=Told(mode, ""))) is one


@pytest.mark.parametrize(
    ("shaping", "tells"),
    [
        (Shaping(), False),
        (Shaping(""), False),
        (Shaping("x"), True),
        (Shaping(told=Told("append", "")), False),
        (Shaping(told=Told("append", "x")), True),
        (Shaping(tool_filter="x", thinking=Rule("auto")), False),
    ],
)
def test_a_shaping_says_whether_it_tells_anything(shaping: Shaping, tells: bool) -> None:
    assert shaping.tells is tells


def test_only_what_forces_thought_is_different_for_models_that_are_not_known_to_think() -> None:
    for rule in (None, Rule("auto"), Rule("custom", 9, asked_only=True)):
        shaping = Shaping("x", thinking=rule)
        assert shaping.unforced is shaping
    assert Shaping("x", thinking=Rule("custom", 9)).unforced == Shaping(
        "x", thinking=Rule("custom", 9, asked_only=True)
    )
