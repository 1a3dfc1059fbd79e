"""What ``serve`` says when it begins."""

import json
import shlex
from pathlib import Path

from omniroute import __version__
from omniroute.cli.banner import MOST_LINES, banner
from omniroute.cli.loading import read_config
from omniroute.config.snapshot import Snapshot
from omniroute.engine.holder import Live
from omniroute.names import Trigger
from tests.cli.command import ECHO, written
from tests.support.gateway import live

URL = "http://127.0.0.1:20128"
KEY = f'\n[keys.alice]\nsha256 = "{"ab" * 32}"\n'
SECRET = "sk-planted-0123456789abcdef"


def compiled(folder: Path, text: str) -> Snapshot:
    snapshot = read_config(written(folder, text)).snapshot
    assert snapshot is not None
    return snapshot


def said(folder: Path, text: str, environ: dict[str, str] | None = None, files: tuple[str, ...] = ("a.toml",)) -> str:
    return banner(live(compiled(folder, text), environ or {}, 42), URL, files, __version__)


def test_it_names_address_configuration_files_providers_and_combos(tmp_path: Path) -> None:
    text = said(tmp_path, ECHO, files=("config/a.toml", "config/b.toml"))
    snapshot = compiled(tmp_path, ECHO)
    assert text.splitlines()[:7] == [
        f"OmniRoute {__version__} listens on {URL}",
        f"  configuration  generation 42, {snapshot.short_id}",
        "  files          config/a.toml",
        "                 config/b.toml",
        "  providers      echo: inside this process",
        "  combos         hello: priority of echo/echo-1",
        "  client keys    none needed",
    ]


def test_what_it_says_to_try_is_a_request_that_the_configuration_answers(tmp_path: Path) -> None:
    lines = said(tmp_path, ECHO).splitlines()
    command = shlex.split(" ".join(lines[lines.index("Try:") + 1 :][:2]).replace("\\", ""))
    assert command[:2] == ["curl", f"{URL}/v1/chat/completions"]
    assert json.loads(command[-1])["model"] == "hello"
    assert f"  curl {URL}/v1/models" in lines


def test_without_a_combo_it_tries_an_alias_then_a_listed_model_then_shows_the_form(tmp_path: Path) -> None:
    house = '[providers.house]\nbase_url = "http://10.0.0.7/v1"\nauth = "none"\n'
    assert '"provider/model"' in said(tmp_path, house)
    assert '"house/m"' in said(tmp_path, f"{house}[providers.house.models.m]\n")
    aliased = said(tmp_path, f'{house}[providers.house.models.m]\n[aliases]\n"it\'s" = "house/m"\n')
    body = next(line for line in aliased.splitlines() if line.startswith("    -d "))
    assert json.loads(shlex.split(body)[1])["model"] == "it's"


def test_a_provider_without_its_secret_is_marked_and_a_secret_is_never_shown(tmp_path: Path) -> None:
    text = ECHO + '[providers.openai]\napi_key = "env:PLANTED_KEY"\n'
    assert "openai: https://api.openai.com/v1  (!) secret env:PLANTED_KEY" in said(tmp_path, text)
    given = said(tmp_path, text, {"PLANTED_KEY": SECRET})
    assert "openai: https://api.openai.com/v1\n" in given
    assert SECRET not in given


def test_what_a_configuration_without_equipment_lacks_is_not_known(tmp_path: Path) -> None:
    snapshot = compiled(tmp_path, '[providers.openai]\napi_key = "env:PLANTED_KEY"\n')
    assert "(!)" not in banner(Live(snapshot, 1, 0, Trigger.START, b""), URL, (), __version__)


def test_it_says_who_may_ask(tmp_path: Path) -> None:
    assert "client keys    1, required\n" in said(tmp_path, ECHO + KEY)
    optional = f"{ECHO}[server]\nrequire_api_key = false\n{KEY}"
    assert "client keys    1, not required\n" in said(tmp_path, optional)
    asked = said(tmp_path, f"{ECHO}[server]\nrequire_api_key = true\n")
    assert "required, and none is written: `omniroute key new NAME`" in asked
    assert '-H "Authorization: Bearer $KEY"' in asked


def test_a_door_that_is_open_to_others_is_pointed_out(tmp_path: Path) -> None:
    def at(address: str, text: str = ECHO) -> bool:
        given = live(compiled(tmp_path, text), {})
        return "(!) whoever reaches this address may ask" in banner(given, address, (), __version__)

    assert at("http://0.0.0.0:20128")
    assert at("http://[::]:20128")
    assert not at("http://127.0.0.1:20128")
    assert not at("http://[::1]:20128")
    assert not at("http://0.0.0.0:20128", ECHO + KEY)


def test_long_lists_are_cut_and_counted(tmp_path: Path) -> None:
    many = "".join(f'[combos.c{number:02}]\ntargets = ["echo/x"]\n' for number in range(MOST_LINES + 3))
    text = said(tmp_path, ECHO + many)
    assert text.count(": priority of ") == MOST_LINES
    assert "… and 4 more" in text
