"""The Response object around an answer's items."""

import json
from typing import Any

import msgspec
import pytest
from openai.types.responses import Response

from omniroute.formats.codec import Context
from omniroute.formats.openai_responses.envelope import Envelope, ending, finish_of, repeated
from omniroute.ir.parts import Part, Refusal, Text, ToolCall
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage
from tests.formats.openai_responses.exchange import asked, context, read

TEXT, CALL, REFUSAL = Text("a"), ToolCall("c", "f"), Refusal("no")


@pytest.mark.parametrize(
    ("status", "reason", "parts", "finish"),
    [
        ("completed", None, (TEXT,), Finish.STOP),
        ("completed", None, (TEXT, CALL), Finish.TOOLS),
        ("completed", None, (REFUSAL,), Finish.REFUSED),
        ("incomplete", "max_output_tokens", (TEXT, CALL), Finish.LENGTH),
        ("incomplete", "content_filter", (TEXT,), Finish.REFUSED),
        ("incomplete", None, (TEXT,), Finish.OTHER),
    ],
)
def test_an_end_is_read_and_said(status: str, reason: str | None, parts: tuple[Part, ...], finish: Finish) -> None:
    details = None if reason is None else {"reason": reason}
    assert finish_of(status, details, parts) is finish
    assert ending(finish, parts) == (status, details)


@pytest.mark.parametrize("status", ["in_progress", "queued", ["completed"]])
def test_an_answer_that_has_not_ended_has_no_finish(status: Any) -> None:
    assert finish_of(status, None, ()) is None


def test_what_has_no_word_is_incomplete() -> None:
    assert ending(Finish.PAUSE, ()) == ending(Finish.OTHER, ()) == ("incomplete", None)
    assert ending(None, ()) == ("completed", None)
    assert finish_of(None, None, ()) is Finish.STOP
    assert finish_of("incomplete", {"reason": ["odd"]}, ()) is Finish.OTHER


def test_a_response_repeats_its_request_and_documented_defaults() -> None:
    tool = {"type": "function", "name": "f", "parameters": {}, "strict": True}
    told = repeated(
        read(input="hi", instructions="x", tools=[tool], temperature=0, store=False, metadata={"k": "v"},
             reasoning={"effort": "low"}, text={"verbosity": "low"}, tool_choice="required", parallel_tool_calls=False)
    )  # fmt: skip
    assert (told["instructions"], told["tools"], told["temperature"], told["metadata"]) == ("x", [tool], 0, {"k": "v"})
    assert told["reasoning"] == {"effort": "low", "summary": None}
    assert told["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert (told["tool_choice"], told["parallel_tool_calls"]) == ("required", False)
    plain = repeated(asked())
    assert (plain["temperature"], plain["tools"], plain["tool_choice"], plain["store"]) == (1.0, [], "auto", False)


def test_an_empty_response_has_every_member_that_the_official_type_requires() -> None:
    envelope = Envelope(context())
    whole = json.loads(msgspec.json.encode(envelope.write("completed", [], Usage(1, 2), None)))
    assert Response.model_validate(whole).id == "resp_1"
    assert {name for name, field in Response.model_fields.items() if field.is_required()} <= set(whole)
    assert (whole["created_at"], whole["model"]) == (1_760_000_000, "up-model")


def test_what_the_answer_says_of_itself_goes_before_what_we_know() -> None:
    envelope = Envelope(Context(asked(), "request-1", "up-model", 5_000_000))
    assert (envelope.write("completed", [])["id"], envelope.write("completed", [])["created_at"]) == (
        "resp_request-1",
        5,
    )
    envelope.begin("own", "own-model", 0)
    whole = envelope.write("completed", [])
    assert (whole["id"], whole["model"], whole["created_at"], whole["usage"]) == ("own", "own-model", 0, None)
    envelope.begin(None, None, None)
    assert envelope.write("completed", [])["id"] == "own"
