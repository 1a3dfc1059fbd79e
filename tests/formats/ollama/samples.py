"""Samples of the ollama format: our own in tests/wire, and recorded traffic where it is at hand."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
OWN = ROOT / "tests/wire/ollama"
RECORDED = ROOT / "../shared/traffic/ollama"
CLIENTS = ROOT / "../shared/traffic/clients"


class Sample(NamedTuple):
    """One request, answer or stream."""

    name: str
    body: bytes


def own(part: str) -> list[Sample]:
    """Give every such part of our own cases."""
    found = [Sample(path.parent.name, path.read_bytes()) for path in sorted(OWN.glob(f"*/{part}"))]
    assert found, f"no {part} under {OWN}"
    return found


def expected(name: str) -> Any:
    """Give what a codec must learn from a case of our own."""
    return json.loads((OWN / name / "expected.json").read_text("utf-8"))


def requests() -> list[Sample]:
    """Give every request for a chat, our own and recorded ones."""
    exchanges = [(each["id"], each["path"], each["request_body"]) for each in _files(RECORDED, "*")]
    asked = [(each["id"], each["path"], each["body"]) for each in _files(CLIENTS, "*")]
    chats = [Sample(name, json.dumps(body).encode()) for name, path, body in exchanges + asked if path == "/api/chat"]
    return own("request.json") + chats


def answers() -> list[Sample]:
    """Give every whole answer that is no error."""
    whole = [each for each in _files(RECORDED, "*") if not each["stream"] and each["status"] == 200]
    ours = [each for each in own("response.json") if not each.name.startswith("error")]
    return ours + [Sample(each["id"], each["response_body"].encode()) for each in whole]


def streams() -> list[Sample]:
    """Give every stream."""
    flowing = [Sample(each["id"], each["response_body"].encode()) for each in _files(RECORDED, "*") if each["stream"]]
    return own("stream.ndjson") + flowing


def _files(folder: Path, name: str) -> list[Any]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob(f"{name}.json"))]


NEEDS_TRAFFIC = pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded provider traffic is not at hand")
