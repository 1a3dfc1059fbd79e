"""Whatever the schema accepts, the model converts; and the reverse."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from omniroute.config.document import Document
from omniroute.config.document.base import STATUS
from omniroute.config.keywords import problems
from tests.support.documents import DOCUMENTS, tampered
from tests.support.laws import often
from tests.support.written import SCHEMA

LAW = settings(
    max_examples=often(80), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def schema_accepts(document: dict[str, Any]) -> bool:
    return all(_only_marks(each) for each in problems(SCHEMA, document))


def _only_marks(problem: Any) -> bool:
    """Say whether a problem is that something is not supported yet, which is part of the language all the same.

    Of a union, that is so in one alternative.
    """
    if problem.keyword == "oneOf":
        return any(all(map(_only_marks, inside)) for inside in problem.branches.values())
    return problem.keyword == STATUS


def model_accepts(document: dict[str, Any]) -> bool:
    try:
        Document.model_validate(document)
    except ValidationError:
        return False
    return True


@LAW
@given(DOCUMENTS)
def test_what_the_schema_allows_is_accepted_by_both(document: dict[str, Any]) -> None:
    assert schema_accepts(document)
    Document.model_validate(document)


@LAW
@given(tampered())
def test_schema_and_model_agree_about_what_was_tampered_with(document: dict[str, Any]) -> None:
    assert schema_accepts(document) == model_accepts(document)


def test_both_refuse_what_is_plainly_wrong() -> None:
    for document in ({"no-such-table": 1}, {"version": True}, {"server": {"port": 1.0}}, {"combos": {"c": {}}}):
        assert not schema_accepts(document)
        assert not model_accepts(document)
