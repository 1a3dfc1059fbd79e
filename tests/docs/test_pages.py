"""What the pages show is so: configurations load, links lead somewhere, commands exist.

A block of TOML is a fragment of a configuration: it is loaded beside the providers and names that it refers to. Where
the next block of its page shows a finding (``error[OR2003]: …``), it is meant to be wrong, and must be wrong in just
that way.
"""

import re
import shlex
import tomllib
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path

import click
import pytest

from omniroute.cli.main import main
from omniroute.config.load import load
from omniroute.config.render import RenderContext, render
from omniroute.config.schema import document_schema
from omniroute.config.source import Source
from omniroute.engine.files import shipped_catalogue
from tests.docs.markdown import Block, all_pages, anchors, blocks, links
from tests.house.tree import ROOT

PAGES = {page.relative_to(ROOT).as_posix(): page.read_text("utf-8") for page in all_pages()}
TESTED_ELSEWHERE = {"docs/reference/rules.md"}
"""Both examples of every rule are loaded by ``tests/config/test_rules.py``."""
FINDING = re.compile(r"^(?:error|warning)\[OR\d{4}\]: .*$", re.MULTILINE)
COMMAND = re.compile(r"^\$ (?P<command>(?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE)
SCHEMA = document_schema()
CATALOGUE = shipped_catalogue()
KNOWN = {source.name.removeprefix("catalogue/").removesuffix(".toml") for source in CATALOGUE}
HOUSE = 'base_url = "https://api.example.com/v1"\n'
KEY = 'api_key = "env:EXAMPLE_API_KEY"\n'

each_page = pytest.mark.parametrize("name", PAGES)


def fragments() -> Iterator[tuple[str, Block, list[str]]]:
    """Give every block of TOML, with the findings that its page shows of it."""
    for name, page in PAGES.items():
        found = blocks(page)
        for number, block in enumerate(found):
            if block.language == "toml" and name not in TESTED_ELSEWHERE:
                following = found[number + 1].text if number + 1 < len(found) else ""
                yield f"{name}:{block.line}", block, FINDING.findall(following)


def surroundings(text: str) -> str:
    """Write what a fragment refers to and does not bring along, and a provider where it has none."""
    written = tomllib.loads(text)
    aliases, combos = written.get("aliases", {}), written.get("combos", {})
    targets = [
        each if isinstance(each, str) else each["model"] for combo in combos.values() for each in combo["targets"]
    ]
    policies, budgets = written.get("policies", {}), written.get("budgets", {})
    allowed = [name for policy in policies.values() for name in policy.get("allow_models", ())]
    named = [*aliases.values(), *targets, *allowed]
    providers = {name.partition("/")[0] for name in named if "/" in name} - written.get("providers", {}).keys()
    names = {name for name in named if "/" not in name} - {*aliases, *combos}
    lines = ["[providers.echo]\n", *(f"[providers.{name}]\n{_access(name)}" for name in sorted(providers - {"echo"}))]
    lines += [f'[combos.{name}]\ntargets = ["echo/x"]\n' for name in sorted(names)]
    paid = {name for policy in policies.values() for name in policy.get("budgets", ())}
    lines += [f'[budgets.{name}]\nlimit = "1 USD"\n' for name in sorted(paid - budgets.keys())]
    lines += [f'[policies.{name}-pays]\nbudgets = ["{name}"]\n' for name in sorted(budgets.keys() - paid)]
    held = {key.get("policy") for key in written.get("keys", {}).values()} | {written.get("defaults", {}).get("policy")}
    free = [*(policies.keys() - held), *(f"{name}-pays" for name in budgets.keys() - paid)]
    lines += [
        f'[keys.{name}]\nsha256 = "{sha256(name.encode()).hexdigest()}"\npolicy = "{name}"\n' for name in sorted(free)
    ]
    return "\n".join(each for each in lines if each.partition("\n")[0] not in text)


def _access(name: str) -> str:
    return KEY if name in KNOWN else HOUSE + KEY


def findings(text: str) -> list[str]:
    """Load a fragment, and give its errors and warnings as people read them."""
    shipped = [*CATALOGUE, Source("catalogue/example.toml", f"[providers.example]\n{HOUSE}", shipped=True)]
    loaded = load(
        shipped, [Source("shown.toml", text), Source("beside.toml", surroundings(text))], SCHEMA, date(2026, 11, 23)
    )
    return FINDING.findall(render(loaded.diagnostics, "human", RenderContext("")))


@pytest.mark.parametrize(("text", "expected"), [pytest.param(b.text, shown, id=name) for name, b, shown in fragments()])
def test_a_configuration_that_is_shown_loads_or_is_wrong_as_it_is_said_to_be(text: str, expected: list[str]) -> None:
    assert findings(text) == expected


def test_faults_in_fragments_are_found() -> None:
    assert findings('[combos.x]\ntargets = ["openai/gpt-5", "fast", { model = "house/m" }]\n') == []
    assert findings("[providers.openai]\napi_kye = 'env:X'\n") == [
        "error[OR2003]: unknown key `api_kye` in provider `openai`"
    ]
    assert findings("[server]\nproxy = 'http://127.0.0.1:1'\n")[0].startswith("error[OR2006]")


@each_page
def test_every_link_within_the_repository_leads_to_a_file_and_a_heading_in_it(name: str) -> None:
    dead = []
    for target in links(PAGES[name]):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists() or (fragment and fragment not in anchors(file.read_text("utf-8"))):
            dead.append(target)
    assert dead == []


def commands() -> Iterator[tuple[str, str]]:
    """Give every command line of ours that a page shows."""
    for name, page in PAGES.items():
        for block in blocks(page):
            for each in COMMAND.finditer(block.text) if block.language == "console" else ():
                words = shlex.split(each["command"].replace("\\\n", " "), comments=True)
                if words and Path(words[0]).name == "omniroute":
                    yield f"{name}:{block.line}", shlex.join(words[1:])


def does_something_itself(command: click.Group, words: list[str]) -> bool:
    """Say whether it is the group that is called, and no command below it."""
    return command.invoke_without_command and (not words or words[0].startswith("-"))


@pytest.mark.parametrize(("arguments"), [pytest.param(line, id=f"{where} {line}") for where, line in commands()])
def test_a_command_that_is_shown_is_understood(arguments: str) -> None:
    command: click.Command = main
    context = click.Context(main)
    words = shlex.split(arguments)
    while isinstance(command, click.Group) and not does_something_itself(command, words):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context)
    command.make_context(command.name, words)


def test_there_is_something_to_test() -> None:
    assert {"README.md", "docs/tutorial.md", "docs/reference/config.md"} <= PAGES.keys()
    assert len(list(fragments())) >= 5
    assert any(expected for _, _, expected in fragments())
    assert len(list(commands())) >= 5
    assert links("a [b](c.md#d) `[x](y)` ![p](q.png)\n```\n[e](f)\n```\n") == ["c.md#d"]
    assert anchors("# The `[server]` table, *now*\n## OR2006 not-yet (error)\n") == {
        "the-server-table-now",
        "or2006-not-yet-error",
    }
