"""Writes ``omniroute/catalogue/prices``: what providers charge, as the package ``genai-prices`` knows it.

Run when a release is made, never by the gateway, with the Python of a throw-away environment:

    python3 -m venv .venv/prices && .venv/prices/bin/pip install genai-prices
    .venv/prices/bin/python scripts/prices.py 2026-11-23

The day given is the one whose prices are written: two runs with one version of the package write the same.
``genai-prices`` has the MIT licence, which is written beside its data; the data names each provider's own price list,
and so does every file that is written.

What is made of its rules: a model is found by exact names, by names that a date may follow, and by beginnings, of
which the longest wins. A rule that is none of these is narrowed: ``contains`` counts as a beginning, ``ends_with`` as
an exact name, and what is left has no price; names with a word of ``exact`` in them have one only by their exact name.
Every name and beginning is held against the package's own matcher: where that finds another model, ours is left out.
Where prices hang on the time of day, the dearest is taken, so that a cost is never too low. A model that is billed by
something that no usage tells apart (pictures, seconds, pages) gets no price, nor does one of sound of which only the
price of text is known; fees of a provider's own tools (searches) are not a part of any price.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import distribution, version
from pathlib import Path

from genai_prices import types
from genai_prices.data import providers

FOLDER = Path(__file__).parents[1] / "omniroute" / "catalogue" / "prices"

# literal table: a provider of the catalogue → the package's name for it
PROVIDERS = {
    "anthropic": "anthropic",
    "baseten": "baseten",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "gemini-openai": "google",
    "groq": "groq",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "novita": "novita",
    "openai": "openai",
    "openrouter": "openrouter",
    "ovhcloud": "ovhcloud",
    "perplexity": "perplexity",
    "together": "together",
    "xai": "x-ai",
    "zai": "zai",
}

# literal table: our class → the package's
CLASSES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "reasoning": "output_reasoning_mtok",
    "audio_in": "input_audio_mtok",
    "audio_out": "output_audio_mtok",
    "audio_cache_read": "cache_audio_read_mtok",
}
# literal table: classes that usage does not tell apart → the one that they are reported in
WITHIN = {
    "input_image_mtok": "input_mtok",
    "input_video_mtok": "input_mtok",
    "cache_image_read_mtok": "cache_read_mtok",
    "output_image_mtok": "output_mtok",
    "output_video_mtok": "output_mtok",
}
APART = {"web_searches_kcount", "storage_searches_kcount"}
NANO = 1_000_000_000
NOT_SPOKEN = "^(?!.*-[tT][tT][sS](?:$|-))"
HEARD = re.compile("audio|realtime|live|voice")
MONTH_AND_DAY = ("-20261102", "-2026-11-02")
DATED = re.compile(r"^\^(?P<name>(?:[a-z0-9/-]|\\\.)+)(?:-|\[-@\])(?:\\d\{8\}|\\d\{4\}-\\d\{2\}-\\d\{2\})\$$")


class Unpriced(Exception):
    """A model that is billed by what no usage tells apart."""


def main() -> None:
    """Write every file anew."""
    day = date.fromisoformat(sys.argv[1])
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "LICENSE").write_text(distribution("genai-prices").read_text("licenses/LICENSE") or "", "utf-8")
    known = {each.id: each for each in providers}
    for ours, theirs in PROVIDERS.items():
        text, models = written(ours, known[theirs], day)
        (FOLDER / f"{ours}.json").write_text(text, "utf-8")
        sys.stdout.write(f"{ours}: {models} models, {len(text.encode())} bytes\n")


def written(ours: str, provider: types.Provider, day: date) -> tuple[str, int]:
    """Give the file of a provider and how many models it has: one line for each, in the order of their names."""
    models: dict[str, object] = {}
    names: dict[str, str | None] = {}
    dated: dict[str, str | None] = {}
    starts: dict[str, str | None] = {}
    for model in provider.models:
        if ours.startswith("gemini") and "claude" in model.id:
            continue  # these are sold by another of the company's platforms
        key = own_name(provider, model)
        price = priced(model, day)
        if price is not None:
            context = {} if model.context_window is None else {"context": model.context_window}
            models[key] = {"price": price, **context}
        target = key if price is not None else None
        for kind, text in rules(model.match):
            agreed(provider, model, kind, text, target, (names, dated, starts))
    names = {name: target for name, target in names.items() if needed(name, target, starts)}
    used = {target for table in (names, dated, starts) for target in table.values()}
    models = {key: value for key, value in models.items() if key in used}
    head = {
        "provider": ours,
        "source": f"genai-prices {version('genai-prices')}",
        "date": day.isoformat(),
        "urls": provider.pricing_urls or [],
        "exact": ["-tts"] if NOT_SPOKEN in str(provider.models).replace("\\\\", "\\") else [],
    }
    tables = {
        "models": models,
        "names": {name: target for name, target in names.items() if name != target},
        "dated": dated,
        "starts": starts,
    }
    parts = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    parts += [f' "{name}": {{\n{lines(table)}\n }}' for name, table in tables.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n", len(models)


def own_name(provider: types.Provider, model: types.ModelInfo) -> str:
    """Give a name that a model is asked by: its id, where that is one, else the first of its rules that finds it."""
    names = [model.id.lower(), *(text for _, text in rules(model.match))]
    return next((name for name in names if provider.find_model(name) is model), names[0])


def needed(name: str, target: str | None, starts: dict[str, str | None]) -> bool:
    """Say whether a name has to be written: not where its own beginning says as much, nor where nothing finds it."""
    if name in starts:
        return starts[name] != target
    return target is not None or any(name.startswith(each) for each in starts)


def lines(table: dict[str, object]) -> str:
    """Write a table, one line for each member."""
    return ",\n".join(
        f"  {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}" for key, value in sorted(table.items())
    )


def priced(model: types.ModelInfo, day: date) -> dict[str, object] | None:
    """Give a model's price in nano-dollars for a million tokens; None where it cannot be told.

    Nor can that of a model of sound of which only the price of text is known.
    """
    try:
        price = whole(standing(model, day))
        return None if HEARD.search(model.id) and not {"audio_in", "audio_out"} & price.keys() else price
    except Unpriced:
        return None


def standing(model: types.ModelInfo, day: date) -> types.ModelPrice:
    """Give the price that stands on a day; of several that hang on the hour, the dearest."""
    if isinstance(model.prices, types.ModelPrice):
        return model.prices
    noon = datetime.combine(day, time(12), UTC)
    standard, hourly = model.prices[0].prices, []
    for each in model.prices:
        if isinstance(each.constraint, types.TimeOfDateConstraint):
            hourly.append(each.prices)
        elif each.constraint is None or each.constraint.active(noon):
            standard, hourly = each.prices, []
    return max((standard, *hourly), key=lambda price: base(price.input_mtok) + base(price.output_mtok))


def whole(price: types.ModelPrice) -> dict[str, object]:
    """Give a price, and under ``tiers`` the others that hold where more tokens are sent than so many."""
    said = {name: value for name, value in vars(price).items() if value is not None}
    for name, value in said.items():
        kept = name in CLASSES.values() or name in APART or name == "requests_kcount"
        if not kept and (name not in WITHIN or value != said.get(WITHIN[name])):
            raise Unpriced(name)
    if "input_mtok" not in said:
        raise Unpriced("input_mtok")
    tiered = [value for value in said.values() if isinstance(value, types.TieredPrices)]
    steps = sorted({tier.start for value in tiered for tier in value.tiers})
    result: dict[str, object] = amounts(said, 0)
    if steps:
        result["tiers"] = [[step, amounts(said, step + 1)] for step in steps]
    return result


def amounts(said: dict[str, object], tokens: int) -> dict[str, object]:
    """Give each class's price where so many tokens are sent."""
    found = {ours: nano(at(said[theirs], tokens)) for ours, theirs in CLASSES.items() if theirs in said}
    if "requests_kcount" in said:
        found["request"] = nano(at(said["requests_kcount"], tokens) / 1000)
    return found


def at(value: object, tokens: int) -> Decimal:
    """Give a price where so many tokens are sent."""
    if not isinstance(value, types.TieredPrices):
        return value
    return next((tier.price for tier in reversed(value.tiers) if tokens > tier.start), value.base)


def base(value: object) -> Decimal:
    """Give a price where few tokens are sent."""
    return Decimal(0) if value is None else at(value, 0)


def nano(dollars: Decimal) -> int:
    """Give dollars in nano-dollars; prices have no smaller parts."""
    exact = dollars * NANO
    result = round(exact)
    if result != exact and abs(result - exact) * 100_000 > exact:
        raise Unpriced(str(dollars))
    return result


def rules(match: object) -> Iterator[tuple[str, str]]:
    """Take a rule apart into names, dated names and beginnings."""
    match match:
        case types.ClauseOr(or_=several):
            for each in several:
                yield from rules(each)
        case types.ClauseAnd(and_=[types.ClauseStartsWith(starts_with=text), types.ClauseRegex(regex=regex)]):
            if regex != NOT_SPOKEN:
                raise NotImplementedError(
                    f"a rule of genai-prices that this cannot say as names and beginnings: {regex}"
                )
            yield "start", text.lower()
        case types.ClauseEquals(equals=text) | types.ClauseEndsWith(ends_with=text):
            yield "name", text.lower()
        case types.ClauseStartsWith(starts_with=text) | types.ClauseContains(contains=text):
            yield "start", text.lower()
        case types.ClauseRegex(regex=regex) if found := DATED.match(regex):
            yield "dated", found["name"].replace("\\.", ".")


def agreed(provider, model, kind, text, target, tables) -> None:
    """Note a rule where the package's own matcher finds the same model by it."""
    names, dated, starts = tables

    def found(name: str) -> bool:
        return provider.find_model(name) is model

    if kind == "dated":
        if any(found(text + suffix) for suffix in MONTH_AND_DAY):
            dated.setdefault(text, target)
        return
    if found(text):
        names[text] = target
    if kind == "start" and found(f"{text}~"):
        starts[text] = target


if __name__ == "__main__":
    main()
