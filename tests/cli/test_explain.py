"""``omniroute explain``: who would serve a request, in words and as data, and how it ends."""

import json
from pathlib import Path

import jsonschema
import pytest

from omniroute.formats import CODECS
from tests.cli.command import run, written
from tests.house.tree import ROOT

SECRET = "sk-planted-0123456789abcdef"
SCHEMA = json.loads((ROOT / "schemas" / "explanation.schema.json").read_text("utf-8"))
TEXT = """\
#:schema ./omniroute.schema.json
[providers.anthropic]
api_key = "env:ANTHROPIC_API_KEY"

[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
credentials = [{ name = "one", api_key = "env:ONE" }, { name = "two", api_key = "env:TWO" }]

[providers.house.models.tiny]
capabilities = ["tools"]

[aliases]
smart = "coding"

[combos.coding]
strategy = "random"
targets = ["anthropic/claude-x", "house/tiny"]
"""
CHAT = {"model": "smart", "messages": [{"role": "user", "content": "Hi!"}], "seed": 7, "top_logprobs": 3}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return written(tmp_path / "config", TEXT)


def body(folder: Path, **changes: object) -> Path:
    path = folder / "body.json"
    path.write_text(json.dumps({**CHAT, **changes}))
    return path


def test_a_name_is_explained_in_words_with_the_place_of_every_key(config: Path) -> None:
    done = run("explain", "smart", "-c", config)
    assert done.exit_code == 0
    assert f"  'smart' is an alias of 'coding'  ({config}:14)\n" in done.stdout
    assert f"Combo 'coding' chooses by random  ({config}:17)\n" in done.stdout
    assert f". house/tiny  ({config}:18)\n" in done.stdout
    assert f"     with credential 'two'  ({config}:8)\n" in done.stdout
    assert "\nNote: combo 'coding' draws anew for each request: this is what seed 0 draws.\n" in done.stdout
    assert done.stdout.endswith("can leave targets out for a while, or put others first.\n")


def test_the_document_is_what_its_schema_says(config: Path, tmp_path: Path) -> None:
    for flags in (("smart",), ("nobody",), ("house/tiny", "--needs", "images"), ("--body", body(tmp_path))):
        done = run("explain", *flags, "-c", config, "--json", "--check-secrets", env={"ONE": "x"})
        document = json.loads(done.stdout)
        jsonschema.validate(document, SCHEMA)
        assert document["past"] is None


def test_the_same_question_has_the_same_answer_and_a_seed_another_draw(config: Path) -> None:
    def order(seed: int) -> list[str]:
        done = run("explain", "smart", "-c", config, "--json", "--seed", seed)
        return [each["target"] for each in json.loads(done.stdout)["explanation"]["candidates"]]

    orders = [order(seed) for seed in range(6)]
    assert orders == [order(seed) for seed in range(6)]
    assert len({tuple(each) for each in orders}) > 1


def test_a_question_is_asked_with_what_it_needs(config: Path) -> None:
    flags = ("--needs", " images , tools", "--stream", "--session", "s1", "--format", "anthropic-messages")
    done = run("explain", "smart", "-c", config, "--json", *flags)
    question = json.loads(done.stdout)["explanation"]["question"]
    assert question["needs"] == ["tools", "images"]
    assert (question["stream"], question["session"], question["format"]) == (True, "s1", "anthropic-messages")


def test_who_cannot_be_served_exits_with_problems(config: Path) -> None:
    done = run("explain", "house/tiny", "-c", config, "--needs", "images")
    assert done.exit_code == 1
    assert (
        f"house/tiny: the request needs images, which the model does not have [capability]  ({config}:11)"
        in done.stdout
    )
    done = run("explain", "smrt", "-c", config)
    assert done.exit_code == 1
    assert (
        "Nobody serves it (status 404): no model, alias or combo is named 'smrt'; did you mean 'smart'?" in done.stdout
    )


def test_a_body_says_what_is_asked_and_what_each_target_would_lose(config: Path, tmp_path: Path) -> None:
    done = run("explain", "--body", body(tmp_path), "-c", config, "--json")
    assert done.exit_code == 0
    explanation = json.loads(done.stdout)["explanation"]
    assert explanation["question"]["asked"] == "smart"
    assert explanation["question"]["input_tokens"] > 0
    losses = {each["target"]: [loss["path"] for loss in each["losses"]] for each in explanation["candidates"]}
    assert "sampling.seed" in losses["anthropic/claude-x"]
    assert losses["house/tiny"] == []
    assert "     sampling.seed dropped: " in run("explain", "--body", body(tmp_path), "-c", config).stdout


def test_a_body_that_needs_what_no_format_can_say_leaves_targets_out(config: Path, tmp_path: Path) -> None:
    sound = [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]
    path = body(tmp_path, messages=[{"role": "user", "content": sound}])
    done = run("explain", "--body", path, "-c", config, "--json")
    explanation = json.loads(done.stdout)["explanation"]
    assert explanation["question"]["needs"] == ["audio_in"]
    assert {each["target"]: each["code"] for each in explanation["rejected"]} == {
        "anthropic/claude-x": "format",
        "house/tiny": "capability",
    }
    assert done.exit_code == 1


def test_where_the_path_names_the_model_the_command_does(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "gemini.json"
    path.write_text(json.dumps({"contents": [{"role": "user", "parts": [{"text": "Hi!"}]}]}))
    done = run("explain", "smart", "--body", path, "--format", "gemini", "--stream", "-c", config, "--json")
    question = json.loads(done.stdout)["explanation"]["question"]
    assert (question["asked"], question["stream"]) == ("smart", True)
    done = run("explain", "--body", path, "--format", "gemini", "-c", config)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "the path names no model" in done.stderr


@pytest.mark.parametrize("wire", [each.value for each in CODECS])
def test_a_name_is_explained_in_every_format(wire: str, config: Path) -> None:
    done = run("explain", "house/tiny", "--format", wire, "-c", config, "--json")
    candidates = json.loads(done.stdout)["explanation"]["candidates"]
    assert [each["credential"] for each in candidates] == ["one", "two"]
    assert candidates[0]["own"] == (wire == "openai-chat")


def test_a_body_that_is_no_request_is_a_problem(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_text('{"model": ')
    done = run("explain", "--body", path, "-c", config)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "is not JSON" in done.stderr
    done = run("explain", "--body", path, "-c", config, "--json")
    assert json.loads(done.stdout)["error"]["exit_code"] == 1


def test_a_body_that_must_be_understood_and_is_not_is_a_problem(config: Path, tmp_path: Path) -> None:
    path = body(tmp_path, messages=[{"role": "user", "content": 7}])
    done = run("explain", "--body", path, "-c", config)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "messages" in done.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), "name a model, a past request, or a request file"),
        (("smart", "--needs", "wings"), "'wings' is no capability; write some of tools, images"),
        (("--body", "{body}", "--needs", "tools"), "the body has said it already"),
        (("other", "--body", "{body}"), "the body asks for 'smart', and not for 'other'"),
        (("--body", "{body}", "--stream"), "the body asks for no stream"),
        (("--body", "{body}.missing"), "No such file"),
        (("req_0123abcd", "--seed", "3"), "--seed goes with the name of a model: a past request has said it already"),
        (("req_0123abcd", "--format", "gemini"), "--format goes with the name of a model"),
        (("req_0123abcd", "--key", "alice"), "--key goes with the name of a model"),
        (("req_0123abcd", "--check-secrets"), "--check-secrets goes with the name of a model"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(flags: tuple[str, ...], words: str, config: Path, tmp_path: Path) -> None:
    path = str(body(tmp_path))
    done = run("explain", "-c", config, *(each.format(body=path) for each in flags))
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())


def test_credentials_count_as_usable_until_secrets_are_checked(config: Path) -> None:
    found = json.loads(run("explain", "smart", "-c", config, "--json").stdout)["explanation"]
    assert len(found["candidates"]) == 3
    assert found["unusable"] == []
    done = run("explain", "smart", "-c", config, "--check-secrets", env={"TWO": SECRET})
    assert done.exit_code == 0
    assert SECRET not in done.output
    assert "'one' of provider 'house': secret env:ONE: the environment variable ONE is not set" in done.stdout
    assert f"[credential]  ({config}:3)" in done.stdout
    assert "with credential 'two'" in done.stdout
    assert run("explain", "smart", "-c", config, "--check-secrets").exit_code == 1


def test_faults_are_shown_instead_of_a_plan(tmp_path: Path) -> None:
    path = written(tmp_path, "[combos.x]\n")
    done = run("explain", "x", "-c", path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[OR2002]" in done.stderr
    done = run("explain", "x", "-c", path, "--json")
    assert (done.exit_code, json.loads(done.stdout)["valid"]) == (1, False)


def test_a_configuration_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    done = run("explain", "x", "-c", tmp_path / "nowhere")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "error[OR9001]" in done.stderr


def test_a_name_can_be_nothing_or_anything(config: Path) -> None:
    assert run("explain", "", "-c", config).exit_code == 1
    done = run("explain", "\x1b[2J", "-c", config)
    assert done.exit_code == 1
    assert "\x1b" not in done.stdout


KEYED = f"""{TEXT}
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "p"

[keys.old]
sha256 = "af86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
expires = 2026-01-01

[policies.p]
deny_models = ["anthropic/*"]
rate = {{ requests_per_minute = 5 }}
schedule = {{ days = ["mon-fri"], hours = "08:00-20:00", timezone = "Europe/Berlin" }}
"""
MONDAY = ("--at", "2026-11-23T12:00+01:00")


def line(part: str) -> int:
    return KEYED[: KEYED.index(part)].count("\n") + 1


def test_the_policy_of_a_key_decides_and_is_quoted(tmp_path: Path) -> None:
    path = written(tmp_path, KEYED)
    done = run("explain", "smart", "-c", path, "--key", "alice", *MONDAY)
    assert done.exit_code == 0
    assert f"Policy 'p' holds for key 'alice'  ({path}:{line('policy =')})\n" in done.stdout
    denied = "anthropic/claude-x: the caller's policy does not let it be asked [policy]"
    assert f"  {denied}  ({path}:{line('deny_models')})\n" in done.stdout
    assert "Note: whether rates, conversations and budgets have room is not looked at here" in done.stdout


@pytest.mark.parametrize(
    ("flags", "status", "words", "part"),
    [
        (("anthropic/x", "--key", "alice", *MONDAY), 403, "policy 'p' denies 'anthropic/x'", "deny_models"),
        (
            ("smart", "--key", "alice", "--at", "2026-11-22T12:00Z"),
            403,
            "allows no requests at this hour",
            "schedule =",
        ),
        (("smart", "--key", "old"), 401, "client key 'old' has expired", "expires"),
    ],
)
def test_a_key_that_may_not_ask_is_told_so_with_the_line(
    flags: tuple[str, ...], status: int, words: str, part: str, tmp_path: Path
) -> None:
    path = written(tmp_path, KEYED)
    done = run("explain", *flags, "-c", path)
    assert done.exit_code == 1
    last = next(each for each in done.stdout.splitlines() if each.startswith("Nobody serves it"))
    assert f"(status {status})" in last
    assert words in last
    assert last.endswith(f"  ({path}:{line(part)})")
    document = json.loads(run("explain", *flags, "-c", path, "--json").stdout)
    jsonschema.validate(document, SCHEMA)
    assert document["explanation"]["decided"]["line"] == line(part)


def test_a_key_that_there_is_not_and_a_time_without_offset_are_wrong_usage(tmp_path: Path) -> None:
    path = written(tmp_path, KEYED)
    done = run("explain", "smart", "-c", path, "--key", "bob")
    assert (done.exit_code, "there is no client key 'bob'; there are: alice, old" in done.stderr) == (2, True)
    for wrong in ("noon", "2026-11-23T12:00"):
        done = run("explain", "smart", "-c", path, "--at", wrong)
        assert (done.exit_code, f"'{wrong}' is no time with offset" in done.stderr) == (2, True)
