"""Samples of the openai-chat format: our own in tests/wire, and recorded traffic where it is at hand."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
OWN = ROOT / "tests/wire/openai-chat"
RECORDED = ROOT / "../shared/traffic/openai-chat"


class Recorded(NamedTuple):
    """One recorded exchange."""

    name: str
    status: int
    stream: bool
    request: bytes | None
    response: bytes


class Stream(NamedTuple):
    """One stream, our own or recorded."""

    name: str
    body: bytes


def own(part: str) -> list[Path]:
    """Give the cases of our own that have this part."""
    found = sorted(path.parent for path in OWN.glob(f"*/{part}"))
    assert found, f"no sample with a {part} under {OWN}"
    return found


def expected(case: Path) -> Any:
    """Give what a codec must learn from a case of our own."""
    return json.loads((case / "expected.json").read_text("utf-8"))


def recorded() -> list[Recorded]:
    """Give every recorded exchange; none where the traffic is not at hand."""
    return [_read(path) for path in sorted(RECORDED.glob("*.json"))]


def _read(path: Path) -> Recorded:
    exchange = json.loads(path.read_text("utf-8"))
    body = exchange["request_body"]
    return Recorded(
        name=exchange["id"],
        status=exchange["status"],
        stream=exchange["stream"],
        request=json.dumps(body, ensure_ascii=False).encode() if isinstance(body, dict) else None,
        response=exchange["response_body"].encode(),
    )


def streams() -> list[Stream]:
    """Give every stream there is."""
    ours = [Stream(f"own-{case.name}", (case / "stream.sse").read_bytes()) for case in own("stream.sse")]
    return ours + [Stream(each.name, each.response) for each in recorded() if each.stream]


NEEDS_TRAFFIC = pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded provider traffic is not at hand")
