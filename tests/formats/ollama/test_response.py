"""A whole answer is read and written."""

import json
from typing import Any

import ollama
import pytest
from msgspec.structs import replace

from omniroute.formats.codec import Answered, Context
from omniroute.formats.ollama.response import answer, read_response, render_response
from omniroute.ir.complaint import Complaint
from omniroute.ir.parts import Image, Inline, Refusal, Signature, Text, Thought, ToolCall, Url
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format
from tests.formats.ollama.samples import expected, own

CONTEXT = Context(GenerateRequest(Format.OLLAMA, "m", ()), "req-1", "llama3", 1773480413_589793)
SAID = GenerateResponse(Format.OPENAI_CHAT, (Text("hi"),), Finish.STOP)
PNG = "iVBORw0KGgoAAAAN"


def rendered(response: GenerateResponse) -> Any:
    body = render_response(response, CONTEXT).body
    ollama.ChatResponse(**json.loads(body))
    return json.loads(body)


def paths(response: GenerateResponse) -> list[str]:
    return [loss.path for loss in render_response(response, CONTEXT).losses]


@pytest.mark.parametrize("sample", own("response.json"), ids=lambda sample: sample.name)
def test_our_own_answers_give_what_is_expected(sample: Any) -> None:
    wanted = expected(sample.name)
    found = answer(sample.body)
    if "status" in wanted:
        assert (found.complaint, found.trouble) == (Complaint(message=wanted["complaint"]["message"]), None)
        return
    usage = None if wanted["usage"] is None else Usage(**wanted["usage"])
    assert found == Answered(usage=usage)


@pytest.mark.parametrize("body", [b"", b"[]", b"text", b"{}", b'{"message": 1}', b'{"model": "m", "done": true}'])
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    found = answer(body)
    assert found.trouble is FailureKind.MALFORMED
    assert found.complaint is not None


def test_an_answer_of_generate_is_read() -> None:
    body = b'{"model": "m", "response": "a", "thinking": "t", "done": true, "context": [1, 2]}'
    response = read_response(body)
    assert (response.parts, response.extras) == ((Thought("t"), Text("a")), {"context": [1, 2], "=done_reason": None})


def test_a_time_that_is_written_otherwise_is_kept_as_it_was() -> None:
    body = b'{"message": {}, "created_at": "2026-03-14T10:26:53+01:00", "done_reason": "stop"}'
    response = read_response(body)
    assert (response.created, response.extras) == (1773480413, {"=created_at": "2026-03-14T10:26:53+01:00"})
    assert rendered(response)["created_at"] == "2026-03-14T10:26:53+01:00"
    assert read_response(body.replace(b"10:26:53+01:00", b"09:26:53Z")).extras is None


def test_what_is_no_object_reads_as_nothing_said() -> None:
    assert read_response(b"[]").parts == ()


def test_parts_are_in_the_order_in_which_they_are_read() -> None:
    message = {
        "content": "a",
        "thinking": "t",
        "images": [PNG],
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}],
    }
    response = read_response(json.dumps({"message": message, "done_reason": "stop"}).encode())
    image = Image(Inline("image/png", PNG))
    assert response.parts == (Thought("t"), image, Text("a"), ToolCall("c", "f", "{}"))
    assert response.finish is Finish.TOOLS


def test_an_answer_of_another_format_is_written() -> None:
    call = ToolCall("c", "f", '{"a": 1}')
    response = replace(SAID, parts=(Text("hi"), call, call), usage=Usage(3, 4, 5), finish=Finish.TOOLS, created=0)
    function = {"name": "f", "arguments": {"a": 1}}
    calls = [{"id": "c", "function": {**function, "index": index}} for index in (0, 1)]
    assert rendered(response) == {
        "model": "llama3",
        "created_at": "1970-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "hi", "tool_calls": calls},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 8,
        "eval_count": 4,
    }


@pytest.mark.parametrize("created", [None, 10**15])
def test_a_time_that_is_not_known_is_ours(created: int | None) -> None:
    written = rendered(replace(SAID, created=created, model="other", finish=None))
    assert (written["created_at"], written["model"]) == ("2026-03-14T09:26:53.589793Z", "other")
    assert "eval_count" not in written


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ({"finish": Finish.REFUSED}, ["finish"]),
        ({"finish": Finish.PAUSE, "stop_sequence": "x"}, ["finish", "stop_sequence"]),
        ({"finish": Finish.LENGTH}, []),
        ({"parts": (Refusal("no"),)}, ["parts[0]"]),
        ({"parts": (Text("a", extras={"annotations": []}),)}, ["parts[0].extras.annotations"]),
        ({"parts": (Thought("t", Signature(Format.GEMINI, "s")),)}, ["parts[0].signature"]),
        ({"parts": (Text("a"), Image(Inline("image/png", PNG)))}, ["parts[1]"]),
        ({"parts": (Image(Url("u")),)}, ["parts[0]"]),
        ({"parts": (ToolCall("c", "f", "{}"), Text("a"))}, []),
        ({"extras": {"system_fingerprint": "fp"}}, []),
    ],
)
def test_what_a_reader_would_miss_is_named(change: dict[str, Any], lost: list[str]) -> None:
    assert paths(replace(SAID, **change)) == lost


def test_what_was_not_modelled_is_put_back_in_the_same_format() -> None:
    extras = {"total_duration": 5, "message.mood": "calm", "=created_at": "soon", "=done_reason": None}
    written = rendered(replace(SAID, format=Format.OLLAMA, extras=extras, finish=Finish.OTHER))
    assert (written["total_duration"], written["message"]["mood"], written["created_at"]) == (5, "calm", "soon")
    assert "done_reason" not in written
    assert paths(replace(SAID, format=Format.OLLAMA, finish=Finish.OTHER)) == []
