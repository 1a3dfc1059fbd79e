"""Samples of every wire format: our own in tests/wire, and recorded traffic and clients' requests where at hand.

Only ``CODECS`` decides which formats there are: a format without samples gives none, and the laws say so.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from omniroute.formats import CODECS
from omniroute.formats.codec import Codec, Place
from omniroute.names import Format

ROOT = Path(__file__).parents[2]
WIRE = ROOT / "tests/wire"
TRAFFIC = ROOT / "../shared/traffic"
NEEDS_TRAFFIC = pytest.mark.skipif(not TRAFFIC.is_dir(), reason="recorded provider traffic is not at hand")

MODEL = "a-model"
STREAMS = ("stream.sse", "stream.ndjson")

PATHS: dict[str, Format] = {
    r"/chat/completions$": Format.OPENAI_CHAT,
    r"(?<!chat)/completions$": Format.OPENAI_COMPLETIONS,
    r"/responses$": Format.OPENAI_RESPONSES,
    r"/messages$": Format.ANTHROPIC_MESSAGES,
    r":(generate|streamGenerate)Content$": Format.GEMINI,
    r"/api/chat$": Format.OLLAMA,
}
"""Where the requests of each format are sent."""


class Sample(NamedTuple):
    """One exchange; what it has not is None. ``where`` is what its path said, in formats that say something there."""

    name: str
    format: Format
    place: Place
    request: bytes | None = None
    response: bytes | None = None
    stream: bytes | None = None
    status: int = 200

    def __str__(self) -> str:
        return self.name

    @property
    def codec(self) -> Codec:
        return CODECS[self.format]


def place_of(codec: Codec, model: str, *, stream: bool) -> Place:
    """Give what a request's path says: something only where a model's path depends on its name."""
    return Place(model, stream) if codec.url("one", False) != codec.url("another", False) else Place()


def own() -> list[Sample]:
    """Give our own samples of every format."""
    return [_own(wire, case) for wire in CODECS for case in sorted((WIRE / wire.value).glob("*/")) if case.is_dir()]


def _own(wire: Format, case: Path) -> Sample:
    parts = {each.name: each.read_bytes() for each in case.iterdir()}
    streams = [parts[name] for name in STREAMS if name in parts]
    response = parts.get("response.json")
    place = place_of(CODECS[wire], MODEL, stream=response is None and bool(streams))
    stream = streams[0] if streams else None
    return Sample(f"own-{wire}-{case.name}", wire, place, parts.get("request.json"), response, stream)


@cache
def recorded() -> list[Sample]:
    """Give every recorded exchange with a provider; none where the traffic is not at hand."""
    found = []
    for wire in CODECS:
        for path in sorted((TRAFFIC / wire.value).glob("*.json")):
            exchange = json.loads(path.read_text("utf-8"))
            if _format_of(exchange["path"]) is wire:
                found.append(_recorded(wire, exchange))
    return found


def _recorded(wire: Format, exchange: dict[str, Any]) -> Sample:
    body = exchange["request_body"]
    answer = exchange["response_body"].encode()
    streamed = exchange["stream"] and exchange["status"] == 200
    return Sample(
        exchange["id"],
        wire,
        _place(CODECS[wire], exchange["path"], stream=exchange["stream"]),
        json.dumps(body).encode() if isinstance(body, dict) else None,
        None if streamed else answer,
        answer if streamed else None,
        exchange["status"],
    )


@cache
def clients() -> list[Sample]:
    """Give the recorded requests of clients; none where the traffic is not at hand."""
    found = []
    for path in sorted((TRAFFIC / "clients").glob("*.json")):
        sent = json.loads(path.read_text("utf-8"))
        wire = _format_of(sent["path"])
        if wire in CODECS and isinstance(sent["body"], dict):
            place = _place(CODECS[wire], sent["path"], stream="stream" in sent["path"])
            found.append(Sample(sent["id"], wire, place, json.dumps(sent["body"]).encode()))
    return found


def _format_of(path: str) -> Format | None:
    bare = path.partition("?")[0]
    return next((wire for pattern, wire in PATHS.items() if re.search(pattern, bare)), None)


def _place(codec: Codec, path: str, *, stream: bool) -> Place:
    named = re.search(r"([^/]+):\w+$", path.partition("?")[0])
    return place_of(codec, named[1] if named else MODEL, stream=stream)


def samples() -> list[Sample]:
    """Give every sample there is."""
    return own() + recorded() + clients()


def having(part: str) -> list[Sample]:
    """Give the samples that have this part."""
    return [sample for sample in samples() if getattr(sample, part) is not None]


def answers() -> list[Sample]:
    """Give the samples with a whole answer that is no error."""
    return [each for each in having("response") if each.status == 200 and not _complains(each)]


def _complains(sample: Sample) -> bool:
    return sample.response is not None and sample.codec.answer(sample.response).complaint is not None
