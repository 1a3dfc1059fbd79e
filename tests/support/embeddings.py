"""Embeddings: recorded ones, vectors of a known similarity, and an upstream that gives out what a test says."""

import base64
import json
import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from omniroute.config.policy import Caches, SemanticCache
from omniroute.config.snapshot import Auth, Model, Price, Snapshot
from omniroute.engine.record import Record
from omniroute.engine.toll import FREE, Toll
from omniroute.names import Format
from omniroute.observe.events import Event, Exchanged
from omniroute.upstream.port import Upstream
from tests.support.gateway import live
from tests.support.peer import Recorded, Script
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import json_answer

TRAFFIC = Path(__file__).parents[2] / "../shared/traffic/openai-embeddings"
EMBEDDER = "e/embed"
SECRET = "sk-embedding-secret-1234567890"
ENVIRON = {"E_MAIN": SECRET}


def recorded(name: str) -> dict[str, list[float]]:
    """Texts and their embeddings, as a provider once gave them."""
    path = TRAFFIC / f"openai-embeddings-{name}.json"
    if not path.exists():
        pytest.skip("no recorded traffic beside this checkout")
    exchange = json.loads(path.read_text())
    data = json.loads(exchange["response_body"])["data"]
    vectors = [array("f", base64.b64decode(each["embedding"])).tolist() for each in data]
    return dict(zip(exchange["request_body"]["input"], vectors, strict=True))


def direction(random: Random, dimensions: int) -> list[float]:
    """Any direction."""
    given = [random.gauss(0, 1) for _ in range(dimensions)]
    length = math.hypot(*given)
    return [each / length for each in given]


def beside(vector: Sequence[float], cosine: float, random: Random) -> list[float]:
    """A vector that has this cosine with another one."""
    other = direction(random, len(vector))
    along = sum(a * b for a, b in zip(vector, other, strict=True))
    across = [b - along * a for a, b in zip(vector, other, strict=True)]
    length = math.hypot(*across)
    return [cosine * a + math.sqrt(1 - cosine**2) * b / length for a, b in zip(vector, across, strict=True)]


def embedded(*vectors: Sequence[float], tokens: int | None = 4) -> dict[str, Any]:
    """What an embedder answers."""
    data = [{"object": "embedding", "index": at, "embedding": list(each)} for at, each in enumerate(vectors)]
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return {"object": "list", "data": data, "model": "embed", **usage}


def embedding_by(table: Mapping[str, Sequence[float]]) -> Callable[[Recorded], Script]:
    """Answer each text with its vector."""
    return lambda request: json_answer(embedded(table[request.json()["input"]]))


@dataclass
class Hands:
    """By what a model is asked, and what pays for it; what is reported is noted."""

    upstream: Upstream
    toll: Toll = FREE
    events: list[Event] = field(default_factory=list)

    @property
    def report(self) -> Callable[[Event], None]:
        return self.events.append

    @property
    def rows(self) -> list[Exchanged]:
        return [each for each in self.events if isinstance(each, Exchanged)]


def embedding(url: str, cache: SemanticCache | None = None, credentials: Sequence[str] = ("main",)) -> Snapshot:
    """A configuration with a semantic cache, whose embedder is ``e/embed``, at 20 dollars for a million tokens."""
    model = Model("embed", price=Price(input=20_000_000_000))
    made = snapshot(
        provider(
            "e",
            f"{url}/v1",
            models=[model],
            credentials=credentials,
            auth=Auth("bearer"),
            formats=(Format.OPENAI_EMBEDDINGS,),
        ),
        aliases=MappingProxyType({"embedder": EMBEDDER}),
    )
    return msgspec.structs.replace(made, caches=Caches(semantic=cache or SemanticCache(EMBEDDER)))


def record_of(made: Snapshot, key: str = "alice", environ: Mapping[str, str] = ENVIRON) -> Record:
    """The notes on a request of a key."""
    record = Record("req_1", Format.OPENAI_CHAT, live(made, environ, 7), 1, 0.0)
    record.key, record.tags = key, ("team-a",)
    return record
