"""Coding agents from npm, each a whole turn with a tool call, through a gateway process, on every upstream format.

``make agents`` installs them at the versions of ``package.json`` and runs this; without them it is skipped.
"""

from pathlib import Path
from uuid import uuid4

import pytest

from omniroute.names import Format
from tests.agents.clis import AGENTS, FILE, Agent, run
from tests.support.answers import Saying, script
from tests.support.peer import Recorded, Script
from tests.support.process import process_of
from tests.support.upstream import ScriptedUpstream, json_answer
from tests.support.wires import ROOT, UPSTREAMS, results, streams, tools

MODEL = "scripted"


class Model:
    """A scripted model: it calls the tool, and when the tool's result has come back, says what it was."""

    def __init__(self, wire: Format, agent: Agent, secret: str) -> None:
        self.wire = wire
        self.agent = agent
        self.secret = secret
        self.results: list[str] = []

    def respond(self, asked: Recorded) -> Script:
        if asked.method != "POST":
            return json_answer({}, 404)
        body = asked.json()
        return script(self.wire, self._say(body), stream=streams(self.wire, asked))

    def _say(self, body: dict[str, object]) -> Saying:
        if self.agent.call.name not in tools(self.wire, body):
            return Saying("A side question.", model=MODEL)
        self.results = results(self.wire, body)
        if not self.results:
            return Saying("", [self.agent.call], model=MODEL)
        found = self.secret in self.results[-1]
        return Saying(f"It says {self.secret}." if found else "The result is lost.", model=MODEL)


def written(wire: Format, upstream: ScriptedUpstream) -> str:
    """The configuration: whatever an agent asks for, the scripted model answers."""
    base = upstream.url + ROOT[wire]
    return (
        f'[providers.house]\nbase_url = "{base}"\nformats = ["{wire}"]\nauth = "none"\n\n'
        f'[aliases]\n"claude-*" = "house/{MODEL}"\n"gpt-*" = "house/{MODEL}"\n"gemini-*" = "house/{MODEL}"\n'
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "project").mkdir()
    return tmp_path


@pytest.mark.parametrize("wire", UPSTREAMS, ids=str)
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
async def test_an_agent_completes_a_turn_with_a_tool_call(agent: Agent, wire: Format, project: Path) -> None:
    if not agent.installed:
        pytest.skip(f"{agent.name} is not installed; make agents installs it")
    secret = uuid4().hex
    (project / "project" / FILE).write_text(f"{secret}\n", "utf-8")
    model = Model(wire, agent, secret)
    config = project / "routes.toml"
    async with ScriptedUpstream(respond=model.respond) as upstream:
        config.write_text(written(wire, upstream), "utf-8")
        async with process_of(config, project / "omniroute.db") as gateway:
            ran = await run(agent, gateway.url, project / "home", project / "project")
    log = (project / "gateway.log").read_text("utf-8")
    assert ran.code == 0, (ran, log)
    assert f"It says {secret}." in ran.out, (ran, log)
    assert len(model.results) == 1
    assert {asked.json()["model"] for asked in upstream.requests if wire is not Format.GEMINI} <= {MODEL}
    assert all(asked.method == "POST" for asked in upstream.requests)
