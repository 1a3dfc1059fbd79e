from omniroute.names import CredentialName, FailureKind, TargetId
from omniroute.routing.failure import MEANING, AllFailed, Failure


def failure(kind: FailureKind, status: int | None = None, wait: float | None = None, target: str = "a/x") -> Failure:
    return Failure(kind, TargetId(target), CredentialName("main"), f"it was {kind}", status=status, retry_after=wait)


def test_every_kind_of_failure_has_a_meaning_and_a_weight_of_its_own() -> None:
    assert set(MEANING) == set(FailureKind)
    assert len({each.weight for each in MEANING.values()}) == len(MEANING)


def test_the_failure_that_tells_the_client_most_decides_status_and_code() -> None:
    error = AllFailed(
        "smart", [failure(FailureKind.DOWN, 503), failure(FailureKind.BUSY, 429), failure(FailureKind.AUTH)]
    )
    assert (error.status, error.code) == (429, "upstream_rate_limited")


def test_a_request_that_an_upstream_found_invalid_keeps_the_upstreams_status() -> None:
    assert AllFailed("m", [failure(FailureKind.INVALID, 422)]).status == 422
    assert AllFailed("m", [failure(FailureKind.INVALID)]).status == 400


def test_our_own_bad_credential_is_no_fault_of_the_client() -> None:
    error = AllFailed("m", [failure(FailureKind.AUTH, 401)])
    assert (error.status, error.code) == (502, "upstream_auth")


def test_the_message_names_every_attempt_in_order() -> None:
    error = AllFailed("m", [failure(FailureKind.DOWN, target="a/x"), failure(FailureKind.BUSY, target="b/y")])
    assert error.message == "'m' could not be answered: a/x: it was down; b/y: it was busy"


def test_the_client_may_come_again_when_the_first_busy_upstream_said_so() -> None:
    busy = [failure(FailureKind.BUSY, 429, 30.0), failure(FailureKind.BUSY, 429, 7.0), failure(FailureKind.DOWN)]
    assert AllFailed("m", busy).retry_after == 7.0
    assert AllFailed("m", [failure(FailureKind.DOWN)]).retry_after is None
