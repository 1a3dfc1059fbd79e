"""What an upstream is sent in one turn begins with what it was sent in the turn before: its prompt cache stays of use.

Measured on what agents really sent: the second request of each conversation holds the first, and an answer between.
"""

import json
from typing import Any

import pytest

from omniroute.formats import CODECS
from omniroute.formats.codec import Place, Terms, ThinkingMode
from omniroute.formats.rethink import Rule
from omniroute.formats.shape import Shaping, Told
from omniroute.formats.translate import Translation
from omniroute.names import Format
from tests.support.corpus import NEEDS_TRAFFIC
from tests.support.turns import AGENTS, Turn, turns

pytestmark = NEEDS_TRAFFIC

TERMS = Terms("up", 64_000, thinking=ThinkingMode.TOKENS)
BEFORE = {"system", "instructions", "systemInstruction", "tools", "prompt_cache_key"}
TURNS = ("messages", "input", "contents")
UPSTREAMS = [wire for wire, codec in CODECS.items() if codec.render_request is not None]
SHAPINGS = [
    None,
    Shaping(told=Told("prepend", "Mind the law."), thinking=Rule("custom", 4_096)),
    Shaping("Be brief.", "^(?!bash)", Told("append", "Mind the law."), Rule("auto")),
]


def sent(turn: Turn, wire: Format, upstream: Format, shaping: Shaping | None) -> bytes:
    carrier = Translation(CODECS[wire], turn.asked).under(shaping).carrier(upstream, TERMS, "req", 0)
    return carrier.prepare().body


def unmarked(value: Any) -> Any:
    """Take out cache markers: they say where a prefix ends, and are no part of it."""
    if isinstance(value, dict):
        return {name: unmarked(each) for name, each in value.items() if name != "cache_control"}
    return [unmarked(each) for each in value] if isinstance(value, list) else value


def prompt(body: bytes) -> tuple[bytes, list[bytes]]:
    """Give what stands before the conversation, and the conversation, both as the bytes that are sent."""
    read: dict[str, Any] = unmarked(json.loads(body))
    conversation = next(read[name] for name in TURNS if name in read)
    before = {name: value for name, value in read.items() if name in BEFORE}
    return json.dumps(before).encode(), [json.dumps(each).encode() for each in conversation]


@pytest.mark.parametrize("shaping", SHAPINGS, ids=["as it is", "prepended", "replaced"])
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("agent", AGENTS)
def test_a_turn_begins_with_the_turn_before_in_every_upstreams_format(
    agent: str, upstream: Format, shaping: Shaping | None
) -> None:
    (before, first), (again, second) = (
        prompt(sent(turn, AGENTS[agent][0], upstream, shaping)) for turn in turns(agent)
    )
    assert before == again
    assert len(second) > len(first)
    assert second[: len(first)] == first


@pytest.mark.parametrize("agent", AGENTS)
def test_in_the_clients_own_format_every_byte_but_the_models_name_is_the_clients(agent: str) -> None:
    wire = AGENTS[agent][0]
    for turn in turns(agent):
        client = turn.asked
        patched = CODECS[wire].ask(sent(turn, wire, wire, None), _place(wire))
        theirs = {name: client.body[where] for name, where in client.fields.items()}
        ours = {name: patched.body[where] for name, where in patched.fields.items()}
        changed = {name for name in ours if ours[name] != theirs.get(name)}
        assert changed <= {"model", "stream_options"}
        assert b'"cache_control"' in client.body or agent != "claude-code"
        assert b'"prompt_cache_key"' in patched.body or agent != "codex"


def _place(wire: Format) -> Any:
    from_path = turns("gemini-cli")[0].asked if wire is Format.GEMINI else None
    return Place(from_path.model, stream=True) if from_path else Place()
