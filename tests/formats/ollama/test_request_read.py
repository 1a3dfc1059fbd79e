"""A request is read into the IR; what is not modelled is kept under its own name."""

import json
from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Place
from omniroute.formats.ollama.head import ask
from omniroute.formats.ollama.request_read import read_request
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Message, OutputSpec, Role, Sampling, Thinking, Tool
from omniroute.names import Format

HI = {"role": "user", "content": "hi"}


def read(**body: Any) -> GenerateRequest:
    return read_request(ask(json.dumps({"model": "m", "messages": [HI], **body}).encode(), Place()))


def test_the_least_request_says_only_what_it_says() -> None:
    messages = (Message(Role.USER, (Text("hi"),)),)
    assert read() == GenerateRequest(Format.OLLAMA, "m", messages, stream=True)
    assert read(options=None, tools=None, format="", think=None, keep_alive=None) == read()


def test_options_are_settings_and_others_are_kept_by_name() -> None:
    options = {
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 4,
        "presence_penalty": -1,
        "frequency_penalty": 1.5,
        "seed": 7.0,
    }
    request = read(options={**options, "stop": ["a", "b"], "num_predict": 9, "num_ctx": 10, "numa": None}, keep_alive=0)
    assert request.sampling == Sampling(0, 0.5, 4, -1, 1.5, 7)
    assert (request.stop, request.max_output) == (("a", "b"), 9)
    assert request.extras == {"keep_alive": 0, "options.num_ctx": 10}


@pytest.mark.parametrize("limit", [-1, -2, 0])
def test_no_limit_on_the_answer_is_none(limit: int) -> None:
    request = read(options={"num_predict": limit})
    assert (request.max_output, request.extras) == (None, {"=options.num_predict": limit})


def test_one_stop_sequence_may_stand_alone() -> None:
    assert read(options={"stop": "end"}).stop == ("end",)


@pytest.mark.parametrize(
    ("value", "output"),
    [("json", OutputSpec()), ({"type": "object"}, OutputSpec(schema={"type": "object"})), ({}, OutputSpec(schema={}))],
)
def test_the_form_of_the_answer_is_read(value: object, output: OutputSpec) -> None:
    assert read(format=value).output == output


@pytest.mark.parametrize(
    ("value", "thinking"),
    [(True, Thinking(enabled=True)), (False, Thinking(enabled=False)), ("high", Thinking(effort="high"))],
)
def test_how_much_to_think_is_read(value: object, thinking: Thinking) -> None:
    assert read(think=value).thinking == thinking


def test_tools_are_functions() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True, "none": None}
    odd = {"function": {"name": "g", "description": ["d"]}, "type": "function", "note": 1}
    assert read(tools=[{"type": "function", "function": function}, odd]).tools == (
        Tool("f", "d", {"type": "object"}, extras={"function.strict": True}),
        Tool("g", extras={"note": 1, "function.description": ["d"]}),
    )


def test_a_request_without_messages_loads_a_model() -> None:
    request = read(messages=[], keep_alive=-1)
    assert [pin.feature for pin in request.pins] == ["messages: none"]
    assert [pin.feature for pin in read(messages=[{"role": "control"}]).pins] == ["role: control"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": ["hi"]}, "messages[0]"),
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools[0]"),
        ({"tools": [{"function": {}}]}, "tools[0]"),
        ({"options": []}, "options"),
        ({"options": {"temperature": "hot"}}, "options.temperature"),
        ({"options": {"top_p": True}}, "options.top_p"),
        ({"options": {"seed": 1.5}}, "options.seed"),
        ({"options": {"stop": [1]}}, "options.stop"),
        ({"options": {"stop": 1}}, "options.stop"),
        ({"format": "xml"}, "format"),
        ({"think": "a lot"}, "think"),
        ({"think": 1}, "think"),
    ],
)
def test_what_cannot_be_understood_is_malformed_and_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Malformed) as raised:
        read(**body)
    assert raised.value.param == param


def test_a_body_that_is_no_object_is_malformed() -> None:
    with pytest.raises(Malformed):
        read_request(Asked("m", True, True, b"[]", ()))


def test_half_a_surrogate_pair_is_let_be() -> None:
    body = b'{"model": "m", "messages": [{"role": "user", "content": "half \\ud83d"}]}'
    assert read_request(ask(body, Place())).messages[0].parts == (Text("half \ud83d"),)
