"""What only providers of a request's own format can do: served there, and refused, by its name, everywhere else."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from omniroute.names import Format
from tests.support.answers import Saying, script
from tests.support.gateway import running
from tests.support.sdk import ASK, Heard, question
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import ScriptedUpstream
from tests.support.wires import ROOT, UPSTREAMS


@dataclass(frozen=True)
class Pinned:
    """A request that is bound to its format: what it asks for, and the word of the refusal that names it."""

    wire: Format
    feature: str
    asks: dict[str, Any]


HOSTED_ONLY = {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}
FORCED = {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}
UPLOADED = {"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}
KEPT = {"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "file-1"}}]}
MCP = {"mcp_servers": [{"type": "url", "url": "https://example.org/mcp", "name": "one"}]}
STORED = {
    "role": "user",
    "parts": [
        {
            "fileData": {
                "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/one",
                "mimeType": "application/pdf",
            }
        }
    ],
}
SEVERAL = {"generationConfig": {"candidateCount": 2}}

# literal table: a feature that binds a request to its own format, at least one of each kind that a format has
PINNED = (
    Pinned(Format.OPENAI_CHAT, "n", {"n": 2}),
    Pinned(Format.OPENAI_CHAT, "store", {"store": True}),
    Pinned(
        Format.OPENAI_CHAT, "modalities", {"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "mp3"}}
    ),
    Pinned(Format.OPENAI_CHAT, "web_search_options", {"web_search_options": {}, "tools": []}),
    Pinned(Format.OPENAI_RESPONSES, "previous_response_id", {"previous_response_id": "resp_1"}),
    Pinned(Format.OPENAI_RESPONSES, "conversation", {"conversation": "conv_1"}),
    Pinned(Format.OPENAI_RESPONSES, "background", {"background": True}),
    Pinned(Format.OPENAI_RESPONSES, "store", {"store": True}),
    Pinned(Format.OPENAI_RESPONSES, "prompt", {"prompt": {"id": "pmpt_1"}}),
    Pinned(Format.OPENAI_RESPONSES, "code_interpreter", HOSTED_ONLY),
    Pinned(Format.OPENAI_RESPONSES, "web_search", FORCED),
    Pinned(Format.OPENAI_RESPONSES, "file_id", {"input": [UPLOADED]}),
    Pinned(Format.OPENAI_RESPONSES, "item_reference", {"input": [{"type": "item_reference", "id": "msg_1"}]}),
    Pinned(Format.ANTHROPIC_MESSAGES, "container", {"container": "container_1"}),
    Pinned(Format.ANTHROPIC_MESSAGES, "mcp_servers", MCP),
    Pinned(Format.ANTHROPIC_MESSAGES, "file_id", {"messages": [KEPT]}),
    Pinned(Format.GEMINI, "cachedContent", {"cachedContent": "cachedContents/one"}),
    Pinned(Format.GEMINI, "candidateCount", SEVERAL),
    Pinned(Format.GEMINI, "fileData", {"contents": [STORED]}),
)


async def heard(pinned: Pinned, upstream_wire: Format, *, stream: bool) -> tuple[Heard, int]:
    """Ask on an upstream format; give what was heard, and how many requests came to the upstream."""
    said = script(upstream_wire, Saying("Served."), stream=stream)
    async with ScriptedUpstream(default=said) as upstream:
        house = provider("house", upstream.url + ROOT[upstream_wire], formats=frozenset({upstream_wire}))
        async with running(snapshot(house, aliases={"m": "house/m"})) as gateway:
            body = question(pinned.wire, "m", stream=stream) | pinned.asks
            got = await ASK[pinned.wire](gateway.url, body, stream=stream, strict=False)
        return got, len(upstream.requests)


@pytest.mark.parametrize("pinned", PINNED, ids=lambda each: f"{each.wire}-{each.feature}")
async def test_what_only_its_own_format_can_do_is_done_there_and_refused_elsewhere(pinned: Pinned) -> None:
    ways = [(wire, stream) for wire in UPSTREAMS for stream in (False, True)]
    answers = await asyncio.gather(*(heard(pinned, wire, stream=stream) for wire, stream in ways))
    for (wire, _), (got, requests) in zip(ways, answers, strict=True):
        if wire is pinned.wire:
            assert (got.text, got.error, requests) == ("Served.", None, 1)
        else:
            assert (got.status, requests) == (422, 0), (wire, got)
            assert pinned.feature in got.message, wire
