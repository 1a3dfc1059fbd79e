"""Errors are written as Ollama writes its own, and its official client raises on them."""

import json

import ollama

from omniroute.formats.codec import ErrorView
from omniroute.formats.complaint import complain
from omniroute.formats.ollama.error import render_error, render_error_event
from tests.formats.ollama.samples import expected, own

ATTEMPT = {"target": "a/b", "status": 503}
VIEW = ErrorView(status=502, code="all_failed", message="every target\nfailed", request_id="req-1", attempts=(ATTEMPT,))


def test_an_error_is_one_string_with_what_is_ours_beside_it() -> None:
    assert json.loads(render_error(VIEW)) == {
        "error": "every target\nfailed",
        "omniroute": {"code": "all_failed", "request_id": "req-1", "attempts": [ATTEMPT]},
    }


def test_an_error_in_a_stream_is_one_line() -> None:
    assert render_error_event(VIEW) == render_error(VIEW) + b"\n"
    assert render_error_event(VIEW).count(b"\n") == 1


def test_the_official_client_reads_the_message() -> None:
    error = ollama.ResponseError(render_error(VIEW).decode(), 502)
    assert (error.error, error.status_code) == ("every target\nfailed", 502)


def test_our_own_errors_are_read() -> None:
    bodies = [sample for sample in own("response.json") if "status" in expected(sample.name)]
    assert bodies
    for sample in bodies:
        wanted = expected(sample.name)
        said = complain(wanted["status"], sample.body)
        assert {"status": said.status, "message": said.message} == {
            name: wanted["complaint"][name] for name in ("status", "message")
        }
