"""Errors are said as Anthropic says its own."""

import json

import pytest

from omniroute.formats.anthropic_messages.error import render_error, render_error_event
from omniroute.formats.codec import ErrorView
from omniroute.formats.complaint import complain
from omniroute.ir.complaint import Complaint


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (418, "invalid_request_error"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_a_status_has_its_documented_type(status: int, kind: str) -> None:
    body = json.loads(render_error(ErrorView(status, "ours", "words", "req_1", "messages", attempts=({"at": 1},))))
    assert body["type"] == "error"
    assert body["request_id"] == "req_1"
    assert (body["error"]["type"], body["error"]["message"]) == (kind, "words")
    assert body["error"]["omniroute"] == {
        "code": "ours",
        "param": "messages",
        "request_id": "req_1",
        "attempts": [{"at": 1}],
    }


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "request_too_large", "invalid_request_error"),
        (429, "invalid_request_error", "rate_limit_error"),
        (400, "insufficient_quota", "invalid_request_error"),
        (400, None, "invalid_request_error"),
        (502, "authentication_error", "api_error"),
    ],
)
def test_the_type_goes_by_the_status_whatever_an_upstream_called_it(status: int, said: str | None, kind: str) -> None:
    view = ErrorView(status, "ours", "words", "req_1", complaint=Complaint(type=said))
    assert json.loads(render_error(view))["error"]["type"] == kind


def test_a_stream_ends_with_an_error_event_which_reads_as_what_it_says() -> None:
    view = ErrorView(529, "ours", "words", "req_1")
    event = render_error_event(view)
    assert event.startswith(b"event: error\ndata: {")
    assert event.endswith(b"}\n\n")
    assert complain(529, render_error(view)) == Complaint(529, None, "overloaded_error", None, "words")
