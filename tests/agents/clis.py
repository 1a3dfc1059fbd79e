"""The coding agents that are run, as npm installs them: how each is pointed at a gateway, and told to work alone.

Always true: an agent is started with an environment of its own, in a home of its own, and knows no address but the
gateway's; all of its processes are ended with the test.
"""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from omniroute.names import Format
from tests.support.answers import Call

ROOT = Path(__file__).parents[2]
BINARIES = ROOT / ".agents/node_modules/.bin"
LIMIT = 120.0
"""Seconds that an agent may take for its turn; a few are usual."""

FILE = "hello.txt"
QUESTION = f"What does {FILE} say?"
SHOW = f"cat {FILE}"


@dataclass(frozen=True)
class Agent:
    """A coding agent. ``call`` is what the scripted model answers first; functions are given the gateway's URL.

    ``files`` are written into its home before it starts.
    """

    name: str
    binary: str
    wire: Format
    model: str
    call: Call
    command: Callable[[str], Sequence[str]]
    environ: Callable[[str], Mapping[str, str]]
    files: Mapping[str, str]

    @property
    def installed(self) -> bool:
        """Whether it can be run."""
        return (BINARIES / self.binary).exists() and shutil.which("node") is not None


@dataclass(frozen=True)
class Ran:
    """What came of a run."""

    code: int
    out: str
    err: str


async def run(agent: Agent, url: str, home: Path, project: Path) -> Ran:
    """Let an agent answer the question in ``project``."""
    for name, text in agent.files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, "utf-8")
    node = shutil.which("node")
    assert node is not None
    process = await asyncio.create_subprocess_exec(
        str(BINARIES / agent.binary),
        *agent.command(url),
        cwd=project,
        env={
            "PATH": f"{Path(node).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "CI": "1",
            **agent.environ(url),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(LIMIT):
            out, err = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def claude_command(_: str) -> Sequence[str]:
    """https://docs.anthropic.com/en/docs/claude-code/cli-reference."""
    return ("-p", QUESTION, "--allowedTools", "Bash", "--model", "claude-sonnet-4-5", "--max-turns", "4")


def claude_environ(url: str) -> Mapping[str, str]:
    """https://docs.anthropic.com/en/docs/claude-code/settings#environment-variables."""
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "sk-client",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }


def codex_command(url: str) -> Sequence[str]:
    """https://developers.openai.com/codex/config-reference."""
    settings = {
        "model_provider": "gateway",
        "model_providers.gateway.name": "gateway",
        "model_providers.gateway.base_url": f"{url}/v1",
        "model_providers.gateway.env_key": "GATEWAY_KEY",
        "model_providers.gateway.wire_api": "responses",
        "model_providers.gateway.request_max_retries": 0,
        "model_providers.gateway.stream_max_retries": 0,
        "analytics.enabled": False,
        "check_for_update_on_startup": False,
        "sandbox_mode": "danger-full-access",
    }
    given = [part for name, value in settings.items() for part in ("-c", f"{name}={json.dumps(value)}")]
    return ("exec", "--skip-git-repo-check", "-m", "gpt-5-codex", *given, QUESTION)


def codex_environ(_: str) -> Mapping[str, str]:
    """Only the key; everything else is a setting."""
    return {"GATEWAY_KEY": "sk-client"}


def gemini_command(_: str) -> Sequence[str]:
    """https://geminicli.com/docs/cli/headless."""
    return ("-p", QUESTION, "--yolo", "-m", "gemini-2.5-pro")


def gemini_environ(url: str) -> Mapping[str, str]:
    """https://geminicli.com/docs/reference/configuration."""
    return {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "sk-client", "GEMINI_CLI_TRUST_WORKSPACE": "true"}


GEMINI_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
}

AGENTS = (
    Agent(
        "claude-code",
        "claude",
        Format.ANTHROPIC_MESSAGES,
        "claude-sonnet-4-5",
        Call("Bash", {"command": SHOW, "description": "Show the file"}),
        claude_command,
        claude_environ,
        {},
    ),
    Agent(
        "codex",
        "codex",
        Format.OPENAI_RESPONSES,
        "gpt-5-codex",
        Call("exec_command", {"cmd": SHOW}),
        codex_command,
        codex_environ,
        {".codex/config.toml": ""},
    ),
    Agent(
        "gemini-cli",
        "gemini",
        Format.GEMINI,
        "gemini-2.5-pro",
        Call("run_shell_command", {"command": SHOW, "description": "Show the file"}),
        gemini_command,
        gemini_environ,
        {".gemini/settings.json": json.dumps(GEMINI_SETTINGS)},
    ),
)
