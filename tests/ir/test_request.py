"""What a client asks: its instructions, and the names of the tools that it answers for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.ir.parts import Part, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, Message, Role, leading_system, tool_names
from omniroute.names import Format
from tests.support.ir_values import WIRES, requests
from tests.support.laws import often

every_request = st.sampled_from(WIRES).flatmap(requests)
SYSTEM = Message(Role.SYSTEM, (Text("Be brief."),))
DEVELOPER = Message(Role.DEVELOPER, (Text("Answer in French."), Text("Always.")))
USER = Message(Role.USER, (Text("Hello"),))


def asked(*messages: Message, system: tuple[Part, ...] = ()) -> GenerateRequest:
    return GenerateRequest(Format.OPENAI_CHAT, "m", messages, system)


@pytest.mark.parametrize(
    ("request_", "parts", "left"),
    [
        (asked(), (), ()),
        (asked(USER), (), (USER,)),
        (asked(SYSTEM), SYSTEM.parts, ()),
        (asked(SYSTEM, DEVELOPER, USER), (*SYSTEM.parts, *DEVELOPER.parts), (USER,)),
        (asked(USER, SYSTEM), (), (USER, SYSTEM)),
        (asked(SYSTEM, USER, system=(Text("First."),)), (Text("First."), *SYSTEM.parts), (USER,)),
    ],
)
def test_instructions_are_those_before_the_conversation(
    request_: GenerateRequest, parts: tuple[Part, ...], left: tuple[Message, ...]
) -> None:
    assert leading_system(request_) == (parts, left)


@given(every_request)
@settings(max_examples=often(100), deadline=None)
def test_nothing_is_lost_between_instructions_and_conversation(request: GenerateRequest) -> None:
    parts, left = leading_system(request)
    hoisted = request.messages[: len(request.messages) - len(left)]
    assert parts == (*request.system, *(part for message in hoisted for part in message.parts))
    assert (*hoisted, *left) == request.messages


@given(every_request)
@settings(max_examples=often(100), deadline=None)
def test_every_result_in_the_conversation_has_its_tools_name(request: GenerateRequest) -> None:
    found = tool_names(request)
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    assert {part.id for part in results} <= set(found)


def test_a_tool_is_known_by_the_id_of_its_call() -> None:
    calls = Message(Role.ASSISTANT, (ToolCall("1", "f"), Text("and"), ToolCall("2", "g")))
    assert tool_names(asked(USER, calls)) == {"1": "f", "2": "g"}
    assert tool_names(asked(USER)) == {}


def test_a_request_says_nothing_that_its_client_did_not_say() -> None:
    request = asked(USER)
    assert not any((request.system, request.tools, request.stop, request.pins, request.extras, request.stream))
    assert {getattr(request.sampling, name) for name in request.sampling.__struct_fields__} == {None}
