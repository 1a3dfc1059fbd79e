"""``omniroute check``: its findings in every form, and its exit codes."""

import json
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

import jsonschema
import pytest

from omniroute.config.render import STYLES
from tests.cli.command import ECHO, on_terminal, run, written
from tests.house.tree import ROOT

SECRET = "sk-planted-0123456789abcdef0123456789abcdef"
FAULTY = '#:schema ./omniroute.schema.json\n[providers.echo]\n\n[combos.hello]\ntargets = ["ehco/echo-1"]\n'
WARNED = '#:schema ./omniroute.schema.json\n[providers.echo]\n[combos.x]\ntargets = ["echo/a", "echo/a"]\n'
HINTED = "[providers.echo]\n"
KEYED = '#:schema ./omniroute.schema.json\n[providers.openai]\napi_key = "env:PLANTED_KEY"\n'


def test_a_configuration_without_a_fault_is_counted_and_passes(tmp_path: Path) -> None:
    done = run("check", "--config", written(tmp_path).parent)
    assert done.exit_code == 0
    first, second = done.stdout.splitlines()
    assert first.startswith("checked 1 file, 1 provider, 1 combo in ")
    assert second.startswith("no problems found   config hash ")
    assert done.stderr == ""


@pytest.mark.parametrize(("text", "flags", "code"), [
    (ECHO, (), 0),
    (ECHO, ("--deny-warnings",), 0),
    (FAULTY, (), 1),
    (FAULTY, ("--deny-warnings",), 1),
    (WARNED, (), 0),
    (WARNED, ("--deny-warnings",), 3),
    (HINTED, ("--deny-warnings",), 0),
])  # fmt: skip
@pytest.mark.parametrize("style", STYLES)
def test_the_exit_code_says_the_same_in_every_style(
    text: str, flags: tuple[str, ...], code: int, style: str, tmp_path: Path
) -> None:
    assert run("check", written(tmp_path, text), "--format", style, *flags).exit_code == code


def test_the_path_can_be_named_without_a_flag_and_is_shown_as_it_was_named(tmp_path: Path) -> None:
    written(tmp_path / "gateway", FAULTY)
    with chdir(tmp_path):
        done = run("check", "gateway")
    assert done.exit_code == 1
    assert "error[OR3001]" in done.stdout
    assert "--> gateway/omniroute.toml:5:12" in done.stdout
    assert "did you mean `echo`?" in done.stdout


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_what_the_renderer_of_that_style_makes(style: str, tmp_path: Path) -> None:
    printed = run("check", written(tmp_path, FAULTY), "--format", style).stdout
    assert "OR3001" in printed
    assert style in {"human", "concise", "github"} or json.loads(printed)


def test_the_json_document_is_what_its_schema_says(tmp_path: Path) -> None:
    contract = json.loads((ROOT / "schemas" / "diagnostics.schema.json").read_text("utf-8"))
    for text in (ECHO, FAULTY, WARNED):
        document = json.loads(run("check", written(tmp_path, text), "--format", "json").stdout)
        jsonschema.validate(document, contract)
        assert document["config"]["files"] == 1


def test_a_configuration_that_is_not_there_is_wrong_usage_and_still_a_finding(tmp_path: Path) -> None:
    done = run("check", tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "error[OR9001]" in done.stdout
    done = run("check", tmp_path / "nowhere", "--format", "json")
    assert done.exit_code == 2
    assert [each["code"] for each in json.loads(done.stdout)["diagnostics"]] == ["OR9001"]


def test_a_directory_without_a_configuration_is_a_fault(tmp_path: Path) -> None:
    done = run("check", tmp_path, "--format", "concise")
    assert done.exit_code == 1
    assert done.stdout.startswith("error OR9001 ")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(("text", "silent"), [(ECHO, True), (HINTED, True), (WARNED, False), (FAULTY, False)])
def test_quiet_says_nothing_to_people_where_nothing_is_wrong(text: str, silent: bool, tmp_path: Path) -> None:
    assert (run("check", written(tmp_path, text), "--quiet").stdout == "") == silent


def test_quiet_leaves_programs_their_document(tmp_path: Path) -> None:
    assert json.loads(run("check", written(tmp_path), "--quiet", "--format", "json").stdout)["valid"] is True
    assert json.loads(run("check", written(tmp_path), "--quiet", "--format", "sarif").stdout)["runs"]


def test_hints_can_be_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, HINTED)
    assert "OR5001" in run("check", path).stdout
    assert "OR5001" not in run("check", path, "--no-hints").stdout


def test_findings_can_be_written_to_a_file(tmp_path: Path) -> None:
    report = tmp_path / "reports" / "check.sarif"
    done = run("check", written(tmp_path, FAULTY), "--format", "sarif", "--output", report)
    assert (done.exit_code, done.output) == (1, "")
    assert json.loads(report.read_text("utf-8"))["runs"][0]["results"][0]["ruleId"] == "OR3001"


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = written(tmp_path)
    done = run("check", blocked, "--output", blocked / "report.txt")
    assert done.exit_code == 1
    assert "cannot write " in done.stderr


def test_github_actions_gets_annotations_beside_what_people_read(tmp_path: Path) -> None:
    path = written(tmp_path, FAULTY)
    for environ, expected in (({"GITHUB_ACTIONS": "true"}, True), ({}, False)):
        done = run("check", path, env=environ)
        assert "error[OR3001]" in done.stdout
        assert ("::error file=" in done.stdout) == expected
    done = run("check", path, "--output", tmp_path / "report.txt", env={"GITHUB_ACTIONS": "true"})
    assert done.stdout.startswith("::error file=")
    assert "::error" not in (tmp_path / "report.txt").read_text("utf-8")


def test_colours_follow_the_terminal_the_flag_and_no_color(tmp_path: Path) -> None:
    path = written(tmp_path, FAULTY)
    assert "\x1b[" in on_terminal("check", path)
    assert "\x1b[" not in on_terminal("check", path, "--color", "never")
    assert "\x1b[" not in run("check", path).stdout
    assert "\x1b[" in run("check", path, "--color", "always").stdout
    assert "\x1b[" in run("check", path, "--color", "always", env={"NO_COLOR": "1"}).stdout


def resolved(text: str, folder: Path, environ: Mapping[str, str]) -> tuple[int, str]:
    done = run("check", written(folder, text), "--resolve-secrets", env=environ)
    return done.exit_code, done.output


def test_secrets_are_looked_up_only_when_that_is_asked_for(tmp_path: Path) -> None:
    assert run("check", written(tmp_path, KEYED)).exit_code == 0
    assert resolved(KEYED, tmp_path, {"PLANTED_KEY": SECRET})[0] == 0
    code, printed = resolved(KEYED, tmp_path, {})
    assert code == 1
    assert "error[OR9004]: credential `default` of provider `openai` has no secret" in printed
    assert resolved(FAULTY, tmp_path, {})[0] == 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "text",
    [KEYED, f'{FAULTY}\n[providers.openai]\napi_key = "{SECRET}"\n', f'[providers.openai]\napi_key = "{SECRET}\n'],
)
def test_no_secret_is_in_any_output(text: str, style: str, tmp_path: Path) -> None:
    done = run("check", written(tmp_path, text), "--format", style, "--resolve-secrets", env={"PLANTED_KEY": SECRET})
    assert SECRET not in done.output


FRAGILE = (
    '#:schema ./omniroute.schema.json\n[providers.openai]\napi_key = "env:PLANTED_KEY"\n'
    '[providers.echo]\n[aliases]\nhello = "echo/a"\n'
    '[combos.coding]\ntargets = ["openai/a", "openai/b"]\n'
)


@pytest.mark.parametrize("style", STYLES)
def test_what_does_not_survive_a_loss_is_a_warning_where_that_is_asked_for(style: str, tmp_path: Path) -> None:
    path = written(tmp_path, FRAGILE)
    assert "combo `coding` does not survive" not in run("check", path, "--format", style).stdout
    done = run("check", path, "--survive", 1, "--format", style)
    assert done.exit_code == 0
    assert "combo `coding` does not survive the loss of provider `openai`" in done.stdout
    assert "hello" not in done.stdout
    assert run("check", path, "--survive", 1, "--format", style, "--deny-warnings").exit_code == 3


def test_more_losses_at_once_are_harder_to_survive(tmp_path: Path) -> None:
    two = FRAGILE.replace('"openai/b"', '"groq/b"') + '[providers.groq]\napi_key = "env:PLANTED_KEY_2"\n'
    path = written(tmp_path, two)
    assert run("check", path, "--survive", 1, "--deny-warnings").exit_code == 0
    done = run("check", path, "--survive", 2)
    assert "does not survive the loss of providers `openai` and `groq`" in done.stdout
    assert run("check", path, "--survive", 0).exit_code == 2


def test_a_finding_that_was_asked_for_can_be_allowed_and_is_then_not_missed_elsewhere(tmp_path: Path) -> None:
    path = written(tmp_path, FRAGILE.replace("[combos.coding]", "[combos.coding] # omniroute: allow(OR5013) accepted"))
    for flags in ((), ("--survive", 1)):
        assert run("check", path, "--deny-warnings", *flags).exit_code == 0


def test_worst_cases_are_told_to_people_and_to_programs(tmp_path: Path) -> None:
    path = written(tmp_path, FRAGILE + 'timeouts = { answer = "1m30s", first_byte = "500ms" }\n')
    lines = run("check", path, "--worst-case", "--no-hints").stdout.splitlines()
    assert lines[2:] == [
        "",
        "worst case  attempts  seconds",
        "coding             2      250",
        "hello              1      315",
    ]
    lines = run("check", path, "--worst-case", "--quiet").stdout.splitlines()
    assert lines[0].startswith("worst case")
    document = json.loads(run("check", path, "--worst-case", "--format", "json").stdout)
    jsonschema.validate(document, json.loads((ROOT / "schemas" / "diagnostics.schema.json").read_text("utf-8")))
    assert document["worst_cases"][0] == {"name": "coding", "attempts": 2, "seconds": 250.0}


def test_worst_cases_need_a_configuration_without_errors_and_a_style_with_a_place_for_them(tmp_path: Path) -> None:
    path = written(tmp_path, FAULTY)
    assert "worst case" not in run("check", path, "--worst-case").stdout
    assert json.loads(run("check", path, "--worst-case", "--format", "json").stdout)["worst_cases"] == []
    done = run("check", path, "--worst-case", "--format", "sarif")
    assert done.exit_code == 2
    assert "--worst-case goes with --format human or json" in done.output


def test_the_examples_have_no_fault() -> None:
    with chdir(ROOT):
        assert run("check", "examples", "--deny-warnings").exit_code == 0


IDLE = '[[tests]]\nname = "idle"\nrequest = { model = "hello", key = "alice" }\nexpect = { status = 200 }\n'


def test_files_of_tests_beside_it_are_checked_as_well(tmp_path: Path) -> None:
    config = written(tmp_path).parent
    written(tmp_path, f"#:schema ./omniroute.schema.json\n{IDLE}", "a.test.toml")
    done = run("check", "--config", config)
    assert done.exit_code == 0
    assert "warning[OR3013]: test `idle`: there is no client key `alice`" in done.stdout
    assert f"--> {tmp_path}/a.test.toml:4:" in done.stdout
    assert "checked 2 files" in done.stdout
    assert done.stdout.count("OR3013") == 1
    assert run("check", "--config", config, "--deny-warnings").exit_code == 3


@pytest.mark.parametrize(
    ("text", "code"), [("[[tests", "OR1001"), ("[server]\nport = 1\n", "OR2003"), ("[[tests]]\n", "OR2002")]
)
def test_a_file_of_tests_with_an_error_is_a_problem(text: str, code: str, tmp_path: Path) -> None:
    config = written(tmp_path).parent
    written(tmp_path, f"#:schema ./omniroute.schema.json\n{text}", "a.test.toml")
    done = run("check", "--config", config)
    assert (done.exit_code, f"error[{code}]" in done.stdout) == (1, True)
