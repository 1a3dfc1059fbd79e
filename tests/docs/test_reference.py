"""The reference pages are what the code says, and leave nothing of it out."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest

from omniroute.cli.exits import Exit
from omniroute.cli.main import main
from omniroute.config.document.base import STATUS
from omniroute.config.rules import RULES
from omniroute.config.schema import document_schema
from omniroute.config.snapshot import Server
from omniroute.errors import OmniRouteError
from omniroute.gateway.routes import DEDICATED, INFERENCE, OPERATIONS, PAGES, READS, TAUGHT
from omniroute.ir.complaint import Complaint
from omniroute.names import FailureKind
from omniroute.routing.failure import MEANING
from omniroute.routing.judge import kind_of
from omniroute.settings import Settings
from tests.docs.markdown import prose
from tests.support.client import Received, chat, fetch
from tests.support.docs import FOLDER, outdated, pages, write
from tests.support.gateway import running
from tests.support.reference.errors import UNSEEN
from tests.support.reference.http import HEADERS, KEYS
from tests.support.snapshots import key, provider, snapshot
from tests.support.upstream import ScriptedUpstream, chat_answer, chat_stream, error_answer
from tests.support.written import snapshot as written

MADE = pages()


def test_the_committed_pages_are_what_the_code_says() -> None:
    assert outdated() == [], "write them anew with `make docs`, and read the difference"
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(MADE)


def test_a_page_that_is_out_of_date_is_named(tmp_path: Path) -> None:
    assert outdated(tmp_path) == list(MADE)
    write(tmp_path)
    assert outdated(tmp_path) == []
    (tmp_path / "cli.md").write_text("something else\n")
    assert outdated(tmp_path) == ["cli.md"]


def tables(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    yield from (each for each in node["$defs"].values() if "properties" in each)


def test_every_key_of_the_language_is_described() -> None:
    page = MADE["config.md"]
    for each in tables(document_schema()):
        for name, node in each["properties"].items():
            planned = STATUS in node
            rows = re.findall(rf"^\| `{re.escape(name)}` \| .*$", page, re.MULTILINE)
            headings = re.findall(rf"^#+ `\[+(?:.*\.)?{re.escape(name)}(?:\.NAME)?\]+`$", page, re.MULTILINE)
            assert rows or headings, name
            assert not planned or headings or any("*Not supported yet.*" in row for row in rows), name


def test_every_row_has_as_many_cells_as_its_table_has_columns() -> None:
    for name, page in MADE.items():
        rows = [len(re.findall(r"(?<!\\)\|", line)) for line in page.splitlines() if line.startswith("|")]
        lines = [line for line in page.splitlines() if line.startswith("| ---")]
        assert rows or name == "rules.md"
        assert set(rows) <= {len(line.split("|")) - 1 for line in lines}, name


def test_every_command_option_exit_code_and_variable_is_described() -> None:
    page = MADE["cli.md"]
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert f"## omniroute {name}" in page
        for parameter in command.params:
            assert all(option in page for option in parameter.opts if option.startswith("-")), (name, parameter.name)
    assert all(f"| {code.value} |" in page for code in Exit)
    assert all(f"`OMNIROUTE_{name.upper()}`" in page for name in Settings.model_fields)


def test_every_rule_is_described() -> None:
    assert all(f"### {code} " in MADE["rules.md"] for code in RULES)


def test_every_path_is_described() -> None:
    page = MADE["http.md"]
    for path in (
        *INFERENCE,
        *DEDICATED,
        *(each.replace(":path", "") for page in (*PAGES, *READS) for each in page.paths),
    ):
        assert f"{path}` |" in page
    for each in (*OPERATIONS, *TAUGHT):
        assert f"| `{each.path}` |" in page


async def test_every_header_of_ours_is_described_and_every_described_one_is_sent() -> None:
    async with ScriptedUpstream() as upstream:
        targets = provider("house", upstream.url + "/v1", replaced={"old": "m"})
        async with running(snapshot(targets)) as gateway:
            upstream.then(error_answer("slow down", 429, (("retry-after", "7"),)))
            url = f"{gateway.url}/v1/chat/completions"
            answers = [await fetch(url, chat(each)) for each in ("house/m", "house/old")]
            answers.append(await fetch(f"{gateway.url}/nowhere", method="GET"))
            translated = {
                "model": "house/m",
                "max_tokens": 9,
                "top_k": 3,
                "messages": [{"role": "user", "content": "hi"}],
            }
            upstream.then(chat_stream("Hello"))
            wish = {"x-omniroute-progress": "true", "x-session-id": "s1"}
            answers.append(await fetch(f"{gateway.url}/v1/messages", {**translated, "stream": True}, wish))
            answers.append(await fetch(f"{gateway.url}/v1/messages/count_tokens", translated))
    answers += await limited_and_kept()
    names = {name for answer in answers for name in answer.headers}
    sent = {re.sub("^x-ratelimit-.*", "x-ratelimit-…", name) for name in names}
    sent = {name for name in sent if name.startswith("x-") or name in {"retry-after", "age"}}
    assert sent == {name.lower() for name, _, _ in HEADERS}


async def limited_and_kept() -> list[Received]:
    """Give answers that a cache, an idempotency key and a spent budget have to do with."""
    async with ScriptedUpstream(default=chat_answer("Hello.")) as upstream:
        house = f'[providers.house]\nbase_url = "{upstream.url}/v1"\nauth = "none"\n'
        text = (
            f'{house}[cache]\nexact = {{}}\n[defaults]\npolicy = "all"\n[policies.all]\nbudgets = ["b"]\n'
            'rate = { requests_per_minute = 99 }\n[budgets.b]\nlimit = "0 USD"\n'
            'on_exceed = { downgrade = "house/unknown" }\n'
            '[providers.house.models.dear]\nprice = { input = "1", output = "1" }\n'
        )
        async with running(written(text)) as gateway:
            url = f"{gateway.url}/v1/chat/completions"
            answers = [await fetch(url, chat(each)) for each in ("house/dear", "house/unknown")]
            while "age" not in answers[-1].headers:  # it is kept a moment after it was given
                answers.append(await fetch(url, chat("house/unknown")))
            named = {"idempotency-key": "k", "cache-control": "no-cache"}
            return [*answers, *[await fetch(url, chat("house/unknown"), named) for _ in range(2)]]


async def test_a_key_is_taken_from_every_header_that_is_described() -> None:
    async with ScriptedUpstream() as upstream:
        keys = [key("alice", "sk-omni-alice")]
        guarded = snapshot(provider("house", upstream.url + "/v1"), keys=keys, server=Server(require_api_key=True))
        async with running(guarded) as gateway:
            for written, _ in KEYS:
                name, _, value = written.partition(": ")
                headers = {name: value.replace("KEY", "sk-omni-alice")}
                assert (await fetch(f"{gateway.url}/v1/chat/completions", chat("house/m"), headers)).status == 200, name


def errors(root: type[OmniRouteError] = OmniRouteError) -> Iterator[type[OmniRouteError]]:
    for each in root.__subclasses__():
        yield each
        yield from errors(each)


def test_every_error_that_a_client_can_see_is_described() -> None:
    page = MADE["errors.md"]
    for each in errors():
        if each not in UNSEEN and each.__module__.startswith("omniroute."):
            assert f"| `{each.code}` | {each.status} |" in page, each
    for kind, meaning in MEANING.items():
        assert re.search(rf"^\| `{kind}` \| .* \| {meaning.status}[^|]* \| `{meaning.code}` \|$", page, re.MULTILINE), (
            kind
        )


def test_statuses_that_are_not_listed_are_read_as_the_page_says() -> None:
    assert kind_of(418, Complaint("")) is FailureKind.INVALID
    assert kind_of(599, Complaint("")) is FailureKind.DOWN


async def test_what_is_said_of_paths_and_methods_is_described() -> None:
    async with running(snapshot(provider("house"))) as gateway:
        for path, method in (("/nowhere", "GET"), ("/healthz", "DELETE")):
            answer = await fetch(gateway.url + path, method=method)
            assert f"| `{answer.json()['error']['code']}` | {answer.status} |" in MADE["errors.md"]


@pytest.mark.parametrize("name", MADE)
def test_a_page_reads_from_the_top(name: str) -> None:
    lines = prose(MADE[name]).splitlines()
    assert lines[2].startswith("# ")
    levels = [len(line) - len(line.lstrip("#")) for line in lines if re.match("#+ ", line)]
    assert levels.count(1) >= 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
