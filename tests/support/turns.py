"""Conversations of several turns, as real agents sent them."""

import json
from functools import cache
from typing import Any, NamedTuple

from omniroute.formats import CODECS
from omniroute.formats.codec import Asked, Place
from omniroute.names import Format
from tests.support.corpus import TRAFFIC

# literal table: the turns of each agent's conversation, and what it speaks
AGENTS: dict[str, tuple[Format, str, str]] = {
    "claude-code": (Format.ANTHROPIC_MESSAGES, "claude-code-print-01", "claude-code-print-02"),
    "codex": (Format.OPENAI_RESPONSES, "codex-exec-00", "codex-exec-01"),
    "gemini-cli": (Format.GEMINI, "gemini-cli-00", "gemini-cli-01"),
    "opencode": (Format.OPENAI_CHAT, "opencode-chat-01", "opencode-chat-02"),
    "continue": (Format.OPENAI_CHAT, "continue-cn-00", "continue-cn-01"),
}


class Turn(NamedTuple):
    """One request of a conversation: what was sent, and what routing reads of it."""

    body: dict[str, Any]
    headers: dict[str, str]
    asked: Asked


@cache
def turns(agent: str) -> tuple[Turn, ...]:
    """Give the turns of an agent's recorded conversation."""
    wire, *names = AGENTS[agent]
    return tuple(_turn(wire, json.loads((TRAFFIC / f"clients/{name}.json").read_text())) for name in names)


def _turn(wire: Format, recorded: dict[str, Any]) -> Turn:
    return Turn(recorded["body"], recorded["headers"], asked(wire, recorded["body"]))


def asked(wire: Format, body: dict[str, Any], **style: Any) -> Asked:
    """Read a request as compact JSON, as SDKs write it, unless a style says otherwise."""
    text = json.dumps(body, ensure_ascii=False, **({"separators": (",", ":")} | style))
    return CODECS[wire].ask(text.encode(), Place("a-model", stream=True) if wire is Format.GEMINI else Place())
