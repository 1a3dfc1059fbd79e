import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from omniroute.config.diagnostics import Diagnostic, Edit
from omniroute.config.render import RenderContext, render
from omniroute.config.source import Source
from omniroute.config.waits import Bound
from omniroute.names import Severity
from tests.config.render.cases import CASES, sources_of
from tests.config.render.places import at

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "diagnostics.schema.json").read_text("utf-8"))
PLAIN = RenderContext(version="1")


def report(*findings: Diagnostic, context: RenderContext = PLAIN) -> dict[str, Any]:
    document = json.loads(render(findings, "json", context))
    Draft202012Validator(SCHEMA).validate(document)
    assert isinstance(document, dict)
    return document


def test_the_contract_is_a_schema_and_says_what_everything_means() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert not Draft202012Validator(SCHEMA).is_valid({})


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_as_the_contract_says(case: str) -> None:
    made = CASES[case](sources_of(case))
    document = report(*made.findings, context=made.context)
    assert len(document["diagnostics"]) == len(made.findings)


def test_bytes_count_the_file_as_utf_8_with_its_line_ends() -> None:
    source = Source("a.toml", 'é = "大"\r\nx = "🎉y"\r\n')
    place = at(source, '"🎉y"')
    fix = (Edit(at(source, "y"), "z"),)
    (found,) = report(Diagnostic("OR2004", Severity.ERROR, "no", place, ("x",), fix=fix))["diagnostics"]
    assert found["location"]["start"] == {"line": 2, "column": 5, "byte": 16}
    assert found["location"]["end"] == {"line": 2, "column": 9, "byte": 23}
    assert found["snippet"] == {"line": 'x = "🎉y"', "highlight": [4, 8]}
    (edit,) = found["fix"]["edits"]
    data = source.text.encode()
    assert data[: edit["byte_start"]] + edit["text"].encode() + data[edit["byte_end"] :] == (
        'é = "大"\r\nx = "🎉z"\r\n'.encode()
    )


def test_a_finding_in_no_file_has_no_location() -> None:
    (found,) = report(Diagnostic("OR9001", Severity.ERROR, "missing"))["diagnostics"]
    assert (found["location"], found["snippet"], found["fix"], found["related"]) == (None, None, None, [])
    assert (found["name"], found["docs"]) == ("config-not-found", "rules/OR9001")


def test_warnings_and_hints_leave_a_configuration_valid() -> None:
    warning = Diagnostic("OR5003", Severity.WARNING, "expired")
    document = report(warning, msgspec.structs.replace(warning, severity=Severity.HINT))
    assert (document["valid"], document["errors"], document["warnings"]) == (True, 0, 1)
    assert not report(msgspec.structs.replace(warning, severity=Severity.ERROR))["valid"]


def test_a_hash_is_said_with_its_kind() -> None:
    context = RenderContext("1", "ab" * 32, 3)
    assert report(context=context)["config"] == {"hash": "sha256:" + "ab" * 32, "files": 3}


def test_worst_cases_are_there_where_they_were_asked_for() -> None:
    assert "worst_cases" not in report()
    assert report(context=RenderContext("1", worst_cases=()))["worst_cases"] == []
    told = report(context=RenderContext("1", worst_cases=(Bound("coding", 3, 600.0),)))
    assert told["worst_cases"] == [{"name": "coding", "attempts": 3, "seconds": 600.0}]


def test_a_very_long_line_does_not_make_a_very_long_document() -> None:
    source = Source("a.toml", "x = [" + "1, " * 100_000 + "'here']")
    (found,) = report(Diagnostic("OR2001", Severity.ERROR, "no", at(source, "'here'")))["diagnostics"]
    first, behind = found["snippet"]["highlight"]
    assert found["snippet"]["line"][first:behind] == "'here'"
    assert len(found["snippet"]["line"]) <= 240
