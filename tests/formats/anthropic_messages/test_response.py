"""Whole answers are read leniently, and come back as they were."""

import json
from typing import Any

import pytest

from omniroute.formats.anthropic_messages.response import answer, made_up_id, read_response, render_response
from omniroute.formats.codec import Answered
from omniroute.ir.complaint import Complaint
from omniroute.ir.parts import Opaque, Text, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind
from tests.formats.anthropic_messages.samples import CONTEXT, NEEDS_TRAFFIC, OTHER, OWN, expected, own, recorded
from tests.support.canonical.anthropic_messages import response as canonical


@pytest.mark.parametrize("case", own("response.json"), ids=lambda case: case.name)
def test_what_a_sample_says_of_itself_is_learnt(case: Any) -> None:
    found = answer((case / "response.json").read_bytes())
    wanted = expected(case)
    if "status" in wanted:
        assert found.complaint == Complaint(**{**wanted["complaint"], "status": None})
        return
    assert found == Answered(usage=Usage(**wanted["usage"]))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "the answer is empty"),
        (b"[]", "the answer is not a JSON object"),
        (b"{", "the answer is not a JSON object"),
        (b"{}", "the answer has no content"),
        (b'{"content":"text"}', "the answer has no content"),
    ],
)
def test_what_is_no_answer_gets_a_complaint(body: bytes, found: str) -> None:
    assert answer(body) == Answered(complaint=Complaint(message=found), trouble=FailureKind.MALFORMED)


@pytest.mark.parametrize(
    "body", [b'{"type":"error"}', b'{"content":[],"error":{"message":"m"}}', b'{"model":7,"error":"m"}']
)
def test_an_error_with_status_200_is_an_error(body: bytes) -> None:
    found = answer(body)
    assert found.complaint is not None
    assert found.trouble is None


def test_members_of_other_kinds_are_passed_over() -> None:
    assert answer(b'{"content":[],"model":7,"usage":7}') == Answered()
    assert read_response(b"7") == GenerateResponse(OWN, ())
    assert read_response(b'{"content":7,"stop_reason":7}') == GenerateResponse(OWN, (), extras={"=stop_reason": 7})


def test_a_block_that_is_not_what_its_type_says_is_kept_whole() -> None:
    body = b'{"id":"m","content":[7,{"type":"text"},{"type":"tool_use","name":"n","input":{}}]}'
    parts = read_response(body).parts
    assert parts == (Opaque(OWN, {"type": "text"}), ToolCall(made_up_id("m", 1), "n", "{}"))


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", Finish.STOP),
        ("stop_sequence", Finish.STOP),
        ("max_tokens", Finish.LENGTH),
        ("model_context_window_exceeded", Finish.LENGTH),
        ("tool_use", Finish.TOOLS),
        ("refusal", Finish.REFUSED),
        ("pause_turn", Finish.PAUSE),
        ("compaction", Finish.PAUSE),
        ("dreamt", Finish.OTHER),
        ("", None),
        (None, None),
    ],
)
def test_the_reason_why_it_ended_is_read_and_returns(reason: str | None, finish: Finish | None) -> None:
    body = json.dumps({"content": [], "stop_reason": reason}).encode()
    response = read_response(body)
    assert response.finish is finish
    assert json.loads(render_response(response, CONTEXT).body)["stop_reason"] == reason


@pytest.mark.parametrize(
    ("response", "members", "lost"),
    [
        (
            GenerateResponse(OTHER, ()),
            {
                "id": "msg_ours",
                "model": "a-model",
                "stop_reason": None,
                "usage": {"input_tokens": 0, "output_tokens": 0},
            },
            [],
        ),
        (
            GenerateResponse(OTHER, (), Finish.OTHER, "theirs", "their-model", 7, extras={"choices": 2}),
            {"id": "theirs", "model": "their-model", "stop_reason": "end_turn"},
            ["finish"],
        ),
        (
            GenerateResponse(OTHER, (Text("a"),), Finish.STOP, stop_sequence="x"),
            {"stop_reason": "stop_sequence", "stop_sequence": "x", "content": [{"type": "text", "text": "a"}]},
            [],
        ),
    ],
)
def test_an_answer_of_another_format_is_written(
    response: GenerateResponse, members: dict[str, Any], lost: list[str]
) -> None:
    said = render_response(response, CONTEXT)
    body = json.loads(said.body)
    assert (body["type"], body["role"]) == ("message", "assistant")
    assert {name: body[name] for name in members} == members
    assert [loss.path for loss in said.losses] == lost


@pytest.mark.parametrize(
    "case", [case for case in own("response.json") if "status" not in expected(case)], ids=lambda case: case.name
)
def test_a_sample_returns(case: Any) -> None:
    body = (case / "response.json").read_bytes()
    said = render_response(read_response(body), CONTEXT)
    assert canonical(json.loads(said.body)) == canonical(json.loads(body))
    assert said.losses == ()


@NEEDS_TRAFFIC
def test_recorded_answers_return() -> None:
    for body in recorded(stream=False):
        said = render_response(read_response(body), CONTEXT)
        assert canonical(json.loads(said.body)) == canonical(json.loads(body))
        assert answer(body).complaint is None
        assert answer(said.body) == answer(body)
