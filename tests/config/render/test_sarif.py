import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from omniroute.config.diagnostics import Diagnostic, Edit
from omniroute.config.render import RenderContext, render
from omniroute.config.rules import RULES
from omniroute.config.source import Place, Source
from omniroute.names import Severity
from tests.config.render.cases import CASES, sources_of
from tests.config.render.places import at

SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0-part.schema.json").read_text("utf-8"))
PLAIN = RenderContext(version="1.2.3")


def run(*findings: Diagnostic, context: RenderContext = PLAIN) -> dict[str, Any]:
    document = json.loads(render(findings, "sarif", context))
    Draft202012Validator(SCHEMA).validate(document)
    (only,) = document["runs"]
    assert isinstance(only, dict)
    return only


def finding(place: Place | None, path: tuple[str | int, ...] = ()) -> Diagnostic:
    return Diagnostic("OR2004", Severity.WARNING, "no", place, path)


def fingerprint(place: Place | None, path: tuple[str | int, ...] = (), code: str = "OR2004") -> str:
    (result,) = run(Diagnostic(code, Severity.ERROR, "no", place, path))["results"]
    found = result["partialFingerprints"]["keyPath/v1"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_valid_sarif(case: str) -> None:
    made = CASES[case](sources_of(case))
    assert len(run(*made.findings, context=made.context)["results"]) == len(made.findings)


def test_the_driver_tells_its_version_and_all_its_rules() -> None:
    driver = run()["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("omniroute", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    hint = next(rule for rule in driver["rules"] if rule["id"] == "OR5001")
    assert hint["name"] == "schema-line-missing"
    assert hint["defaultConfiguration"] == {"level": "note"}
    assert "#:schema" in hint["help"]["markdown"]


def test_columns_are_code_points_and_say_so() -> None:
    source = Source("a.toml", "é🎉 = 1\n")
    found = run(finding(at(source, "1")))
    assert found["columnKind"] == "unicodeCodePoints"
    assert found["results"][0]["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 1,
        "startColumn": 6,
        "endLine": 1,
        "endColumn": 7,
        "snippet": {"text": "1"},
    }


def test_a_relative_name_is_a_uri_below_the_root_and_an_absolute_one_stands_alone() -> None:
    def artifact(name: str) -> object:
        place = at(Source(name, "x"), "x")
        return run(finding(place))["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]

    assert artifact("my config/é.toml") == {"uri": "my%20config/%C3%A9.toml", "uriBaseId": "%SRCROOT%"}
    assert artifact("c:d.toml") == {"uri": "c%3Ad.toml", "uriBaseId": "%SRCROOT%"}
    assert artifact("/etc/my gateway.toml") == {"uri": "file:///etc/my%20gateway.toml"}


def test_a_fingerprint_survives_when_lines_move_and_tells_findings_apart() -> None:
    before, after = at(Source("a.toml", "x = 1"), "1"), at(Source("a.toml", "\n\nx = 1"), "1")
    assert fingerprint(before, ("x",)) == fingerprint(after, ("x",))
    elsewhere = at(Source("b.toml", "x = 1"), "1")
    different = [
        fingerprint(before, ("x",)),
        fingerprint(before, ("x", 1)),
        fingerprint(before, ("x",), code="OR2001"),
        fingerprint(before),
        fingerprint(elsewhere),
        fingerprint(None),
    ]
    assert len(set(different)) == len(different)


def test_edits_are_grouped_by_file_and_in_order() -> None:
    first, second = Source("a.toml", "x = y\n"), Source("b.toml", "z\n")
    edits = (Edit(at(first, "y"), "1"), Edit(at(second, "z"), "2"), Edit(at(first, "x"), "3"))
    diagnostic = Diagnostic("OR2003", Severity.ERROR, "no", fix=edits)
    (fix,) = run(diagnostic)["results"][0]["fixes"]
    assert "description" not in fix
    changes = [
        (change["artifactLocation"]["uri"], [each["insertedContent"]["text"] for each in change["replacements"]])
        for change in fix["artifactChanges"]
    ]
    assert changes == [("a.toml", ["3", "1"]), ("b.toml", ["2"])]


def test_the_token_for_secrets_is_declared() -> None:
    source = Source("a.toml", "x = 'hunter2'")
    found = run(Diagnostic("OR4001", Severity.ERROR, "no", at(source, "'hunter2'"), masked=True))
    (token,) = found["redactionTokens"]
    assert found["results"][0]["locations"][0]["physicalLocation"]["region"]["snippet"]["text"] == f"'{token}'"
