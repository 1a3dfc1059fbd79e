import json
from datetime import date
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omniroute.config.diagnostics import has_errors
from omniroute.config.faults import Fault, Spot
from omniroute.config.load import Loaded, load
from omniroute.config.rules import RULES
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source
from omniroute.names import Severity
from tests.support.documents import tampered
from tests.support.written import (
    HOUSE,
    ROOT,
    SCHEMA,
    SCHEMA_LINE,
    SHIPPED,
    TODAY,
    codes,
    committed_schema,
    found,
    loaded,
    text_at,
)

CATALOGUE = [
    Source(f"catalogue/{file.name}", file.read_text("utf-8"), shipped=True)
    for file in sorted((ROOT / "omniroute" / "catalogue").glob("*.toml"))
]
EXAMPLES = [Source(file.name, file.read_text("utf-8")) for file in sorted((ROOT / "examples").glob("*.toml"))]


def test_a_sound_configuration_gives_a_snapshot_its_document_and_counts() -> None:
    result = loaded(HOUSE + '[aliases]\na = "c"\n', '[combos.c]\ntargets = ["house/m"]\n')
    assert result.diagnostics == ()
    assert result.snapshot is not None
    assert result.document is not None
    assert result.snapshot.files == ("a.toml", "b.toml")
    assert dict(result.counts) == {
        "providers": 1,
        "aliases": 1,
        "combos": 1,
        "keys": 0,
        "policies": 0,
        "budgets": 0,
    }


def test_warnings_and_hints_do_not_stop_a_configuration() -> None:
    result = loaded(HOUSE + '[combos.c]\ntargets = ["house/m", "house/m"]\n')
    assert [each.severity for each in result.diagnostics] == [Severity.WARNING]
    assert result.snapshot is not None


def test_one_error_leaves_neither_snapshot_nor_document() -> None:
    result = loaded(HOUSE + '[aliases]\na = "b"\n')
    assert (result.snapshot, result.document) == (None, None)
    assert result.counts["aliases"] == 1


def test_faults_of_every_kind_are_found_in_one_run() -> None:
    text = '[server]\nport = "x"\nproxy = "http://127.0.0.1:1"\n[aliases]\na = "nobody"\n'
    text += '[combos.c]\ntargets = ["house/m", "house/m"]\n'
    assert codes(text + HOUSE, HOUSE) == ["OR2001", "OR2006", "OR3002", "OR5004", "OR1004"]


def test_a_file_that_is_not_toml_does_not_hide_what_is_wrong_in_others() -> None:
    findings = found("[server\n", HOUSE + "formats = 3\n")
    assert [(each.code, each.place and each.place.source.name) for each in findings] == [
        ("OR1001", "a.toml"),
        ("OR2001", "b.toml"),
    ]


def test_findings_are_in_the_order_of_the_files_and_of_the_text() -> None:
    findings = found("[reload]\npoll = 1\nwatch = 1\n", "[server]\nport = 'x'\n" + HOUSE)
    assert [(each.place.source.name, each.place.span.start.line) for each in findings if each.place] == [
        ("a.toml", 3),
        ("a.toml", 4),
        ("b.toml", 3),
    ]


def test_a_comment_allows_a_warning() -> None:
    text = HOUSE + '[combos.c]\ntargets = ["house/m", "house/m"] # omniroute: allow(OR5004)\n'
    assert codes(text) == []


def test_a_broken_item_of_a_list_is_found_once() -> None:
    assert codes("tests = [3]\n" + HOUSE) == ["OR2001"]


def asked(text: str) -> tuple[Loaded, list[Snapshot]]:
    """Load a text, and look for something more in what it is compiled to."""
    seen: list[Snapshot] = []

    def further(snapshot: Snapshot) -> list[Fault]:
        seen.append(snapshot)
        return [Fault("OR5013", "fragile", Spot(("combos", "c"), key=True))]

    return load(SHIPPED, [Source("a.toml", SCHEMA_LINE + text)], SCHEMA, TODAY, further), seen


def test_what_is_asked_for_besides_is_looked_for_in_the_snapshot_and_has_a_place() -> None:
    result, seen = asked(HOUSE + '[combos.c]\ntargets = ["house/m", "house/m"]\n')
    assert [each.code for each in result.diagnostics] == ["OR5013", "OR5004"]
    assert text_at(result.diagnostics[0]) == "c"
    assert seen == [result.snapshot]


def test_what_is_asked_for_besides_can_be_allowed() -> None:
    text = HOUSE + '[combos.c] # omniroute: allow(OR5013) accepted\ntargets = ["house/m"]\n'
    assert asked(text)[0].diagnostics == ()
    assert codes(text) == []


def test_nothing_more_is_looked_for_where_there_is_an_error() -> None:
    result, seen = asked('[combos.c]\ntargets = ["house/m"]\n')
    assert "OR5013" not in {each.code for each in result.diagnostics}
    assert seen == []


def test_a_mistake_in_the_catalogue_is_told_after_what_is_the_users() -> None:
    broken = Source("catalogue/x.toml", "[providers.x", shipped=True)
    sources = [Source("a.toml", SCHEMA_LINE + "[providers.x]\n")]
    result = load([broken], sources, SCHEMA, TODAY)
    assert [each.code for each in result.diagnostics] == ["OR3003", "OR1001"]


def test_what_the_models_refuse_though_the_schema_does_not_is_called_our_fault() -> None:
    lax: dict[str, Any] = {"type": "object"}
    sources = [Source("a.toml", SCHEMA_LINE + HOUSE + "[server]\nport = 'x'\n")]
    result = load(SHIPPED, sources, lax, TODAY)
    assert [each.code for each in result.diagnostics] == ["OR2999"]
    assert result.snapshot is None
    assert "'x'" not in repr(result.diagnostics[0].summary)


@pytest.mark.parametrize(
    "text",
    [
        "providers = 1\n",
        "providers = [1]\n",
        "[providers]\na = 1\n",
        "[[providers]]\n",
        "tests = 1\n",
        "[tests]\na = 1\n",
        "[[tests]]\n",
        "combos = { c = [] }\n",
        "[combos.c]\ntargets = {}\n",
        "[aliases]\na = {}\n",
        "[aliases.a]\nb = 1\n",
        "server = []\n",
        "[keys.a]\nsha256 = 2027-01-01\n",
        "version = 2027-01-01\n",
        "x = " + "[" * 90 + "]" * 90 + "\n",
        "x = " + "{ a = " * 60 + "1" + " }" * 60 + "\n",
        "[" + ".".join("a" * 300) + "]\n",
        "a = inf\nb = nan\n",
        f"[combos.c]\ntargets = [0x{'f' * 5000}]\nmax_attempts = 0x{'f' * 5000}\n",
        "'' = 1\n",
        "\x00",
        "\ufeff",
    ],
)
def test_nothing_that_is_written_makes_it_raise(text: str) -> None:
    for texts in ((text,), (text, text), (text, HOUSE), (HOUSE, text)):
        assert has_errors(loaded(*texts).diagnostics)


def judged(texts: list[str]) -> Loaded:
    """Load, and hold what must always be true of the result."""
    sources = [Source(f"{index}.toml", text) for index, text in enumerate(texts)]
    result = load(SHIPPED, sources, SCHEMA, TODAY)
    assert (result.snapshot is None) == has_errors(result.diagnostics)
    assert (result.document is None) == (result.snapshot is None)
    for each in result.diagnostics:
        assert each.severity is RULES[each.code].severity
        assert each.summary
        assert each.place is None or each.place.source in sources
        assert each.code != "OR2999"
    return result


CAREFUL = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@CAREFUL
@given(tampered(), st.booleans())
def test_tampered_documents_are_judged_and_never_crash(document: dict[str, Any], beside: bool) -> None:
    judged([tomli_w.dumps(document), *([HOUSE] if beside else [])])


@CAREFUL
@given(st.lists(st.text(max_size=40), max_size=3))
def test_arbitrary_texts_are_judged_and_never_crash(texts: list[str]) -> None:
    judged(texts)


LINES = [line for each in EXAMPLES for line in (each.text + each.text.replace("# ", "")).splitlines(keepends=True)]


@CAREFUL
@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_lines_of_the_examples_in_any_order_are_judged_and_never_crash(lines: list[str]) -> None:
    judged(["".join(lines)])


WORDS = ["a", "b", "ab", "c", "d", "e", "house", "house/m", "nobody/m", "a*", "*b", "house/*", "*", "*/x", "abc"]
NAMES = ["a", "b", "ab", "c", "a*", "*b", "ab*", "*", "house/m", "house/*"]
TARGETS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WORDS), max_size=4),
    st.dictionaries(st.sampled_from(["c", "d", "e"]), st.fixed_dictionaries({"targets": TARGETS}), max_size=3),
)
def test_names_in_any_tangle_are_judged_and_never_crash(aliases: dict[str, str], combos: dict[str, Any]) -> None:
    result = judged([HOUSE + tomli_w.dumps({"aliases": aliases, "combos": combos})])
    if result.snapshot is not None:
        assert all(combo.targets for combo in result.snapshot.combos.values())


def test_the_examples_have_no_finding_and_need_no_key() -> None:
    result = load(CATALOGUE, EXAMPLES, SCHEMA, date(2026, 11, 23))
    assert result.diagnostics == ()
    assert result.snapshot is not None
    assert all(each.embedded for each in result.snapshot.providers.values())
    assert not result.snapshot.server.require_api_key
    assert result.snapshot.combos
    assert result.snapshot.aliases


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_what_the_examples_have_commented_out_can_be_taken_in(example: Source) -> None:
    lines = example.text.splitlines()
    uncommented = [line.removeprefix("# ") if _is_toml(line.removeprefix("# ")) else line for line in lines]
    text = "\n".join(uncommented).replace("#\n", "\n")
    known = {"OR1002", "OR3001", "OR3002", "OR3008", "OR3013", "OR5023"}  # names that the other file or block defines
    result = load(CATALOGUE, [Source(example.name, text)], SCHEMA, date(2026, 11, 23))
    assert {each.code for each in result.diagnostics} <= known
    assert text != example.text


def _is_toml(line: str) -> bool:
    return line.startswith(("[", '"', "]", "  {", '  "')) or " = " in line


@pytest.mark.parametrize("source", CATALOGUE, ids=lambda each: each.name)
def test_every_provider_of_the_catalogue_loads_with_its_key_alone(source: Source) -> None:
    name = source.name.removeprefix("catalogue/").removesuffix(".toml")
    text = f'{SCHEMA_LINE}[providers.{name}]\napi_key = "env:KEY"\n'
    result = load(CATALOGUE, [Source("a.toml", text)], SCHEMA, date(2026, 11, 23))
    assert {each.code for each in result.diagnostics} <= {"OR3007"}


def test_the_committed_schema_loads_the_examples_as_well() -> None:
    schema = committed_schema()
    assert isinstance(schema, dict)
    assert json.dumps(schema) == json.dumps(SCHEMA)
    assert load(CATALOGUE, EXAMPLES, schema, date(2026, 11, 23)).snapshot is not None
