"""``omniroute prices``: the prices in force, and how they differ from others."""

import json
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.cli.command import on_terminal, run, written
from tests.storage.test_report import ledger_of
from tests.support.events import exchanged

HOUR = 3_600_000_000
LIST = {
    "provider": "acme",
    "source": "somebody 1.0",
    "date": "2026-11-23",
    "urls": [],
    "exact": [],
    "models": {
        "large": {"price": {"input": 2_000_000_000, "output": 8_000_000_000, "cache_read": 200_000_000}},
        "long": {
            "price": {
                "input": 1_000_000_000,
                "output": 4_000_000_000,
                "tiers": [[200_000, {"input": 2_000_000_000, "output": 6_000_000_000}]],
            }
        },
    },
    "names": {"big": "large"},
    "dated": {},
    "starts": {},
}
CONFIG = """
[providers.acme]
base_url = "https://acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]
price = { input = "3.00", output = "8.00", cache_read = "0.20" }

[providers.acme.models.odd]

[providers.openai]
api_key = "env:OPENAI_API_KEY"

[providers.openai.models."gpt-4o"]
price = { input = "5.00", output = "10.00", cache_read = "1.25", cache_write = "2.50", audio_in = "2.50" }

[aliases]
"wide-*" = "acme/*"
fast = "gemini/gemini-2.5-pro-preview-05-06"
faster = "hello"

[providers.gemini]
api_key = "env:GEMINI_API_KEY"

[combos.hello]
targets = ["openai/gpt-4o-mini"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return written(tmp_path / "config", CONFIG)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return written(tmp_path / "lists", json.dumps(LIST), "acme.json")


@pytest.fixture
def database(tmp_path: Path) -> str:
    now = time.time_ns() // 1000
    used = {"provider": "acme", "model": "large", "target": "acme/large"}
    return ledger_of(
        tmp_path / "usage.db",
        exchanged(1, at=now - HOUR, **used),
        exchanged(2, at=now - 2 * HOUR, **used),
        exchanged(3, at=now - 3 * HOUR, provider="acme", model="odd", target="acme/odd"),
        exchanged(4, at=now - 3 * HOUR),
        exchanged(6, at=now - 3 * HOUR, provider="acme", model="long", target="acme/long"),
        exchanged(5, at=now - 100 * HOUR, **used),
    )


def test_every_model_that_is_listed_or_named_has_a_line_that_says_where_its_price_is_from(config: Path) -> None:
    done = run("prices", "-c", config)
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    assert done.exit_code == 0
    names = [line[0].strip() for line in lines if line[0]]
    assert names[:4] == ["model", "acme/large", "acme/odd", "gemini/gemini-2.5-pro-preview-05-06"]
    assert {"openai/gpt-4o", "openai/gpt-4o-mini", "openai/gpt-4.1"} <= set(names)
    origins = {line[0].strip(): line[-1].strip() for line in lines}
    assert (origins["acme/large"], origins["acme/odd"]) == ("configuration", "?")
    assert origins["openai/gpt-4o-mini"].startswith("genai-prices ")
    assert "  above 200,000 tokens" in done.stdout


def test_programs_get_every_class_in_billionths_of_a_dollar(config: Path) -> None:
    told = {each["target"]: each for each in json.loads(run("prices", "-c", config, "--format", "json").stdout)}
    large = told["acme/large"]
    assert (large["from"], large["price"]["input"], large["price"]["cache_write_1h"]) == (
        *("configuration", 3_000_000_000),
        3_000_000_000,
    )
    assert (told["acme/odd"]["from"], told["acme/odd"]["price"]["input"]) == (None, None)
    [[above, tier]] = told["gemini/gemini-2.5-pro-preview-05-06"]["price"]["tiers"]
    assert (above, tier["input"]) == (200_000, 2_500_000_000)


def test_a_configuration_without_models_has_no_prices(tmp_path: Path) -> None:
    path = written(tmp_path / "bare", '[providers.acme]\nbase_url = "https://acme.example/v1"\nauth = "none"\n')
    done = run("prices", "-c", path)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "the configuration names no models\n")


def test_a_narrow_terminal_gets_the_whole_of_it(config: Path) -> None:
    assert "gemini-2.5-pro-preview-05-06" in on_terminal("prices", "-c", str(config), columns=60)


def test_prices_that_are_written_are_held_against_those_that_are_shipped(config: Path) -> None:
    done = run("prices", "diff", "-c", config)
    assert done.exit_code == 0
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1] == ["openai/gpt-4o", "input", "$2.50", "$5.00", "+100.00", "%"]
    assert {row[0] for row in rows[1:]} == {"openai/gpt-4o"}
    assert "what this would have cost is not known: there is no database" in done.stderr


def test_another_list_is_held_against_what_is_in_force(config: Path, other: Path, database: str) -> None:
    done = run("prices", "diff", "-c", config, "--against", other, "--database", database)
    assert done.exit_code == 0, done.stderr
    drift, _, effect = done.stdout.partition("\n\n")
    rows = [line.split() for line in drift.splitlines()]
    assert ["acme/large", "input", "$3.00", "$2.00", "-33.33", "%"] in rows
    assert ["acme/long", "input", "?", "$1.00", "?"] in rows
    assert ["acme/long", "input", "above", "200,000", "?", "$2.00", "?"] in rows
    # two requests of 812 x 3,000 + 140 x 8,000, and of 812 x 2,000 + 140 x 8,000
    assert effect.splitlines() == [
        "the last 7 days",
        "model       requests     before      after  difference",
        "acme/large         3  $0.010668  $0.008232  -$0.002436",
    ]


def test_fewer_days_have_fewer_requests(config: Path, other: Path, database: str) -> None:
    options = ("-c", config, "--against", other.parent, "--database", database, "--format", "json")
    told = json.loads(run("prices", "diff", *options, "--days", "1").stdout)
    assert told["days"] == 1
    assert told["cost"] == [{"target": "acme/large", "requests": 2, "before": 7_112_000, "after": 5_488_000}]
    first = next(each for each in told["drift"] if each["target"] == "acme/large")
    assert first == {
        "target": "acme/large",
        "above": 0,
        "part": "input",
        "before": 3_000_000_000,
        "after": 2_000_000_000,
        "percent": -33.33,
    }


def test_several_models_have_a_total(config: Path, other: Path, tmp_path: Path) -> None:
    now = time.time_ns() // 1000
    two = [exchanged(n, at=now - HOUR, provider="acme", model=m, target=f"acme/{m}") for n, m in enumerate(("a", "b"))]
    prices = {name: {"price": {"input": 10**9, "output": 10**9}} for name in "ab"}
    changed = {name: {"price": {"input": 2 * 10**9, "output": 2 * 10**9}} for name in "ab"}
    before = written(tmp_path / "x", CONFIG + models(prices))
    after = written(tmp_path / "y", json.dumps(LIST | {"models": changed, "names": {}}), "acme.json")
    done = run("prices", "diff", "-c", before, "--against", after, "--database", ledger_of(tmp_path / "u.db", *two))
    assert done.stdout.splitlines()[-1].split() == ["total", "2", "$0.001904", "$0.003808", "+$0.001904"]


def models(prices: Iterable[str]) -> str:
    line = '[providers.acme.models.{}]\nprice = {{ input = "1.00", output = "1.00" }}\n'
    return "\n" + "\n".join(line.format(name) for name in prices)


def test_prices_that_are_the_same_do_not_differ(tmp_path: Path, other: Path) -> None:
    path = written(tmp_path / "same", '[providers.acme]\nbase_url = "https://acme.example/v1"\nauth = "none"\n')
    empty = written(tmp_path / "empty", json.dumps(LIST | {"models": {}, "names": {}}), "acme.json")
    for against in (empty, tmp_path / "same"):
        done = run("prices", "diff", "-c", path, "--against", against)
        assert (done.exit_code, done.stdout, done.stderr) == (0, "", "no price differs\n")
    elsewhere = written(tmp_path / "far", json.dumps(LIST | {"provider": "nobody"}), "nobody.json")
    assert run("prices", "diff", "-c", path, "--against", elsewhere).stderr == "no price differs\n"


def test_what_is_wrong_is_said(config: Path, other: Path, tmp_path: Path) -> None:
    broken = written(tmp_path / "b", "{", "acme.json")
    done = run("prices", "diff", "-c", config, "--against", broken)
    assert done.exit_code == 1
    assert "is no list of prices" in done.stderr
    done = run("prices", "-c", written(tmp_path / "f", "[nonsense"))
    assert done.exit_code == 1
    assert "is missing or has faults: see `omniroute check" in done.stderr
    done = run("prices", "diff", "-c", config, "--against", other, "--database", tmp_path / "absent.db")
    assert (done.exit_code, "there is no database" in done.stderr) == (1, True)
    done = run("prices", "-c", config, "diff")
    assert (done.exit_code, "write options behind `diff`" in done.stderr) == (2, True)
