"""A compiled snapshot is frozen all the way down, so that requests can share it without a lock."""

import inspect
from collections.abc import Iterator, Sequence
from datetime import date
from enum import Enum
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from omniroute.config import policy as policies
from omniroute.config import snapshot as snapshots
from omniroute.config.load import load
from omniroute.config.schema import document_schema
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source
from omniroute.engine.files import find_config, read_tree, shipped_catalogue
from tests.house.tree import ROOT

PLAIN = (str, int, float, bool, bytes, type(None), Enum)


def inside(value: object) -> list[tuple[str, object]] | None:
    """Give what a value is made of, each with its step of the path; None where the value can be changed."""
    if isinstance(value, PLAIN):
        return []
    if isinstance(value, msgspec.Struct) and value.__struct_config__.frozen:
        return [(f".{field}", getattr(value, field)) for field in value.__struct_fields__]
    if isinstance(value, MappingProxyType):
        return [(f"[{key!r}]", part) for key, inner in value.items() for part in (key, inner)]
    if isinstance(value, tuple | frozenset):
        return [(f"[{index}]", inner) for index, inner in enumerate(value)]
    return None


def mutable(value: object, path: str = "snapshot") -> Iterator[str]:
    """Give the path and type of everything within a value that could be changed."""
    parts = inside(value)
    if parts is None:
        yield f"{path}: {type(value).__name__}"
        return
    for step, part in parts:
        yield from mutable(part, path + step)


def kinds(value: object) -> set[type]:
    """Give the type of a value and of everything in it."""
    return {type(value)}.union(*(kinds(part) for _, part in inside(value) or []))


def compiled(written: Sequence[Source]) -> Snapshot:
    """Load a configuration without a fault."""
    loaded = load(shipped_catalogue(), written, document_schema(), date(2026, 1, 1))
    assert loaded.snapshot is not None, [found.summary for found in loaded.diagnostics]
    return loaded.snapshot


EVERYTHING = """
[server]
host = "127.0.0.1"

[defaults.timeouts]
total = "5m"

[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
auth = { header = "api-key" }
headers = { x-team = "research" }
credentials = [
  { name = "main", api_key = "env:MAIN_API_KEY" },
  { name = "spare", api_key = "file:/run/secrets/spare", priority = 2 },
]
timeouts = { connect = "1s" }

[providers.house.models."qwen3-32b"]
context = 32_768
capabilities = ["tools"]
price = { input = "0.10", output = "0.40" }

[aliases]
fast = "house/qwen3-32b"
"house-*" = "house/*"

[combos.coding]
targets = ["house/qwen3-32b", { model = "fast", timeouts = { total = "1m" } }]

[keys.alice]
sha256 = "SHA"
expires = 2027-01-01
policy = "engineers"

[policies.engineers]
allow_models = ["coding"]
rate = { requests_per_minute = 60 }
budgets = ["team"]
schedule = { days = ["mon-fri"], hours = "08:00-20:00" }
allow_ips = ["10.0.0.0/8"]
system_prompt = { mode = "prepend", text = "Be brief." }

[budgets.team]
limit = "5.00 USD"

[ip_filter]
mode = "blocklist"
networks = ["192.0.2.0/24"]

[cache]
exact = { ttl = "1h" }
semantic = { enabled = true, embedder = "house/embed" }

[reload]
poll = "5s"
""".replace("SHA", "ab" * 32)


def test_a_snapshot_with_something_of_everything_is_frozen() -> None:
    snapshot = compiled([Source("gateway.toml", EVERYTHING)])
    assert list(mutable(snapshot)) == []
    classes = (each for module in (snapshots, policies) for _, each in inspect.getmembers(module, inspect.isclass))
    structs = {each for each in classes if issubclass(each, msgspec.Struct)}
    assert structs - kinds(snapshot) == set()


def test_the_snapshot_of_the_examples_is_frozen() -> None:
    assert list(mutable(compiled(read_tree(find_config(ROOT / "examples")).sources))) == []


class Open(msgspec.Struct):
    value: Any = None


class Closed(msgspec.Struct, frozen=True):
    value: Any = None


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        set(),
        bytearray(),
        object(),
        Open(),
        Closed(Open()),
        Closed([1]),
        Closed(({},)),
        Closed((frozenset(), [])),
        Closed(MappingProxyType({"a": [1]})),
        Closed(MappingProxyType({"a": Closed(MappingProxyType({"b": set()}))})),
    ],
)
def test_what_can_be_changed_is_found_however_deep_it_is(value: object) -> None:
    assert list(mutable(value))


def test_what_cannot_be_changed_is_let_be() -> None:
    value = Closed(MappingProxyType({"a": (1, 2.0, "x", b"y", None, True, frozenset({"z"}), Closed())}))
    assert list(mutable(value)) == []
