"""Samples of this format, our own and recorded, and short ways through its codec."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from omniroute.formats.anthropic_messages import CODEC
from omniroute.formats.codec import Context, Place
from omniroute.formats.framing import Record
from omniroute.formats.stream import Decoder
from omniroute.ir.events import Event
from omniroute.ir.request import GenerateRequest
from omniroute.names import Format

ROOT = Path(__file__).parents[3]
WIRE = ROOT / "tests/wire/anthropic-messages"
TRAFFIC = ROOT / "../shared/traffic/anthropic-messages"
CLIENTS = ROOT / "../shared/traffic/clients"
COUNTS = ROOT / "../shared/traffic/anthropic-count-tokens"
NEEDS_TRAFFIC = pytest.mark.skipif(not TRAFFIC.is_dir(), reason="recorded provider traffic is not at hand")

OWN = Format.ANTHROPIC_MESSAGES
OTHER = Format.OPENAI_CHAT
CONTEXT = Context(GenerateRequest(OWN, "asked", ()), "msg_ours", "a-model", 1_763_000_000_123_456)


def own(part: str) -> list[Path]:
    """Give the cases of our own that have this part."""
    found = sorted(path.parent for path in WIRE.glob(f"*/{part}"))
    assert found, f"no sample with a {part} under {WIRE}"
    return found


def expected(case: Path) -> Any:
    """Give what a codec must learn from a case of our own."""
    return json.loads((case / "expected.json").read_text("utf-8"))


def recorded(*, stream: bool) -> list[bytes]:
    """Give every recorded answer, whole or streamed; none where the traffic is not at hand."""
    exchanges = (json.loads(path.read_text("utf-8")) for path in sorted(TRAFFIC.glob("*.json")))
    return [each["response_body"].encode() for each in exchanges if each["stream"] is stream and each["status"] == 200]


def asked() -> list[dict[str, Any]]:
    """Give every recorded request for an answer of this format, to providers and of clients; none where not at hand."""
    paths = [*sorted(TRAFFIC.glob("*.json")), *sorted(CLIENTS.glob("*.json"))]
    exchanges = [json.loads(path.read_text("utf-8")) for path in paths]
    sent = [each.get("request_body") or each.get("body") for each in exchanges if "/messages" in each["path"]]
    return [body for body in sent if isinstance(body, dict)]


def read(value: Mapping[str, Any]) -> GenerateRequest:
    """Read a request; what every request needs is added."""
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **value}
    return CODEC.read_request(CODEC.ask(json.dumps(body).encode(), Place()))


def decoded(*pieces: bytes) -> list[Event]:
    """Read a stream."""
    decoder = Decoder(CODEC.splitter(), CODEC.reader())
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def record(value: Any, name: str = "") -> Record:
    """Make a record."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Record(data, data, name.encode())


def records(body: bytes) -> list[tuple[str, Any]]:
    """Take a written stream apart: the name of each record, and its data."""
    lines = [part.split("\n") for part in body.decode().split("\n\n") if part]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def encoded(events: Iterable[Event]) -> tuple[list[tuple[str, Any]], list[str]]:
    """Write a stream; give its records, and the paths of what was lost."""
    encoder = CODEC.encoder(CONTEXT)
    body = b"".join([encoder.feed(event) for event in events])
    return records(body), [loss.path for loss in encoder.losses]
