"""``omniroute prices``: what the configured models cost, where that is known from, and what another list would change.

Always true: nothing is asked of a network; the prices shown are those that ``serve`` bills by. An unknown price is
shown as ``?`` and never as zero, and a cost that is unknown by one of two lists is in neither sum.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from click.core import ParameterSource

from omniroute.cli.database import database_option, find_database, source
from omniroute.cli.loading import Reading, read_config
from omniroute.cli.options import config_option
from omniroute.cli.table import Column, table
from omniroute.cli.usage import dollars
from omniroute.config.prices import price_list, read_file
from omniroute.config.snapshot import Price, PriceList, Provider, Snapshot
from omniroute.errors import StorageError
from omniroute.routing.price import cost
from omniroute.storage.report import consumed

CLASSES = tuple(name for name in Price.__struct_fields__ if name != "tiers")
SHOWN = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
DAY = 86_400_000_000

Prices = dict[tuple[str, str], Price]
"""Prices by provider and model."""

style_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How it is written.",
)


class Drift(msgspec.Struct, frozen=True):
    """A price that differs: ``above`` so many tokens sent, 0 where that does not matter; nano-dollars, None unknown."""

    target: str
    above: int
    part: str
    before: int | None
    after: int | None

    @property
    def percent(self) -> float | None:
        """How much dearer it is; None where one of the two is unknown or the first is free."""
        if not self.before or self.after is None:
            return None
        return round((self.after / self.before - 1) * 100, 2)


class Effect(msgspec.Struct, frozen=True):
    """What the requests of the last days to a model cost by one list and by the other, in nano-dollars."""

    target: str
    requests: int
    before: int
    after: int


@click.group(invoke_without_command=True)
@config_option
@style_option
@click.pass_context
def prices(context: click.Context, config: Path, style: str) -> None:
    """List what models cost, and how it differs from another list.

    In US dollars for a million tokens, of the models that the configuration lists or names. JSON has every class, in
    billionths of a dollar.
    """
    if context.invoked_subcommand is not None:
        if ParameterSource.COMMANDLINE in {source("config"), source("style")}:
            message = f"write options behind `{context.invoked_subcommand}`"
            raise click.UsageError(message)
        return
    reading, snapshot = _read(config)
    names = sorted(_configured(snapshot))
    listed = [(f"{provider}/{model}", *_known(reading, snapshot, provider, model)) for provider, model in names]
    if style == "json":
        click.echo(json.dumps([_described(*each) for each in listed], indent=2))
    elif listed:
        columns = [Column("model", words=True), *map(Column, _titles(SHOWN)), Column("from", words=True)]
        click.echo(table(columns, [line for each in listed for line in _lines(*each)], _width()))
    else:
        click.echo("the configuration names no models", err=True)


@prices.command()
@config_option
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE",
    help="A generated list of prices, or a directory of them.  [default: the shipped lists]",
)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=7, show_default=True, help="How many days of usage to price."
)
@database_option
@style_option
def diff(config: Path, against: Path | None, days: int, database: str | None, style: str) -> None:
    """Show how prices differ from another list, and what the last days would have cost by it.

    Without --against: how the prices that the configuration writes differ from those that the gateway comes with. The
    percentage is what the second price is above the first.
    """
    reading, snapshot = _read(config)
    before, after = _overridden(reading, snapshot) if against is None else _compared(snapshot, _files(against))
    drifts = tuple(_drifts(before, after))
    effects, note = _effects(before, after, {each.target for each in drifts}, days, database, config)
    if style == "json":
        told = [msgspec.to_builtins(each) | {"percent": each.percent} for each in drifts]
        click.echo(json.dumps({"days": days, "drift": told, "cost": msgspec.to_builtins(effects)}, indent=2))
        return
    if note:
        click.echo(note, err=True)
    if not drifts:
        click.echo("no price differs", err=True)
        return
    click.echo(_drift_table(drifts))
    if effects:
        click.echo(f"\nthe last {days} days\n{_effect_table(effects)}")


def _read(config: Path) -> tuple[Reading, Snapshot]:
    """Read the configuration, which must be sound."""
    reading = read_config(config)
    if reading.snapshot is None:
        message = f"the configuration at '{config}' is missing or has faults: see `omniroute check {config}`"
        raise click.ClickException(message)
    return reading, reading.snapshot


def _configured(snapshot: Snapshot) -> set[tuple[str, str]]:
    """Give the models that are listed, or that a combo or an alias names."""
    named = {(name, model) for name, provider in snapshot.providers.items() for model in provider.models}
    targets = [str(target.id) for combo in snapshot.combos.values() for target in combo.targets]
    for each in (*targets, *(alias.target for alias in snapshot.aliases.values())):
        provider, slash, model = each.partition("/")
        if slash and provider in snapshot.providers:
            named.add((provider, model))
    return named


def _known(reading: Reading, snapshot: Snapshot, name: str, model: str) -> tuple[Price, str]:
    """Give a model's price and where it is known from; empty where it is not known."""
    provider = snapshot.providers[name]
    price = provider.known(model).price
    if _is_written(reading, name, model):
        return price, "configuration"
    listed = provider.prices.find(model)
    return price, f"{provider.prices.source}, {provider.prices.date}" if listed else ""


def _is_written(reading: Reading, provider: str, model: str) -> bool:
    written = reading.document.providers[provider].models.get(model) if reading.document else None
    return written is not None and written.price is not None


def _described(target: str, price: Price, origin: str) -> dict[str, Any]:
    """Describe a price to a program."""
    return {"target": target, "from": origin or None, "price": msgspec.to_builtins(price)}


def _lines(target: str, price: Price, origin: str) -> Iterator[tuple[str, ...]]:
    """Write a price: a line for it, and one for each of its tiers."""
    yield (target, *_figures(price), origin or "?")
    for above, tier in price.tiers:
        yield (f"  above {above:,} tokens", *_figures(tier), "")


def _figures(price: Price) -> Iterator[str]:
    return (dollars(getattr(price, name)) for name in SHOWN)


def _overridden(reading: Reading, snapshot: Snapshot) -> tuple[Prices, Prices]:
    """Give the shipped prices of the models whose price is written, and those that are written."""
    shipped: Prices = {}
    written: Prices = {}
    for name, provider in snapshot.providers.items():
        for model in provider.models:
            listed = provider.prices.find(model)
            if listed is not None and _is_written(reading, name, model):
                shipped[name, model], written[name, model] = listed.price, provider.models[model].price
    return shipped, written


def _files(path: Path) -> dict[str, PriceList]:
    """Read a list of prices, or all in a directory, by their providers."""
    lists: dict[str, PriceList] = {}
    for each in sorted(path.glob("*.json")) if path.is_dir() else (path,):
        try:
            file = read_file(each.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            message = f"'{each}' is no list of prices: {error}"
            raise click.ClickException(message) from None
        lists[file.provider] = price_list(file)
    return lists


def _compared(snapshot: Snapshot, lists: Mapping[str, PriceList]) -> tuple[Prices, Prices]:
    """Give the prices in force and the other ones: of all models that either side knows, of configured providers."""
    before: Prices = {}
    after: Prices = {}
    for name, other in lists.items():
        provider = snapshot.providers.get(name)
        if provider is None:
            continue
        for model in _models(provider, other, snapshot):
            listed = other.find(model)
            before[name, model] = provider.known(model).price
            after[name, model] = listed.price if listed is not None else Price()
    return before, after


def _models(provider: Provider, other: PriceList, snapshot: Snapshot) -> list[str]:
    """Name the models of a provider that are configured, or that a list has by their own name."""
    own = {name for prices in (provider.prices, other) for name, model in prices.names.items() if _own(name, model)}
    return sorted(own | {model for name, model in _configured(snapshot) if name == provider.name})


def _own(name: str, model: object) -> bool:
    return getattr(model, "name", None) == name


def _drifts(before: Prices, after: Prices) -> Iterator[Drift]:
    """Give every class of every tier whose price differs."""
    for provider, model in before:
        old, new = before[provider, model], after[provider, model]
        for above in sorted({0, *(step for step, _ in (*old.tiers, *new.tiers))}):
            one, other = (price.at(above + 1) if above else price for price in (old, new))
            for part in CLASSES:
                pair = getattr(one, part), getattr(other, part)
                if pair[0] != pair[1]:
                    yield Drift(f"{provider}/{model}", above, part, *pair)


def _effects(
    before: Prices, after: Prices, changed: set[str], days: int, database: str | None, config: Path
) -> tuple[tuple[Effect, ...], str]:
    """Price the usage of the last days by both lists; where there is no database, say so."""
    now = time.time_ns() // 1000
    found: dict[str, Effect] = {}
    try:
        for each in consumed(find_database(database, config), now - days * DAY, now) if changed else ():
            target = f"{each.provider}/{each.model}"
            known = before.get((each.provider, each.model)), after.get((each.provider, each.model))
            if target not in changed or known[0] is None or known[1] is None:
                continue
            old, new = cost(known[0], each.usage), cost(known[1], each.usage)
            if old is not None and new is not None:
                sums = found.get(target, Effect(target, 0, 0, 0))
                found[target] = Effect(
                    target,
                    sums.requests + each.requests,
                    sums.before + each.requests * old,
                    sums.after + each.requests * new,
                )
    except StorageError as error:
        if source("database") is not ParameterSource.DEFAULT:
            raise click.ClickException(error.message) from None
        return (), f"what this would have cost is not known: {error.message}"
    return tuple(found.values()), ""


def _drift_table(drifts: Sequence[Drift]) -> str:
    columns = [Column("model", words=True), Column("class", words=True), *map(Column, ("before", "after", "drift"))]
    rows = [
        (
            each.target,
            each.part.replace("_", " ") + (f" above {each.above:,}" if each.above else ""),
            dollars(each.before),
            dollars(each.after),
            "?" if each.percent is None else f"{each.percent:+.2f} %",
        )
        for each in drifts
    ]
    return table(columns, rows, _width())


def _effect_table(effects: Sequence[Effect]) -> str:
    columns = [Column("model", words=True), *map(Column, ("requests", "before", "after", "difference"))]
    total = Effect("total", *(sum(getattr(each, name) for each in effects) for name in ("requests", "before", "after")))
    rows = [
        (
            each.target,
            f"{each.requests:,}",
            dollars(each.before),
            dollars(each.after),
            _signed(each.after - each.before),
        )
        for each in (*effects, *((total,) if len(effects) > 1 else ()))
    ]
    return table(columns, rows, _width())


def _signed(nano: int) -> str:
    return ("+" if nano > 0 else "-" if nano < 0 else "") + dollars(abs(nano))


def _titles(names: Sequence[str]) -> Iterator[str]:
    return (name.replace("_", " ") for name in names)


def _width() -> int | None:
    """Give how wide a table may be: as wide as the terminal, where there is one."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
