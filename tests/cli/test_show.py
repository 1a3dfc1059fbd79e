"""``omniroute show``: a configuration of its own, which means the same."""

import json
import tomllib
from pathlib import Path

from omniroute.cli.loading import read_config
from tests.cli.command import ECHO, run, written

SECRET = "sk-planted-0123456789abcdef"
WHOLE = """\
#:schema ./omniroute.schema.json
[providers.openai]
api_key = "env:PLANTED_KEY"

[providers.house]
base_url = "http://10.0.0.7:8000/v1/"
credentials = [{ name = "main", api_key = "file:key.txt" }, { name = "spare", api_key = "env:SPARE", priority = 2 }]
auth = { query = "key" }
timeouts = { connect = "1s" }

[providers.house.models."qwen3-32b"]
context = 32_768
price = { input = "0.10", output = "0.40" }

[aliases]
fast = "house/qwen3-32b"

[combos.coding]
targets = ["fast", { model = "openai/gpt-5", timeouts = { total = "1m" } }]

[keys.alice]
sha256 = "abababababababababababababababababababababababababababababababab"
expires = 2027-01-01

[keys.bob]
sha256 = "babababababababababababababababababababababababababababababababa"
expires = 2027-01-01T12:00:00+01:00
"""


def test_what_is_shown_loads_again_and_means_the_same(tmp_path: Path) -> None:
    before = read_config(written(tmp_path, WHOLE)).snapshot
    done = run("show", tmp_path)
    assert done.exit_code == 0
    after = read_config(written(tmp_path / "again", done.stdout)).snapshot
    assert before is not None
    assert after is not None
    assert after.id == before.id


def test_what_is_shown_again_is_the_same_text(tmp_path: Path) -> None:
    once = run("show", written(tmp_path, WHOLE)).stdout
    assert run("show", written(tmp_path / "again", once)).stdout == once


def test_the_catalogue_and_the_defaults_are_written_out(tmp_path: Path) -> None:
    shown = tomllib.loads(run("show", written(tmp_path, ECHO)).stdout)
    assert shown["providers"]["echo"]["base_url"] == "embedded:echo"
    assert shown["defaults"]["timeouts"]["connect"] == "5s"
    assert shown["server"]["require_api_key"] is False


def test_secrets_are_references_also_when_they_are_in_the_environment(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    (tmp_path / "key.txt").write_text(SECRET)
    for style in ("toml", "json"):
        done = run("show", path, "--format", style, env={"PLANTED_KEY": SECRET, "SPARE": SECRET})
        assert "env:PLANTED_KEY" in done.stdout
        assert "file:key.txt" in done.stdout
        assert SECRET not in done.output


def test_json_says_the_same_as_toml(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    shown = json.loads(run("show", path, "--format", "json").stdout)
    assert shown["keys"]["alice"]["expires"] == "2027-01-01"
    assert shown["keys"]["bob"]["expires"] == "2027-01-01T12:00:00+01:00"
    assert (
        json.loads(json.dumps(tomllib.loads(run("show", path).stdout), default=lambda each: each.isoformat())) == shown
    )


def test_faults_are_shown_instead_of_a_configuration_that_has_them(tmp_path: Path) -> None:
    path = written(tmp_path, "[combos.x]\n")
    done = run("show", path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[OR2002]" in done.stderr
    done = run("show", path, "--format", "json")
    assert (done.exit_code, done.stderr) == (1, "")
    assert json.loads(done.stdout)["valid"] is False


def test_a_configuration_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    done = run("show", tmp_path / "nowhere")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "error[OR9001]" in done.stderr
