"""Errors in the words of this format."""

import json
from typing import Any

import httpx2
import pytest
from openai import APIError, OpenAI

from omniroute.formats.codec import ErrorView
from omniroute.formats.framing import Splitter
from omniroute.formats.openai_responses.error import render_error, render_error_event
from omniroute.formats.openai_responses.reader import ResponsesReader
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Fault


def view(status: int, **more: Any) -> ErrorView:
    return ErrorView(status, "our_code", "what went wrong", "req-1", **more)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"),
     (404, "invalid_request_error"), (429, "rate_limit_error"), (500, "server_error"), (503, "server_error")],
)  # fmt: skip
def test_an_error_is_openais_error_object(status: int, kind: str) -> None:
    error = json.loads(render_error(view(status, param="input", attempts=({"target": "a"},))))["error"]
    ours = {"code": "our_code", "request_id": "req-1", "attempts": [{"target": "a"}]}
    assert error == {
        "message": "what went wrong", "type": kind, "param": "input", "code": "our_code", "omniroute": ours,
    }  # fmt: skip


@pytest.mark.parametrize(("status", "code"), [(400, "context_length_exceeded"), (500, "our_code")])
def test_an_upstreams_own_words_about_the_request_are_kept(status: int, code: str) -> None:
    complaint = Complaint(status, "context_length_exceeded", "its_type", "input")
    error = json.loads(render_error(view(status, complaint=complaint)))["error"]
    assert error["code"] == code


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        (view(502), "server_error"),
        (view(429), "rate_limit_exceeded"),
        (view(400, complaint=Complaint(code="context_length_exceeded")), "context_length_exceeded"),
    ],
)
def test_a_broken_stream_ends_as_failed_and_not_as_complete(failed: ErrorView, code: str) -> None:
    (record,) = Splitter().feed(render_error_event(failed))
    told = json.loads(record.data)
    assert record.event == b"response.failed"
    assert (told["type"], told["response"]["status"]) == ("response.failed", "failed")
    assert told["response"]["error"] == {"code": code, "message": "what went wrong"}
    (fault,) = ResponsesReader().take(record)
    assert isinstance(fault, Fault)
    assert (fault.complaint.code, fault.complaint.message, fault.trouble) == (code, "what went wrong", None)


def test_the_official_client_raises_for_a_broken_stream() -> None:
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=render_error_event(view(502)))
    transport = httpx2.MockTransport(lambda _: answer)
    with httpx2.Client(transport=transport) as http:
        client = OpenAI(api_key="k", base_url="http://gateway.test/v1", max_retries=0, http_client=http)
        with pytest.raises(APIError, match="what went wrong"):
            list(client.responses.create(model="m", input="hi", stream=True))
