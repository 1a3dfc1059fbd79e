"""Failures in the words of this format, as its own client reads them."""

import json

import msgspec
import pytest
from google.genai import errors

from omniroute.formats.codec import ErrorView
from omniroute.formats.complaint import complain
from omniroute.formats.gemini.error import render_error, render_error_element, render_error_event
from omniroute.ir.complaint import Complaint
from tests.formats.gemini.asking import VIEW


def error(view: ErrorView) -> dict[str, object]:
    found: dict[str, object] = json.loads(render_error(view))["error"]
    return found


def test_an_error_has_the_documented_members_and_ours_among_its_details() -> None:
    assert error(VIEW) == {
        "code": 503,
        "message": "nobody answers",
        "status": "UNAVAILABLE",
        "details": [
            {
                "@type": "type.omniroute/error",
                "code": "all_failed",
                "requestId": "r-1",
                "attempts": [{"provider": "p", "status": 500}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("status", "name"),
    [
        *[(400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (422, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED")],
        *[(500, "INTERNAL"), (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"), (599, "INTERNAL")],
    ],
)
def test_a_status_has_its_name(status: int, name: str) -> None:
    assert error(msgspec.structs.replace(VIEW, status=status))["status"] == name


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (400, Complaint(type="FAILED_PRECONDITION", param="contents"), ("FAILED_PRECONDITION", "contents")),
        (400, Complaint(type="invalid_request_error"), ("INVALID_ARGUMENT", "own")),
        (500, Complaint(type="FAILED_PRECONDITION", param="contents"), ("INTERNAL", "own")),
    ],
)
def test_an_upstreams_own_words_for_a_fault_of_the_request_are_kept(
    status: int, said: Complaint, expected: tuple[str, str]
) -> None:
    found = json.loads(render_error(msgspec.structs.replace(VIEW, status=status, complaint=said, param="own")))
    assert (found["error"]["status"], found["error"]["details"][0]["param"]) == expected


def test_our_own_errors_are_read_again_and_raised_by_the_official_client() -> None:
    for status, kind in ((404, errors.ClientError), (503, errors.ServerError)):
        body = render_error(msgspec.structs.replace(VIEW, status=status))
        assert complain(status, body).message == "nobody answers"
        with pytest.raises(kind, match="nobody answers"):
            errors.APIError.raise_error(status, json.loads(body), None)


def test_a_broken_stream_ends_with_the_error_as_a_record_and_as_bare_json() -> None:
    record, bare = render_error_event(VIEW).split(b"\r\n\r\n")
    assert record == b"data: " + render_error(VIEW)
    assert bare == render_error(VIEW) + b"\n"
    assert record.startswith(b'data: {"error":')


def test_a_broken_array_ends_with_the_error_as_its_last_element() -> None:
    assert json.loads(b'[{"a":1}' + render_error_element(VIEW)) == [{"a": 1}, {"error": error(VIEW)}]
