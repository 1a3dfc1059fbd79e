"""Price lists: which model is found by which name, and what the shipped files hold."""

import json
from datetime import date
from pathlib import Path

import msgspec
import pytest

from omniroute.config.layers import Catalogue
from omniroute.config.prices import completed, price_list, read_file, read_prices
from omniroute.config.snapshot import Model, Price, PriceList, Provider
from omniroute.config.source import Source
from tests.support.snapshots import provider
from tests.support.written import SHIPPED, loaded

FOLDER = Path(__file__).parents[2] / "omniroute" / "catalogue" / "prices"
FILES = sorted(FOLDER.glob("*.json"))
PROVIDERS = {path.stem for path in FOLDER.parent.glob("*.toml")}

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)

WRITTEN = {
    "provider": "acme",
    "source": "somebody 1.0",
    "date": "2026-11-23",
    "urls": ["https://acme.example/prices"],
    "exact": ["-tts"],
    "models": {
        "large": {
            "price": {"input": 2_000_000_000, "output": 8_000_000_000, "tiers": [[100, {"input": 4_000_000_000}]]},
            "context": 1000,
        },
        "small": {"price": {"input": 1_000_000_000}},
        "tiny-tts": {"price": {"input": 3_000_000_000}},
    },
    "names": {"big": "large", "small-free": None},
    "dated": {"large": "large"},
    "starts": {"small": "small", "small-image-": None, "sm": "large"},
}
TEXT = json.dumps(WRITTEN)


def found(name: str) -> str | None:
    model = read_prices(TEXT).find(name)
    return None if model is None else model.name


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("large", "large"),
        ("Large", "large"),
        ("big", "large"),
        ("large-20261102", "large"),
        ("large-2026-11-02", "large"),
        ("large@20261102", "large"),
        ("large-2026", None),
        ("large-fast", None),
        ("small", "small"),
        ("small-2", "small"),
        ("small-20261102", "small"),
        ("smart", "large"),
        ("small-free", None),
        ("small-image-3", None),
        ("tiny-tts", "tiny-tts"),
        ("small-tts", None),
        ("ft:large:acme", None),
        ("", None),
    ],
)
def test_a_model_is_found_by_its_name_a_date_behind_it_or_the_longest_beginning(name: str, model: str | None) -> None:
    assert found(name) == model


def test_a_list_without_dated_names_is_asked_as_well() -> None:
    file = msgspec.structs.replace(read_file(TEXT), dated={})
    assert price_list(file).find("large-20261102") is None


def test_an_empty_list_knows_nothing() -> None:
    assert PriceList().find("large") is None


def test_a_class_without_a_price_has_that_of_the_class_that_it_is_a_part_of() -> None:
    assert completed(Price()) == Price()
    assert completed(Price(2, 8, tiers=((9, Price(4, 9)),))) == Price(
        2, 8, 2, 2, 2, 8, 2, 8, 2, tiers=((9, Price(4, 9, 4, 4, 4, 9, 4, 9, 4)),)
    )
    assert completed(Price(2, 8, 1, 3)) == Price(2, 8, 1, 3, 3, 8, 2, 8, 1)
    every = Price(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    assert completed(every) == every


def test_a_model_that_nobody_wrote_of_has_the_price_of_the_list() -> None:
    acme = msgspec.structs.replace(provider("acme"), prices=read_prices(TEXT))
    assert acme.known("big") == Model("big", 1000, price=completed(read_file(TEXT).models["large"].price))
    assert acme.known("unheard-of") == Model("unheard-of")


def acme(text: str) -> Provider:
    shipped = [*SHIPPED, Source("catalogue/prices/acme.json", TEXT, shipped=True)]
    made = loaded(f"[providers.acme]\napi_key = 'env:A'\n{text}", shipped=shipped)
    assert made.snapshot is not None
    return made.snapshot.providers["acme"]


def test_a_model_without_a_written_price_has_the_one_of_the_list() -> None:
    model = acme('[providers.acme.models.small]\ncapabilities = ["tools"]').known("small")
    assert (model.price.input, model.context) == (1_000_000_000, None)
    assert acme("[providers.acme.models.big]").known("big").context == 1000
    assert acme("[providers.acme.models.big]\ncontext = 7").known("big").context == 7


def test_a_written_price_is_the_whole_price() -> None:
    price = acme('[providers.acme.models.big]\nprice = { input = "1.00" }').known("big").price
    assert (price.input, price.output, price.tiers) == (1_000_000_000, None, ())


def test_a_combo_that_goes_by_prices_or_contexts_may_go_by_those_of_the_list() -> None:
    shipped = [*SHIPPED, Source("catalogue/prices/acme.json", TEXT, shipped=True)]

    def codes(strategy: str, target: str) -> list[str]:
        text = f'[combos.x]\nstrategy = "{strategy}"\ntargets = ["acme/{target}"]'
        return [
            each.code for each in loaded(f"[providers.acme]\napi_key = 'env:A'\n{text}", shipped=shipped).diagnostics
        ]

    assert "OR5009" not in codes("cost-optimized", "large-20261102")
    assert "OR5009" in codes("cost-optimized", "unheard-of")
    assert "OR5009" not in codes("context-optimized", "large")
    assert "OR5009" in codes("context-optimized", "small")


def test_a_price_list_is_read_once_and_for_its_own_provider() -> None:
    catalogue = Catalogue([Source("catalogue/prices/acme.json", TEXT, shipped=True)])
    assert catalogue.prices("acme") is catalogue.prices("acme")
    assert catalogue.prices("other") == PriceList()
    assert catalogue.names == frozenset()


def test_a_tier_holds_above_its_tokens() -> None:
    price = Price(1, tiers=((100, Price(2)), (200, Price(3))))
    assert [price.at(tokens).input for tokens in (0, 100, 101, 200, 201)] == [1, 1, 2, 2, 3]


@each_file
def test_a_shipped_list_is_of_a_provider_of_the_catalogue_and_says_where_it_is_from(file: Path) -> None:
    content = read_file(file.read_bytes())
    assert content.provider == file.stem
    assert content.provider in PROVIDERS
    assert content.source.startswith("genai-prices ")
    assert date.fromisoformat(content.date)
    assert all(url.startswith("https://") for url in content.urls)


@each_file
def test_a_shipped_list_has_no_price_below_zero_and_every_name_leads_to_one(file: Path) -> None:
    content = read_file(file.read_bytes())
    listed = read_prices(file.read_bytes())
    assert content.models
    assert all(name == name.lower() for name in (*listed.names, *listed.dated, *listed.starts))
    for entry in content.models.values():
        whole = completed(entry.price)
        for price in (whole, *(tier for _, tier in whole.tiers)):
            assert min(each for each in msgspec.structs.astuple(price)[:-1] if each is not None) >= 0
            assert price.input is not None
        assert [above for above, _ in whole.tiers] == sorted({above for above, _ in whole.tiers})


@each_file
def test_a_shipped_list_is_written_one_line_a_model_in_order(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    content = json.loads(file.read_text("utf-8"))
    for table in ("models", "names", "dated", "starts"):
        assert list(content[table]) == sorted(content[table])
    assert len(lines) >= sum(len(content[table]) for table in ("models", "names", "dated", "starts"))


@pytest.mark.parametrize(
    ("where", "model", "dollars"),
    [
        ("openai", "gpt-4o-mini-2024-07-18", (0.15, 0.6, 0.075)),
        ("openai", "gpt-4.1", (2, 8, 0.5)),
        ("anthropic", "claude-sonnet-4-5-20250929", (3, 15, 0.3)),
        ("gemini", "gemini-2.5-pro-preview-05-06", (1.25, 10, 0.125)),
    ],
)
def test_models_that_everybody_knows_have_their_published_prices(
    where: str, model: str, dollars: tuple[float, ...]
) -> None:
    listed = read_prices((FOLDER / f"{where}.json").read_bytes()).find(model)
    assert listed is not None
    price = listed.price
    assert (price.input, price.output, price.cache_read) == tuple(round(each * 1e9) for each in dollars)
