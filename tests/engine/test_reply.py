"""What a client is told beside the answer itself."""

import pytest

from omniroute.engine.record import Record
from omniroute.engine.reply import LONGEST_NAME, Headers, answer_headers, error_headers, view_of
from omniroute.errors import Draining, Malformed, OmniRouteError, Unauthenticated
from omniroute.formats import CODECS
from omniroute.ir.complaint import Complaint
from omniroute.ir.loss import Loss, dropped
from omniroute.names import FailureKind, Format
from omniroute.routing.failure import AllFailed, Failure
from omniroute.routing.plan import Candidate
from tests.support.gateway import live
from tests.support.snapshots import provider, snapshot, target

HOUSE = provider("house")
LARGE = Candidate(target(HOUSE, "large"), HOUSE.credentials[0], Format.OPENAI_CHAT)


class Answered:
    """The head of an upstream's answer."""

    def __init__(self, **headers: str) -> None:
        self.status = 200
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def record(attempts: int = 0) -> Record:
    made = Record("req_1", Format.OPENAI_CHAT, live(snapshot(HOUSE), {}), 1, 0.0)
    for _ in range(attempts):
        made.attempted(LARGE, 0.1)
    return made


def failed(kind: FailureKind, **more: object) -> Failure:
    return Failure(kind, LARGE.target.id, LARGE.credential.name, f"it is {kind}", **more)  # type: ignore[arg-type]


class Carried:
    """How the answer came: the losses on its way, and what else is told of it."""

    def __init__(self, *losses: Loss, wire: Format = Format.OPENAI_CHAT, told: Headers = ()) -> None:
        self.client = CODECS[wire]
        self.losses = losses
        self.told = told


def headers(
    answer: Answered, name: str = "large", *, stream: bool = False, attempts: int = 0, carried: Carried | None = None
) -> dict[str, str]:
    carrier = carried or Carried()
    candidate = Candidate(target(HOUSE, name), HOUSE.credentials[0], Format.OPENAI_CHAT)
    return dict(answer_headers(record(attempts), candidate, answer, carrier, stream=stream))  # type: ignore[arg-type]  # its head


def test_an_answer_says_which_target_gave_it_and_at_which_attempt() -> None:
    assert headers(Answered(content_type="application/json"), attempts=2) == {
        "content-type": "application/json",
        "x-omniroute-target": "house/large",
        "x-omniroute-attempts": "3",
    }


def test_a_streams_answer_is_not_to_be_cached() -> None:
    assert headers(Answered(content_type="text/event-stream; charset=utf-8"), stream=True) == {
        "content-type": "text/event-stream; charset=utf-8",
        "x-omniroute-target": "house/large",
        "x-omniroute-attempts": "1",
        "cache-control": "no-cache",
    }


@pytest.mark.parametrize(("stream", "kind"), [(True, "text/event-stream"), (False, "application/json")])
def test_an_upstream_that_does_not_name_its_content_gets_a_name_for_it(stream: bool, kind: str) -> None:
    assert headers(Answered(), stream=stream)["content-type"] == kind


def test_what_an_answer_is_called_is_what_the_client_is_sent_and_not_what_the_upstream_sent() -> None:
    answer = Answered(content_type="text/event-stream")
    assert headers(answer, stream=True, carried=Carried(wire=Format.OLLAMA))["content-type"] == "application/x-ndjson"
    assert headers(Answered(content_type="text/plain"))["content-type"] == "application/json"


def test_what_was_lost_on_the_way_is_said_and_a_clients_own_words_stay_in_their_header() -> None:
    carried = Carried(dropped("sampling.top_k", "there is none"), dropped("extras.a\r\nb: 1", "unknown"))
    assert headers(Answered(), carried=carried)["x-omniroute-loss"] == "top_k dropped, a??b:?1 dropped"


def test_how_an_answer_was_come_by_is_told() -> None:
    assert headers(Answered(), carried=Carried(told=(("x-omniroute-count", "provider"),)))["x-omniroute-count"]


def test_of_an_upstreams_headers_no_other_reaches_the_client() -> None:
    answer = Answered(content_type="application/json", set_cookie="a=b", content_length="3", connection="close")
    assert not {"set-cookie", "content-length", "connection"} & set(headers(answer))


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\r\nx-injected: 1", "a%0D%0Ax-injected:%201"), ("é☃", "%C3%A9%E2%98%83"), ("a b", "a b"), ("\0", "%00")],
)
def test_a_name_that_a_client_made_up_is_written_so_that_it_stays_in_its_header(name: str, shown: str) -> None:
    assert headers(Answered(), name)["x-omniroute-target"] == f"house/{shown}"


def test_a_long_name_is_shortened_in_its_header() -> None:
    assert len(headers(Answered(), "x" * 100_000)["x-omniroute-target"]) == LONGEST_NAME


def test_an_error_says_how_often_was_tried_where_it_was() -> None:
    refusal = Unauthenticated("no")
    assert dict(error_headers(record(), refusal)) == {"content-type": "application/json"}
    assert dict(error_headers(record(2), AllFailed("m", [failed(FailureKind.DOWN)])))["x-omniroute-attempts"] == "2"


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (AllFailed("m", [failed(FailureKind.BUSY, retry_after=7.2)]), "7"),
        (AllFailed("m", [failed(FailureKind.BUSY, retry_after=0.0)]), "1"),
        (AllFailed("m", [failed(FailureKind.BUSY, retry_after=9), failed(FailureKind.BUSY, retry_after=4)]), "4"),
        (AllFailed("m", [failed(FailureKind.BUSY)]), None),
        (AllFailed("m", [failed(FailureKind.DOWN, retry_after=9)]), None),
        (Draining("stopping"), None),
    ],
)
def test_a_client_is_told_when_to_come_again_where_upstreams_were_busy_and_said_so(
    error: OmniRouteError, wait: str | None
) -> None:
    found: Headers = error_headers(record(1), error)
    assert dict(found).get("retry-after") == wait


def test_an_error_is_told_with_our_code_the_request_and_every_attempt() -> None:
    complaint = Complaint(400, "bad_value", "invalid_request_error", "messages", "no")
    first, last = failed(FailureKind.DOWN, status=500), failed(FailureKind.INVALID, status=422, complaint=complaint)
    view = view_of(record(), AllFailed("smart", [first, last]))
    assert (view.status, view.code, view.request_id) == (422, "upstream_invalid_request", "req_1")
    assert view.complaint == complaint
    assert view.attempts == (
        {"target": "house/large", "credential": "main", "kind": "down", "status": 500, "detail": "it is down"},
        {"target": "house/large", "credential": "main", "kind": "invalid", "status": 422, "detail": "it is invalid"},
    )


def test_a_malformed_request_is_told_which_field_is_at_fault() -> None:
    assert view_of(record(), Malformed("no", "model")).param == "model"
    view = view_of(record(), Draining("stopping"))
    assert (view.status, view.code, view.message, view.param) == (503, "shutting_down", "stopping", None)
    assert (view.complaint, view.attempts) == (None, ())


def test_a_client_of_a_model_that_is_gone_is_told_which_one_answered_in_visible_ascii() -> None:
    made = record()
    made.replaced = ("house/o\r\nld", "house/new")
    told = dict(answer_headers(made, LARGE, Answered(), Carried()))  # type: ignore[arg-type]  # its head
    assert told["x-omniroute-deprecated"] == "house/o%0D%0Ald -> house/new"
    assert "x-omniroute-deprecated" not in headers(Answered())
