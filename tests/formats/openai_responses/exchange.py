"""Short ways to take a request, an answer and a stream of this format through its codec."""

import json
from pathlib import Path
from typing import Any

from omniroute.formats.codec import Context, Place
from omniroute.formats.framing import Splitter
from omniroute.formats.openai_responses import CODEC
from omniroute.formats.stream import Decoder
from omniroute.ir.events import Event
from omniroute.ir.loss import Loss
from omniroute.ir.parts import Part
from omniroute.ir.request import GenerateRequest, Message, Role
from omniroute.names import Format

ROOT = Path(__file__).parents[3]
OWN = ROOT / "tests/wire/openai-responses"
NOW = 1_760_000_000_123_456
CHAT = Format.OPENAI_CHAT


def read(**body: Any) -> GenerateRequest:
    """Read a request of these members."""
    return CODEC.read_request(CODEC.ask(json.dumps({"model": "m", **body}).encode(), Place()))


def write(request: GenerateRequest) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """Write a request; give its members and what was lost."""
    assert CODEC.render_request is not None
    rendered = CODEC.render_request(request)
    return rendered.body, rendered.losses


def asked(*parts: Part, role: Role = Role.USER, wire: Format = CHAT, **more: Any) -> GenerateRequest:
    """Make a request of another format, of one message."""
    return GenerateRequest(wire, "m", (Message(role, parts),) if parts else (), **more)


def paths(losses: tuple[Loss, ...] | list[Loss]) -> list[str]:
    """Give what losses name, and how."""
    return [f"{loss.path} {loss.kind} {loss.weight}" for loss in losses]


def context(request: GenerateRequest | None = None) -> Context:
    """Give what writing an answer needs."""
    return Context(request or read(input="hi"), "resp_1", "up-model", NOW)


def decoded(*pieces: bytes) -> list[Event]:
    """Read a stream."""
    decoder = Decoder(Splitter(), CODEC.reader())
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def record(kind: str, **told: Any) -> bytes:
    """Make a record."""
    return b"data: " + json.dumps({"type": kind, **told}).encode() + b"\n\n"


def encoded(*events: Event, request: GenerateRequest | None = None) -> tuple[list[dict[str, Any]], list[Loss]]:
    """Write a stream; give its records' data, and what was lost."""
    encoder = CODEC.encoder(context(request))
    records = Splitter().feed(b"".join(encoder.feed(event) for event in events))
    told = [json.loads(each.data) for each in records]
    assert [each.event.decode() for each in records] == [each["type"] for each in told]
    assert [each["sequence_number"] for each in told] == list(range(len(told)))
    return told, encoder.losses


def sample(case: str, part: str) -> bytes:
    """Give a part of a sample of our own."""
    return (OWN / case / part).read_bytes()
