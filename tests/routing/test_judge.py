import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.complaint import Complaint
from omniroute.names import FailureKind as Kind
from omniroute.routing.judge import LONGEST_WAIT, kind_of, kind_of_complaint, retry_after


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, None, Kind.INVALID),
        (400, "context_length_exceeded", Kind.CONTEXT),
        (400, "content_filter", Kind.REFUSED),
        (400, "rate_limit_exceeded", Kind.INVALID),
        (401, None, Kind.AUTH),
        (402, None, Kind.QUOTA),
        (403, "insufficient_quota", Kind.QUOTA),
        (404, None, Kind.NOT_FOUND),
        (408, None, Kind.TIMEOUT),
        (413, None, Kind.CONTEXT),
        (418, None, Kind.INVALID),
        (422, None, Kind.INVALID),
        (429, None, Kind.BUSY),
        (429, "insufficient_quota", Kind.QUOTA),
        (429, "context_length_exceeded", Kind.BUSY),
        (500, "invalid_request_error", Kind.DOWN),
        (502, None, Kind.DOWN),
        (504, None, Kind.TIMEOUT),
        (529, None, Kind.BUSY),
        (302, None, Kind.DOWN),
    ],
)
def test_a_status_speaks_first_and_a_code_may_only_sharpen_it(status: int, code: str | None, kind: Kind) -> None:
    assert kind_of(status, Complaint(status=status, code=code)) is kind


@pytest.mark.parametrize(
    ("complaint", "kind"),
    [
        (Complaint(status=429), Kind.BUSY),
        (Complaint(status=400, code="tool_use_failed"), Kind.INVALID),
        (Complaint(type="overloaded_error"), Kind.BUSY),
        (Complaint(code="rate_limit_exceeded", type="invalid_request_error"), Kind.BUSY),
        (Complaint(message="rate limit exceeded, status 429"), Kind.DOWN),
        (Complaint(status=200), Kind.DOWN),
    ],
)
def test_an_error_inside_a_good_answer_is_judged_by_its_structure_and_never_by_its_prose(
    complaint: Complaint, kind: Kind
) -> None:
    assert kind_of_complaint(complaint) is kind


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("Wed, 21 Oct 2015 07:28:10 GMT", 10.0),
        ("Wed, 21 Oct 2015 07:28:10", 10.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, LONGEST_WAIT),
        ("0\x1f", 0.0),
        ("٣", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(written: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": written}, now=1445412480.0) == seconds


def test_without_the_header_there_is_no_wait() -> None:
    assert retry_after({}, now=0.0) is None


@given(st.text())
def test_no_text_makes_reading_retry_after_fail(written: str) -> None:
    found = retry_after({"retry-after": written}, now=0.0)
    assert found is None or 0.0 <= found <= LONGEST_WAIT
