"""Any shape in which an upstream may say that it failed is read."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.complaint import LONGEST_MESSAGE, LONGEST_WORD, complain, read_error
from omniroute.ir.complaint import Complaint
from tests.formats.samples import NEEDS_TRAFFIC, expected, own, recorded

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
VALIDATION = [
    {"type": "missing", "loc": ["body", "messages", 0, "role"], "msg": "Field required"},
    {"loc": "body", "msg": "second"},
    {"loc": ["body"], "msg": ""},
    "third",
    7,
]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (
            {"error": {"message": "m", "type": "t", "param": "p", "code": "c"}},
            Complaint(code="c", type="t", param="p", message="m"),
        ),
        ({"error": {"message": "m", "type": None, "param": None, "code": None}}, Complaint(message="m")),
        ({"error": {"message": "m", "code": 429}, "user_id": "u"}, Complaint(status=429, code="429", message="m")),
        (
            {"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}},
            Complaint(status=400, code="400", type="INVALID_ARGUMENT", message="m"),
        ),
        ([{"error": {"message": "in an array", "code": 404}}], Complaint(404, "404", message="in an array")),
        ({"error": {"message": "m", "code": "c", "status_code": 400}}, Complaint(400, "c", message="m")),
        ({"error": "text"}, Complaint(message="text")),
        ({"error": "Not Found", "status": 404, "message": "m"}, Complaint(404, message="m")),
        ({"message": "m"}, Complaint(message="m")),
        ({"object": "error", "message": "m", "type": "t", "code": 404}, Complaint(404, "404", "t", message="m")),
        ({"detail": "text"}, Complaint(message="text")),
        ({"detail": {"message": "within", "code": "c"}}, Complaint(code="c", message="within")),
        ({"message": "m", "detail": {"message": "within"}}, Complaint(message="m")),
        (
            {"detail": VALIDATION},
            Complaint(param="messages.0.role", message="messages.0.role: Field required; second; third"),
        ),
        (VALIDATION, Complaint(message="messages.0.role: Field required; second; third")),
        ({"detail": [7]}, Complaint()),
        ({"error": {"error": {"message": "deep"}}}, Complaint(message="deep")),
        ({"error": {}}, Complaint()),
        ({"error": {"message": {"not": "text"}, "code": True, "type": [1]}}, Complaint()),
        ({"error": {"code": 10**4000, "message": "m"}}, Complaint(message="m")),
        ({"error": {"code": "200", "message": "m"}}, Complaint(code="200", message="m")),
        ({"error": {"message": "half \ud83d", "code": "\ude00"}}, Complaint(code="?", message="half ?")),
        ("text", Complaint(message="text")),
        (None, Complaint()),
        (7, Complaint()),
        ([], Complaint()),
    ],
)
def test_every_known_shape_is_read(value: object, complaint: Complaint) -> None:
    assert read_error(json.dumps(value).encode()) == complaint


def test_the_status_of_the_answer_is_the_complaints() -> None:
    assert complain(503, b'{"error": {"message": "m", "code": 429}}') == Complaint(503, "429", message="m")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", ""),
        (b" upstream connect error\n or disconnect ", "upstream connect error or disconnect"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"{broken", "{broken"),
        (b"1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        (
            b"<!DOCTYPE html>\n<!--[if IE]> <html> <![endif]--><html><head><title>502 Bad&nbsp;Gateway</title>"
            b"<style>p > a { color: red }</style ></head><body><SCRIPT src='x'>if (a < b) { c('<p>d</p>') }</SCRIPT>"
            b"<center><h1>502</h1></center><hr>proxy &amp; co</body></html>",
            "502 Bad Gateway 502 proxy & co",
        ),
        (b"<html><script>never closed", ""),
        (b"<", "<"),
    ],
)
def test_text_and_pages_are_read_for_their_words(body: bytes, message: str) -> None:
    assert complain(502, body) == Complaint(status=502, message=message)


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 5000,
        b"<p>" + b"word " * 50_000,
        json.dumps({"error": {"message": "m" * 5000, "code": "c" * 5000, "type": "t" * 5000}}).encode(),
        json.dumps({"detail": [{"loc": ["body", "f" * 5000], "msg": "m" * 5000}]}).encode(),
        b"<" * 65_000,
        b"<!--" * 20_000,
        b"[" * 50_000,
    ],
)
def test_a_long_body_is_bounded(body: bytes) -> None:
    found = complain(500, body)
    assert len(found.message) <= LONGEST_MESSAGE
    assert all(len(word or "") <= LONGEST_WORD for word in (found.code, found.type, found.param))


def test_our_own_errors_are_read() -> None:
    whole = [case for case in own("expected.json") if (case / "response.json").is_file()]
    cases = [case for case in whole if expected(case)["complaint"]]
    assert cases
    for case in cases:
        wanted = expected(case)
        found = complain(wanted["status"], (case / "response.json").read_bytes())
        assert msgspec.to_builtins(found) == wanted["complaint"]


@NEEDS_TRAFFIC
def test_recorded_errors_are_read() -> None:
    errors = [each for each in recorded() if each.status != 200]
    assert errors
    for each in errors:
        said = json.loads(each.response)["error"]
        found = complain(each.status, each.response)
        assert (found.status, found.message, found.param) == (each.status, said["message"], said.get("param"))
        assert found.code == (str(said["code"]) if said["code"] is not None else None)


SHAPED = st.dictionaries(
    st.sampled_from(["error", "message", "detail", "code", "type", "status", "param", "msg"]),
    st.recursive(ANYTHING, lambda inner: st.dictionaries(st.sampled_from(["error", "message", "detail"]), inner)),
)


@given(st.binary(max_size=80) | (SHAPED | ANYTHING).map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300, deadline=None)
def test_reading_never_fails_and_what_is_read_can_be_written(body: bytes) -> None:
    found = complain(500, body)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Complaint) == found
