"""Price lists as files: what models of a provider cost, as ``scripts/prices.py`` writes them.

Always true: a class that a list does not name has the price of the class that it is a part of; nothing is made up
beyond that.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from omniroute.config.snapshot import Model, Price, PriceList

PRICES = "catalogue/prices"
"""The folder of the shipped lists; each file is named after its provider."""


class Entry(msgspec.Struct, frozen=True):
    """One model of a list; ``context`` is the most tokens that it can be sent."""

    price: Price
    context: int | None = None


class PriceFile(msgspec.Struct, frozen=True):
    """A file of prices; ``names``, ``dated`` and ``starts`` lead to ``models``, as ``PriceList`` says of them.

    ``urls`` are the provider's own price lists. ``date`` is the day, by ISO 8601, whose prices these are.
    """

    provider: str
    source: str
    date: str
    urls: tuple[str, ...]
    exact: tuple[str, ...]
    models: dict[str, Entry]
    names: dict[str, str | None]
    dated: dict[str, str | None]
    starts: dict[str, str | None]


_DECODER = msgspec.json.Decoder(PriceFile)


def read_file(text: str | bytes) -> PriceFile:
    """Read a file of prices.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _DECODER.decode(text)


def read_prices(text: str | bytes) -> PriceList:
    """Read a file of prices, ready to be asked.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return price_list(read_file(text))


def price_list(file: PriceFile) -> PriceList:
    """Make a file's list ready to be asked."""
    models = {name: Model(name, entry.context, price=completed(entry.price)) for name, entry in file.models.items()}

    def linked(names: Mapping[str, str | None]) -> dict[str, Model | None]:
        return {name: None if model is None else models[model] for name, model in names.items()}

    return PriceList(
        source=file.source,
        date=file.date,
        names=MappingProxyType(models | linked(file.names)),
        dated=MappingProxyType(linked(file.dated)),
        starts=MappingProxyType(linked(file.starts)),
        lengths=tuple(sorted({len(start) for start in file.starts}, reverse=True)),
        exact=file.exact,
    )


def completed(price: Price) -> Price:
    """Give each class that has no price of its own that of the class that it is a part of."""
    read = price.input if price.cache_read is None else price.cache_read
    write = price.input if price.cache_write is None else price.cache_write
    return Price(
        price.input,
        price.output,
        read,
        write,
        write if price.cache_write_1h is None else price.cache_write_1h,
        price.output if price.reasoning is None else price.reasoning,
        price.input if price.audio_in is None else price.audio_in,
        price.output if price.audio_out is None else price.audio_out,
        read if price.audio_cache_read is None else price.audio_cache_read,
        price.image,
        price.request,
        tuple((above, completed(each)) for above, each in price.tiers),
    )
