"""Whole answers, read and written."""

import json
from typing import Any

import pytest
from openai.types.responses import Response

from omniroute.formats.openai_responses.response import answer, failure, read_response, render_response
from omniroute.ir.complaint import Complaint
from omniroute.ir.parts import Opaque, Part, Refusal, Text, Thought, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind
from tests.formats.openai_responses.exchange import CHAT, OWN, asked, context, paths, sample
from tests.support.canonical import openai_responses as canonical

CASES = sorted(path.parent.name for path in OWN.glob("*/response.json"))
ANSWERS = [case for case in CASES if answer(sample(case, "response.json")).complaint is None]


@pytest.mark.parametrize("case", ANSWERS)
def test_a_sample_comes_back(case: str) -> None:
    body = sample(case, "response.json")
    said = render_response(read_response(body), context(asked()))
    assert canonical.response(json.loads(said.body)) == canonical.response(json.loads(body))
    assert said.losses == ()


def test_only_failures_are_no_answers() -> None:
    assert sorted(set(CASES) - set(ANSWERS)) == ["error-401", "failed"]


@pytest.mark.parametrize(
    ("body", "message", "trouble"),
    [
        (b"", "the answer is empty", FailureKind.MALFORMED),
        (b"[]", "the answer is not a JSON object", FailureKind.MALFORMED),
        (b"{}", "the answer has no output", FailureKind.MALFORMED),
        (b'{"output":{}}', "the answer has no output", FailureKind.MALFORMED),
        (b'{"error":{"message":"no"}}', "no", None),
        (b'{"error":"no"}', "no", None),
        (b'{"object":"error","message":"no"}', "no", None),
        (b'{"status":"failed"}', "the answer is failed, and says no more", None),
        (b'{"status":"cancelled","output":[]}', "the answer is cancelled, and says no more", None),
        (b'{"status":"failed","error":{"code":"server_error"}}', "", None),
    ],
)
def test_what_is_no_answer_gets_a_complaint(body: bytes, message: str, trouble: FailureKind | None) -> None:
    found = answer(body)
    assert found.complaint is not None
    assert (found.complaint.message, found.trouble) == (message, trouble)


def test_an_answer_that_is_not_complete_is_an_answer() -> None:
    found = answer(b'{"status":"queued","output":[],"usage":{"input_tokens":1,"output_tokens":0}}')
    assert (found.complaint, found.usage) == (None, Usage(1))
    assert failure({"status": ["failed"], "error": None}) is None
    assert failure({"error": {"message": "x", "code": "c"}}) == Complaint(message="x", code="c")


@pytest.mark.parametrize(
    ("case", "kinds", "finish"),
    [
        ("text", [Text], Finish.STOP),
        ("tools", [ToolCall], Finish.TOOLS),
        ("tools-custom", [ToolCall], Finish.TOOLS),
        ("refusal", [Refusal], Finish.REFUSED),
        ("length", [Text], Finish.LENGTH),
        ("content-filter", [Text], Finish.REFUSED),
        ("reasoning-encrypted", [Thought, ToolCall], Finish.TOOLS),
        ("web-search", [Thought, Opaque, Text], Finish.STOP),
        ("unknown-fields", [Opaque, Text, Opaque], Finish.STOP),
    ],
)
def test_an_answer_is_read(case: str, kinds: list[type], finish: Finish) -> None:
    response = read_response(sample(case, "response.json"))
    assert [type(part) for part in response.parts] == kinds
    assert response.finish is finish
    assert response.created == 1_760_000_000


@pytest.mark.parametrize(
    ("told", "created"), [(1.5, 1), (True, None), ("now", None), (float(2**60), None), (None, None), (7, 7)]
)
def test_a_time_is_read_however_it_is_written(told: Any, created: int | None) -> None:
    body = json.dumps({"output": [], "created_at": told, "status": "completed"}).encode()
    response = read_response(body)
    assert response.created == created
    if isinstance(told, float):
        assert json.loads(render_response(response, context()).body)["created_at"] == told


def test_odd_items_are_passed_over_or_kept() -> None:
    items: list[Any] = [
        7,
        {"type": "message"},
        {"type": "message", "content": [None, "x", {"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "name": "f"},
    ]
    body = json.dumps({"id": "resp_1", "output": items}).encode()
    response = read_response(body)
    assert [type(part) for part in response.parts] == [Opaque, Opaque, Refusal, ToolCall]
    assert response.parts[3] == ToolCall("call_resp_1_3", "f")
    assert response.finish is Finish.TOOLS


@pytest.mark.parametrize(
    ("parts", "more", "status", "lost"),
    [
        ((Text("a"),), {"finish": Finish.STOP}, "completed", []),
        ((Text("a"),), {"finish": None}, "completed", []),
        ((Text("a"),), {"finish": Finish.LENGTH}, "incomplete", []),
        ((Text("a"),), {"finish": Finish.PAUSE}, "incomplete", ["finish approximated setting"]),
        ((Text("a"),), {"finish": Finish.STOP, "stop_sequence": "x"}, "completed", ["stop_sequence dropped setting"]),
        ((ToolCall("c", "f"),), {"finish": Finish.STOP}, "completed", ["finish approximated setting"]),
    ],
)
def test_an_answer_of_another_format_is_a_whole_response(
    parts: tuple[Part, ...], more: dict[str, Any], status: str, lost: list[str]
) -> None:
    said = render_response(GenerateResponse(CHAT, parts, usage=Usage(1, 2), extras={"x": 1}, **more), context())
    whole = json.loads(said.body)
    assert Response.model_validate(whole).status == status
    assert whole["output"][-1]["status"] == ("incomplete" if status == "incomplete" else "completed")
    assert "x" not in whole
    assert paths(said.losses) == lost
