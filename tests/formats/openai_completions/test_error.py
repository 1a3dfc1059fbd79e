"""Errors are written as OpenAI writes its own."""

import json
from typing import Any

import pytest

from omniroute.formats.codec import ErrorView
from omniroute.formats.complaint import complain
from omniroute.formats.openai_completions.error import render_error, render_error_event
from omniroute.ir.complaint import Complaint
from tests.formats.openai_completions.samples import expected, own

VIEW = ErrorView(status=502, code="ours", message="two\nlines", request_id="req-1", attempts=({"status": 503},))


def rendered(**fields: Any) -> Any:
    return json.loads(
        render_error(ErrorView(**{"status": 400, "code": "c", "message": "m", "request_id": "r"} | fields))
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
    ],
)
def test_the_type_is_the_one_that_goes_with_the_status(status: int, kind: str) -> None:
    assert rendered(status=status)["error"]["type"] == kind


def test_an_error_says_what_we_know() -> None:
    assert json.loads(render_error(VIEW)) == {
        "error": {
            "message": "two\nlines",
            "type": "server_error",
            "param": None,
            "code": "ours",
            "omniroute": {"code": "ours", "request_id": "req-1", "attempts": [{"status": 503}]},
        }
    }


def test_what_an_upstream_said_of_the_request_is_kept_and_of_its_own_failure_not() -> None:
    said = Complaint(code="theirs", type="t", param="p")
    error = rendered(complaint=said)["error"]
    assert (error["type"], error["param"], error["code"]) == ("t", "p", "theirs")
    error = rendered(complaint=said, status=502, param="ours")["error"]
    assert (error["type"], error["param"], error["code"]) == ("server_error", "ours", "c")


def test_an_error_in_a_stream_is_one_record_without_a_done_behind_it() -> None:
    assert render_error_event(VIEW) == b"data: " + render_error(VIEW) + b"\n\n"
    assert render_error_event(VIEW).count(b"\n") == 2


def test_our_own_errors_are_read() -> None:
    bodies = [sample for sample in own("response.json") if "status" in expected(sample.name)]
    assert bodies
    for sample in bodies:
        wanted = expected(sample.name)
        assert complain(wanted["status"], sample.body) == Complaint(**wanted["complaint"])
