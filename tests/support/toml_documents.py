"""TOML documents for property tests: any value in any of the ways in which TOML lets it be written.

``documents`` draws values, and writes them with a layout that is drawn too: headers, dotted keys or inline tables,
sections in any order that TOML allows, every kind of key, string and number, blanks, comments, and both line ends.
"""

import datetime
import math
import re
from collections.abc import Callable
from itertools import chain
from random import Random
from typing import Any

from hypothesis import strategies as st

_OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: datetime.timezone(datetime.timedelta(minutes=m)))
_TEXT = st.one_of(
    st.sampled_from(
        ["", "#", "a#b", "=", "[x]", '"', "'", '"""', "'''", "\\", "\n", "\r", "\t", "é", "😀", "1.5", "a b"]
    ),
    st.text(max_size=12),
    st.text(alphabet="'\"\\\n \t#ab😀", max_size=12),
)
_NAMES = st.one_of(st.sampled_from("abc"), st.sampled_from(["a-b", "_1", "1", "1979-05-27", "true", "inf"]), _TEXT)
_SCALARS = st.one_of(
    _TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.datetimes(min_value=datetime.datetime(1900, 1, 2), timezones=_OFFSETS),  # noqa: DTZ001 - Hypothesis asks for naive bounds
)


def _tables(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(_NAMES, values, max_size=4)


_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), _tables(inner), st.lists(_tables(inner), min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[dict[str, Any], str]:
    """Values, and a text that means them."""
    values = draw(_tables(_VALUES))
    return values, Writer(draw(st.randoms(use_true_random=False))).document(values)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same in type and content; not-a-number is the same as itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (one == other and str(one) == str(other))
    return bool(one == other)


def _joined(parts: list[list[str]]) -> list[str]:
    return list(chain.from_iterable(parts))


class Writer:
    """Writes values as TOML, leaving every choice of layout to chance."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def document(self, values: dict[str, Any]) -> str:
        lines = self._table((), values, header="")
        text = "\n".join(self._between(lines)) + self._chance.choice(["", "\n", "\n\n# the end"])
        return text.replace("\n", "\r\n") if self._heads() else text

    def _heads(self) -> bool:
        return self._chance.random() < 0.5

    def _blank(self) -> str:
        return self._chance.choice(["", "", " ", "\t", "  "])

    def _comment(self) -> str:
        return "#" + self._chance.choice(["", " é 😀", " [x]", ' a = "b"', "'''", "\t# #", ' """'])

    def _between(self, lines: list[str]) -> list[str]:
        out: list[str] = []
        for line in lines:
            out += self._chance.choices([[], [""], [self._blank() + self._comment()]], [8, 1, 1])[0]
            out.append(self._blank() + line + self._blank() + (self._comment() if self._chance.random() < 0.2 else ""))
        return out

    def _table(self, path: tuple[str, ...], table: dict[str, Any], header: str) -> list[str]:
        """The sections of a table: its own lines below its header, and those of the tables in it."""
        own, sections = self._lines(path, (), table)
        self._chance.shuffle(sections)
        first: list[str] = []
        if header and not header.startswith("[["):
            if sections and not own and self._heads():
                return _joined(sections)
            cut = self._chance.randint(0, len(sections))
            first, sections = _joined(sections[:cut]), sections[cut:]
        return first + ([header] if header else []) + own + _joined(sections)

    def _lines(
        self, path: tuple[str, ...], dotted: tuple[str, ...], table: dict[str, Any]
    ) -> tuple[list[str], list[list[str]]]:
        """The lines of a table's own section, and the sections of those in it that have headers."""
        own: list[list[str]] = []
        sections: list[list[str]] = []
        for name, value in table.items():
            here, key = (*path, name), (*dotted, name)
            way = self._chance.choice(self._ways(value))
            if way == "dotted":
                lines, deeper = self._lines(here, key, value)
                own.append(lines)
                sections += deeper
            elif way == "header":
                sections.append(self._table(here, value, self._header("[", here, "]")))
            elif way == "headers":
                items = [self._table(here, item, self._header("[[", here, "]]")) for item in value]
                sections.append(_joined(items))
            else:
                own.append([self._pair(key, value)])
        self._chance.shuffle(own)
        return _joined(own), sections

    @staticmethod
    def _ways(value: object) -> list[str]:
        if isinstance(value, dict):
            return ["inline", "header", "dotted"] if value else ["inline", "header"]
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return ["inline", "headers", "headers"]
        return ["inline"]

    def _header(self, opening: str, path: tuple[str, ...], closing: str) -> str:
        return opening + self._blank() + self._key(path) + self._blank() + closing

    def _pair(self, key: tuple[str, ...], value: object) -> str:
        return f"{self._key(key)}{self._blank()}={self._blank()}{self._value(value)}"

    def _key(self, path: tuple[str, ...]) -> str:
        return "".join(
            (f"{self._blank()}.{self._blank()}" if index else "") + self._name(name) for index, name in enumerate(path)
        )

    def _name(self, name: str) -> str:
        ways: list[Callable[[str], str]] = [self._basic]
        if not re.search(r"['\x00-\x08\x0a-\x1f\x7f]", name):
            ways.append(lambda name: f"'{name}'")
        if re.fullmatch(r"[A-Za-z0-9_-]+", name):
            ways += [str, str]
        return self._chance.choice(ways)(name)

    def _value(self, value: object) -> str:
        ways: dict[type, Callable[[Any], str]] = {
            dict: self._inline,
            list: self._array,
            str: self._string,
            bool: lambda value: str(value).lower(),
            int: self._integer,
            float: self._float,
            datetime.datetime: lambda value: value.isoformat().replace("T", self._chance.choice("Tt ")),
            datetime.date: datetime.date.isoformat,
            datetime.time: datetime.time.isoformat,
        }
        return ways[type(value)](value)

    def _float(self, value: float) -> str:
        return self._chance.choice([repr(value), f"{value:.17e}", repr(value).replace("e", "E")])

    def _integer(self, value: int) -> str:
        ways = [str(value), f"{value:_}"]
        if value >= 0:
            ways += [f"+{value}", f"0x{value:x}", f"0o{value:o}", f"0b{value:b}"]
        return self._chance.choice(ways)

    def _inline(self, table: dict[str, Any]) -> str:
        pairs: list[str] = []
        for name, value in table.items():
            if isinstance(value, dict) and len(value) == 1 and self._heads():
                ((inner, deepest),) = value.items()
                pairs.append(self._pair((name, inner), deepest))
            else:
                pairs.append(self._pair((name,), value))
        return "{" + ",".join(f"{self._blank()}{pair}{self._blank()}" for pair in pairs) + (self._blank() + "}")

    def _array(self, items: list[Any]) -> str:
        written = [f"{self._filler()}{self._value(item)}{self._filler()}" for item in items]
        last = "," if items and self._heads() else ""
        return "[" + ",".join(written) + last + self._filler() + "]"

    def _filler(self) -> str:
        return self._chance.choice(["", "", " ", "\n", "\t\n ", f" {self._comment()}\n", f"\n{self._comment()}\n\n  "])

    def _string(self, value: str) -> str:
        ways = [self._basic, self._multi_line_basic]
        if not re.search(r"['\x00-\x08\x0a-\x1f\x7f]", value):
            ways.append(lambda value: f"'{value}'")
        if not re.search(r"'''|'\Z|[\x00-\x08\x0b-\x1f\x7f]", value):
            ways.append(lambda value: f"'''\n{value}'''")
        return self._chance.choice(ways)(value)

    def _basic(self, value: str) -> str:
        return '"' + "".join(self._escaped(char) for char in value) + '"'

    def _multi_line_basic(self, value: str) -> str:
        parts = ['"""', self._chance.choice(["\n", "\\\n  "]) if value[:1] not in {" ", "\t", "\n"} else "\n"]
        for index, char in enumerate(value):
            if char == '"' and value[max(index - 2, 0) : index] != '""':
                parts.append(self._chance.choice(['"', '\\"']) if value[index - 1 : index] != '"' else '\\"')
            elif char == "\n":
                parts.append(self._chance.choice(["\n", "\\n"]))
            else:
                parts.append(self._escaped(char))
            if value[index + 1 : index + 2].isalnum() and self._chance.random() < 0.1:
                parts.append("\\ \n\n\t")
        return "".join(parts) + '"""'

    def _escaped(self, char: str) -> str:
        short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
        must = char in '"\\\x7f' or (char < " " and char != "\t")
        if not must and self._chance.random() < 0.9:
            return char
        ways = [f"\\U{ord(char):08x}"]
        ways += [f"\\u{ord(char):04X}"] if ord(char) < 0x10000 else []
        ways += [short[char]] * 2 if char in short else []
        return self._chance.choice(ways)
