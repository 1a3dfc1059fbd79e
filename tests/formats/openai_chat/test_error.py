"""Errors are written as OpenAI writes its own."""

import json
from typing import Any

import pytest

from omniroute.formats.codec import ErrorView
from omniroute.formats.openai_chat.error import render_error, render_error_event
from omniroute.ir.complaint import Complaint


def rendered(**fields: Any) -> Any:
    view = ErrorView(**{"status": 400, "code": "ours", "message": "m", "request_id": "req-1"} | fields)
    body = json.loads(render_error(view))
    assert list(body) == ["error"]
    return body["error"]


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (413, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "server_error"),
        (504, "server_error"),
    ],
)
def test_the_type_is_the_one_that_goes_with_the_status(status: int, name: str) -> None:
    assert rendered(status=status)["type"] == name


def test_an_error_says_what_we_know() -> None:
    attempt = {"target": "a/b", "status": 503, "detail": "HTTP 503", "retry": None}
    assert rendered(status=502, param="model", attempts=(attempt,)) == {
        "message": "m",
        "type": "server_error",
        "param": "model",
        "code": "ours",
        "omniroute": {"code": "ours", "request_id": "req-1", "attempts": [attempt]},
    }


def test_what_an_upstream_said_of_the_request_is_kept() -> None:
    said = Complaint(status=400, code="context_length_exceeded", type="t", param="messages", message="theirs")
    error = rendered(complaint=said)
    assert (error["message"], error["type"], error["param"], error["code"]) == (
        *("m", "t", "messages", "context_length_exceeded"),
    )
    assert error["omniroute"]["code"] == "ours"


def test_where_an_upstream_said_nothing_ours_stands() -> None:
    error = rendered(complaint=Complaint(message="theirs"), param="model")
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", "model", "ours")


def test_of_a_failure_that_is_not_the_requests_nothing_is_kept() -> None:
    error = rendered(status=502, complaint=Complaint(code="invalid_api_key", type="t", param="p"))
    assert (error["type"], error["param"], error["code"]) == ("server_error", None, "ours")


def test_an_error_event_is_one_record_without_a_done_behind_it() -> None:
    view = ErrorView(status=502, code="c", message="two\nlines", request_id="r")
    event = render_error_event(view)
    assert event == b"data: " + render_error(view) + b"\n\n"
    assert event.count(b"\n") == 2
