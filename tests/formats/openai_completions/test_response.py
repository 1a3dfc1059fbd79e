"""A whole answer is read and written."""

import json
from typing import Any

import pytest
from msgspec.structs import replace
from openai.types import Completion

from omniroute.formats.codec import Answered, Context
from omniroute.formats.openai_completions.response import answer, read_response, render_response
from omniroute.ir.complaint import Complaint
from omniroute.ir.parts import Text, Thought, ToolCall
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format
from tests.formats.openai_completions.samples import expected, own

CONTEXT = Context(GenerateRequest(Format.OPENAI_COMPLETIONS, "m", ()), "req-1", "upstream", 1_700_000_000_123_456)
SAID = GenerateResponse(Format.ANTHROPIC_MESSAGES, (Text("hi"),), Finish.STOP)


def rendered(response: GenerateResponse) -> Any:
    body = render_response(response, CONTEXT).body
    if response.finish is not None:
        Completion.model_validate_json(body, strict=True)
    return json.loads(body)


@pytest.mark.parametrize("sample", own("response.json"), ids=lambda sample: sample.name)
def test_our_own_answers_give_what_is_expected(sample: Any) -> None:
    wanted = expected(sample.name)
    found = answer(sample.body)
    if "status" in wanted:
        assert found.complaint == Complaint(**{**wanted["complaint"], "status": None})
        return
    assert found == Answered(usage=Usage(**wanted["usage"]))


@pytest.mark.parametrize("body", [b"", b"[]", b"text", b"{}", b'{"choices": []}', b'{"choices": [1]}'])
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    found = answer(body)
    assert found.trouble is FailureKind.MALFORMED
    assert found.complaint is not None


def test_an_error_with_status_200_is_the_upstreams_complaint() -> None:
    assert answer(b'{"object": "error", "message": "no"}') == Answered(complaint=Complaint(message="no"))


def test_the_first_choice_is_the_answer_and_others_are_kept() -> None:
    choices = [{"text": "a", "index": 0, "finish_reason": "stop"}, {"text": "b", "index": 1}]
    body = json.dumps({"id": "i", "created": 5, "model": "n", "choices": choices, "x": 1}).encode()
    assert read_response(body) == GenerateResponse(
        Format.OPENAI_COMPLETIONS,
        (Text("a"),),
        Finish.STOP,
        id="i",
        model="n",
        created=5,
        extras={"x": 1, "choices": [choices[1]]},
    )


def test_words_of_the_format_itself_are_kept_and_preferred() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 9}
    choice = {"text": "a", "index": 0, "finish_reason": "abort", "logprobs": {"tokens": ["a"]}}
    body = {"id": "i", "object": "text_completion", "created": 5, "model": "n", "choices": [choice], "usage": usage}
    response = read_response(json.dumps(body).encode())
    assert response.extras == {"=finish_reason": "abort", "=usage": usage}
    assert response.parts == (Text("a", extras={"logprobs": {"tokens": ["a"]}}),)
    said = render_response(response, CONTEXT)
    assert (json.loads(said.body), said.losses) == (body, ())


def test_an_answer_without_words_has_no_part_unless_something_stands_beside_them() -> None:
    assert read_response(b'{"choices": [{"text": "", "finish_reason": null}]}').parts == ()
    assert read_response(b'{"choices": [{"logprobs": {}}]}').parts == (Text(extras={"logprobs": {}}),)
    assert read_response(b"[]").parts == ()


def test_an_answer_of_another_format_is_written() -> None:
    parts = (Thought("hm"), Text("hi"), Text(" you"), ToolCall("c", "f"))
    response = replace(SAID, parts=parts, usage=Usage(3, 4, 5), finish=Finish.TOOLS, extras={"x": 1})
    assert rendered(response) == {
        "id": "req-1",
        "object": "text_completion",
        "created": 1_700_000_000,
        "model": "upstream",
        "choices": [{"text": "hi you", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 8,
            "completion_tokens": 4,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
    }
    assert [loss.path for loss in render_response(response, CONTEXT).losses] == ["parts[0]", "parts[3]", "finish"]


def test_what_the_answer_says_of_itself_is_kept() -> None:
    written = rendered(replace(SAID, id="i", model="n", created=0, finish=None))
    assert (written["id"], written["model"], written["created"]) == ("i", "n", 0)
    assert written["choices"][0]["finish_reason"] is None
    assert "usage" not in written
