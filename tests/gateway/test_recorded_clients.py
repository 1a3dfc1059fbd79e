"""What real clients were recorded to ask for, through the gateway, on every upstream format.

Each recorded request for an answer is asked again by the official SDK of its format, with the body and the headers of
the record; the upstream answers with words, or calls a tool that it was offered. The client must hear just that, the
call by the name under which it offered the tool itself; and what the upstream is asked must be a request that its own
official SDK could have sent.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from omniroute.names import Format
from tests.support.answers import Call, Saying, script
from tests.support.gateway import running
from tests.support.peer import Recorded, Script
from tests.support.sdk import ASK, Heard
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import ScriptedUpstream
from tests.support.wellformed import faults
from tests.support.wires import PATH, ROOT, UPSTREAMS, streams, tools

CLIENTS = Path(__file__).parents[2] / "../shared/traffic/clients"
SENT_BY_SDK = re.compile("authorization|x-api-key|x-goog-api-key|content-type|accept|user-agent|x-stainless-")
"""Headers that every SDK sends for itself."""
WORDS = "All is calm."
GIVEN = {"a": 1}

# literal table: a recorded request, an upstream format that cannot serve it, and the feature that the refusal names
REFUSED: dict[tuple[str, Format], str] = {}


@dataclass(frozen=True)
class Asked:
    """A recorded request for an answer."""

    name: str
    wire: Format
    stream: bool
    headers: dict[str, str]
    body: dict[str, Any]


def wire_of(path: str) -> Format | None:
    """Which format is spoken at a path; None where no answer is asked for."""
    if path.startswith("/v1beta/models/") and path.endswith(("generateContent", "GenerateContent")):
        return Format.GEMINI
    return next((wire for wire, own in PATH.items() if path == own), None)


def read(path: Path) -> Asked | None:
    """Read a record; None where it asks for no answer."""
    record = json.loads(path.read_bytes())
    place = urlsplit(record["path"]).path
    wire = wire_of(place)
    if record["method"] != "POST" or wire is None:
        return None
    body = record["body"]
    stream = bool(body.get("stream", wire is Format.OLLAMA))
    if wire is Format.GEMINI:
        stream = place.endswith(":streamGenerateContent")
    headers = {name: value for name, value in record["headers"].items() if not SENT_BY_SDK.match(name)}
    # By another name for the model, as an SDK may warn of its own provider's old ones.
    return Asked(path.stem, wire, stream, headers, {**body, "model": "m"})


RECORDS = [found for path in sorted(CLIENTS.glob("*.json")) if (found := read(path)) is not None]

pytestmark = pytest.mark.skipif(not RECORDS, reason="the recorded requests are not here")


# literal table: a recorded request, an upstream format, and what its SDK holds against what is sent there
FAULTS: dict[tuple[str, Format], str] = {}


async def heard(asked: Asked, wire: Format, tool: int | None) -> tuple[Heard, list[str]]:
    """Ask on an upstream format; the answer is words, or a call of a tool that was offered there.

    Gives what was heard, and what the upstream's own SDK holds against what it was asked.
    """
    wrong: list[str] = []

    def respond(request: Recorded) -> Script:
        wrong.extend(faults(wire, request.json()))
        offered = list(tools(wire, request.json()))
        said = Saying(WORDS) if tool is None else Saying("", [Call(sorted(offered)[tool], GIVEN)])
        return script(wire, said, stream=streams(wire, request))

    async with ScriptedUpstream(respond=respond) as upstream:
        house = provider("house", upstream.url + ROOT[wire], formats=frozenset({wire}))
        async with running(snapshot(house, aliases={"m": "house/m"})) as gateway:
            got = await ASK[asked.wire](
                gateway.url, asked.body, stream=asked.stream, strict=asked.wire is not wire, headers=asked.headers
            )
            return got, wrong


def named(asked: Asked) -> str:
    return asked.name


@pytest.mark.parametrize("asked", RECORDS, ids=named)
async def test_a_recorded_request_is_answered_with_words_on_every_upstream_format(asked: Asked) -> None:
    answers = await asyncio.gather(*(heard(asked, wire, None) for wire in UPSTREAMS))
    assert {(asked.name, wire): bool(wrong) for wire, (_, wrong) in zip(UPSTREAMS, answers, strict=True)} == {
        (asked.name, wire): (asked.name, wire) in FAULTS for wire in UPSTREAMS
    }, answers
    for wire, (got, _) in zip(UPSTREAMS, answers, strict=True):
        feature = REFUSED.get((asked.name, wire))
        if feature is None:
            assert (got.text, got.calls, got.finish, got.error) == (WORDS, [], "stop", None), (wire, got)
        else:
            assert got.status == 422, (wire, got)
            assert feature in got.message


@pytest.mark.parametrize("tool", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize("asked", [each for each in RECORDS if tools(each.wire, each.body)], ids=named)
async def test_a_recorded_request_is_answered_with_a_call_of_its_own_tool(asked: Asked, tool: int) -> None:
    wires = [wire for wire in UPSTREAMS if (asked.name, wire) not in REFUSED]
    answers = await asyncio.gather(*(heard(asked, wire, tool) for wire in wires))
    for wire, (got, _) in zip(wires, answers, strict=True):
        assert (got.text, got.finish, got.error) == ("", "tools", None), (wire, got)
        [(name, given)] = got.calls
        assert name in tools(asked.wire, asked.body), wire
        assert given == GIVEN, wire


def test_every_refusal_and_every_fault_names_a_record() -> None:
    assert {name for name, _ in (*REFUSED, *FAULTS)} <= {each.name for each in RECORDS}
