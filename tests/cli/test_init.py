"""``omniroute init``: a first configuration that is right as it stands."""

import re
import tomllib
from contextlib import chdir
from pathlib import Path

from omniroute.cli.init import Found, providers_found
from omniroute.config.schema import schema_text
from omniroute.config.source import Source
from omniroute.engine.files import shipped_catalogue
from tests.cli.command import run, written

SECRET = "sk-planted-0123456789abcdef"
KEY_VARIABLES = sorted(
    {
        variable
        for source in shipped_catalogue()
        if source.name.endswith(".toml")
        for provider in tomllib.loads(source.text)["providers"].values()
        for variable in provider.get("api_key_env", ())
    }
)
NOTHING: dict[str, str | None] = dict.fromkeys(KEY_VARIABLES)


def passes(folder: Path) -> bool:
    return run("check", folder, "--deny-warnings").exit_code == 0


def provider(name: str, *variables: str, formats: str = "openai-chat") -> Source:
    text = f'[providers.{name}]\nformats = ["{formats}"]\napi_key_env = {list(variables)}\n'
    return Source(f"catalogue/{name}.toml", text, shipped=True)


def test_the_starter_passes_without_a_warning_and_brings_the_schema_that_it_names(tmp_path: Path) -> None:
    with chdir(tmp_path):
        done = run("init")
        assert (done.exit_code, done.stdout) == (0, "")
        assert "wrote config/omniroute.toml\ntry: omniroute check config && omniroute serve config" in done.stderr
        assert passes(Path("config"))
    assert (tmp_path / "config" / "omniroute.schema.json").read_text("utf-8") == schema_text()
    text = (tmp_path / "config" / "omniroute.toml").read_text("utf-8")
    assert text.startswith("#:schema ./omniroute.schema.json\n")
    assert "---" not in text, "the marks around the block that is replaced are of no use to anybody"


def test_what_stands_in_comments_is_right_as_well(tmp_path: Path) -> None:
    run("init", tmp_path)
    path = tmp_path / "omniroute.toml"
    live = re.sub(r'^# (?=\[|\w+ = |")', "", path.read_text("utf-8"), flags=re.MULTILINE).replace(
        '"..."', f'"{"ab" * 32}"'
    )
    tables = {"providers", "aliases", "combos", "keys", "policies", "budgets", "cache"}
    assert set(tomllib.loads(live)) == {"version", "server", *tables}
    path.write_text(live, "utf-8")
    done = run("check", path, "--deny-warnings")
    assert done.exit_code == 0, done.stdout


def test_a_second_time_nothing_is_overwritten(tmp_path: Path) -> None:
    run("init", tmp_path)
    path = tmp_path / "omniroute.toml"
    path.write_text("# mine\n", "utf-8")
    done = run("init", tmp_path)
    assert done.exit_code == 2
    assert f"there is a configuration in {tmp_path} already (omniroute.toml)" in done.stderr
    assert path.read_text("utf-8") == "# mine\n"


def test_a_configuration_under_another_name_is_not_added_to(tmp_path: Path) -> None:
    written(tmp_path, name="routes.toml")
    assert run("init", tmp_path).exit_code == 2
    assert not (tmp_path / "omniroute.toml").exists()


def test_force_overwrites(tmp_path: Path) -> None:
    written(tmp_path, "# mine\n")
    assert run("init", tmp_path, "--force").exit_code == 0
    assert passes(tmp_path)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = run("init", written(tmp_path) / "below")
    assert done.exit_code == 1
    assert "cannot write " in done.stderr


def test_providers_whose_keys_are_there_take_the_place_of_echo(tmp_path: Path) -> None:
    done = run("init", tmp_path, "--from-env", env={**NOTHING, "OPENAI_API_KEY": SECRET, "MISTRAL_API_KEY": ""})
    text = (tmp_path / "omniroute.toml").read_text("utf-8")
    assert tomllib.loads(text)["providers"] == {"openai": {"api_key": "env:OPENAI_API_KEY"}}
    assert "found OPENAI_API_KEY: provider openai, added" in done.stderr
    assert SECRET not in text + done.output
    assert passes(tmp_path)


def test_without_a_key_in_the_environment_the_starter_is_the_usual_one(tmp_path: Path) -> None:
    done = run("init", tmp_path / "empty", "--from-env", env=NOTHING)
    assert "no key of a provider that could be used is in the environment" in done.stderr
    run("init", tmp_path / "usual")
    assert (tmp_path / "empty" / "omniroute.toml").read_bytes() == (tmp_path / "usual" / "omniroute.toml").read_bytes()


def test_with_every_key_there_is_the_starter_passes(tmp_path: Path) -> None:
    run("init", tmp_path, "--from-env", env=dict.fromkeys(KEY_VARIABLES, SECRET))
    assert passes(tmp_path)
    found = tomllib.loads((tmp_path / "omniroute.toml").read_text("utf-8"))["providers"]
    assert "openai" in found
    assert "echo" not in found
    assert len({each["api_key"] for each in found.values()}) == len(found)


def test_a_variable_that_is_often_there_for_something_else_becomes_a_comment(tmp_path: Path) -> None:
    done = run("init", tmp_path, "--from-env", env={**NOTHING, "GITHUB_TOKEN": SECRET})
    text = (tmp_path / "omniroute.toml").read_text("utf-8")
    assert '# [providers.github-models]\n# api_key = "env:GITHUB_TOKEN"\n' in text
    assert tomllib.loads(text)["providers"] == {"echo": {}}
    assert "found GITHUB_TOKEN: provider github-models, left as a comment" in done.stderr
    assert passes(tmp_path)


def test_of_providers_that_share_a_variable_the_first_usable_one_is_taken() -> None:
    catalogue = [
        provider("alpha", "SHARED_KEY", formats="gemini-of-the-future"),
        provider("beta", "SHARED_KEY"),
        provider("gamma", "SHARED_KEY"),
        provider("delta", "OWN_KEY", "SHARED_KEY"),
    ]
    assert list(providers_found(catalogue, {"SHARED_KEY": SECRET})) == [Found("beta", "SHARED_KEY", doubtful=False)]
    both = list(providers_found(catalogue, {"SHARED_KEY": SECRET, "OWN_KEY": SECRET}))
    assert [(each.provider, each.variable) for each in both] == [("beta", "SHARED_KEY"), ("delta", "OWN_KEY")]
