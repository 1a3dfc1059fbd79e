"""Whole answers; that they come back as they were is the law of Return's."""

import json
from typing import Any

import pytest

from omniroute.formats.gemini.response import answer, read_response, render_response
from omniroute.ir.parts import Opaque, Signature, Text, Thought, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format
from tests.formats.gemini.asking import CONTEXT, FOREIGN


def body(*parts: Any, **candidate: Any) -> bytes:
    return json.dumps({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP", **candidate}]}).encode()


@pytest.mark.parametrize(
    ("sent", "message", "trouble"),
    [
        (b"", "the answer is empty", FailureKind.MALFORMED),
        (b"[]", "the answer is not a JSON object", FailureKind.MALFORMED),
        (b"{}", "the answer has no candidates", FailureKind.MALFORMED),
        (b'{"promptFeedback":{"safetyRatings":[]}}', "the answer has no candidates", FailureKind.MALFORMED),
        (b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}', "busy", None),
        (b'[{"error":{"code":503,"message":"busy"}}]', "busy", None),
    ],
)
def test_what_is_no_answer_gets_a_complaint(sent: bytes, message: str, trouble: FailureKind | None) -> None:
    found = answer(sent)
    assert found.complaint is not None
    assert (found.complaint.message, found.trouble) == (message, trouble)


def test_an_answer_tells_its_usage() -> None:
    found = answer(b'{"candidates":[{}],"usageMetadata":{"promptTokenCount":3}}')
    assert (found.usage, found.complaint) == (Usage(input=3), None)


def test_a_refused_prompt_is_a_refused_answer() -> None:
    sent = b'{"promptFeedback":{"blockReason":"SAFETY"}}'
    assert answer(sent).complaint is None
    found = read_response(sent)
    assert (found.parts, found.finish) == ((), Finish.REFUSED)
    assert json.loads(render_response(found, CONTEXT).body) == json.loads(sent)


def test_calls_without_ids_get_some_that_tell_answers_apart() -> None:
    call = {"functionCall": {"name": "f"}}
    one = read_response(b'{"responseId":"abc",' + body(call, call)[1:])
    assert [part.id for part in one.parts if isinstance(part, ToolCall)] == ["call_abc_0", "call_abc_1"]
    assert one.finish is Finish.TOOLS
    two, three = read_response(body(call)), read_response(body(call, "x"))
    assert isinstance(two.parts[0], ToolCall)
    assert isinstance(three.parts[0], ToolCall)
    assert two.parts[0].id != three.parts[0].id
    assert two == read_response(body(call))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2026-08-19T14:34:21.877166Z", 1_787_150_061),
        ("2026-08-19T14:34:21", 1_787_150_061),
        ("soon", None),
        (3, None),
        (None, None),
    ],
)
def test_the_time_is_read(written: Any, seconds: int | None) -> None:
    found = read_response(json.dumps({"candidates": [{}], "createTime": written}).encode())
    assert (found.created, found.finish) == (seconds, None)


def test_sources_stand_with_the_text_that_they_are_about_and_come_back_to_the_candidate() -> None:
    sent = body(
        {"text": "a"}, {"text": "b"}, {"functionCall": {"id": "1", "name": "f", "args": {}}}, groundingMetadata={"x": 1}
    )
    found = read_response(sent)
    assert [getattr(part, "extras", None) for part in found.parts] == [
        None,
        {"candidate.groundingMetadata": {"x": 1}},
        None,
    ]
    back = json.loads(render_response(found, CONTEXT).body)["candidates"][0]
    assert back["groundingMetadata"] == {"x": 1}
    assert back["content"]["parts"][1] == {"text": "b"}
    without = read_response(body(citationMetadata={"y": 1}))
    assert without.extras is not None
    assert without.extras["candidate.citationMetadata"] == {"y": 1}


def test_further_candidates_and_odd_members_are_kept() -> None:
    value = {
        "candidates": [
            {"content": {"role": "model", "parts": [], "c": 1}, "finishReason": "STOP", "d": 2, "index": 0},
            {"e": 3},
        ],
        "f": 4,
        "createTime": "2026-08-19T14:34:21Z",
        "usageMetadata": {"trafficType": "X"},
    }
    found = read_response(json.dumps(value).encode())
    assert json.loads(render_response(found, CONTEXT).body) == value


def test_an_answer_of_another_format_is_said() -> None:
    other = Signature(FOREIGN, "sig")
    response = GenerateResponse(
        FOREIGN,
        (Thought("hm", other), Text("a", extras={"citations": []}), ToolCall("1", "f", '{"x":1}'), Opaque(FOREIGN, {})),
        Finish.TOOLS,
        usage=Usage(3, 4),
        extras={"x": 1},
    )
    said = render_response(response, CONTEXT)
    value = json.loads(said.body)
    assert value == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {
                            "text": "hm",
                            "thought": True,
                            "thoughtSignature": value["candidates"][0]["content"]["parts"][0]["thoughtSignature"],
                        },
                        {"text": "a"},
                        {"functionCall": {"id": "1", "name": "f", "args": {"x": 1}}},
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
        "modelVersion": "a-model",
        "responseId": "request-1",
    }
    assert [loss.path for loss in said.losses] == ["parts[1].extras.citations", "parts[3]"]
    back = read_response(said.body)
    assert isinstance(back.parts[0], Thought)
    assert back.parts[0].signature == other


def test_what_another_format_says_of_itself_is_kept_and_a_pause_is_a_loss() -> None:
    said = render_response(GenerateResponse(FOREIGN, (), Finish.PAUSE, "id", "model"), CONTEXT)
    value = json.loads(said.body)
    assert (value["responseId"], value["modelVersion"]) == ("id", "model")
    assert [loss.path for loss in said.losses] == ["finish"]
    assert (
        "finishReason" not in json.loads(render_response(GenerateResponse(FOREIGN, ()), CONTEXT).body)["candidates"][0]
    )
    assert read_response(said.body).format is Format.GEMINI
