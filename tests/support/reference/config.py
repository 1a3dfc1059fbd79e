"""``docs/reference/config.md``: every table and key of the configuration, from its JSON Schema."""

from collections.abc import Iterator
from typing import Any

from omniroute.config import units
from omniroute.config.document import base
from omniroute.config.document.base import STATUS
from omniroute.config.schema import document_schema
from omniroute.config.words import toml, toml_key
from tests.support.reference.markdown import anchor, code, fenced, paragraph, table

Node = dict[str, Any]

INTRODUCTION = """\
# The configuration

A configuration is one TOML file, or a directory whose `*.toml` files are read in name order as one document: any table
may stand in any file, and the same key in two of them is an error. Files whose names begin with a dot, and
`*.test.toml`, are left alone. [`omniroute check`](cli.md#omniroute-check) finds every fault, and editors that know
JSON Schema complete keys when a file's first line names the schema:

```toml
#:schema ./omniroute.schema.json
```

What the catalogue knows of a provider lies under what you write of it. `omniroute show` prints a configuration with
all of that, and all defaults, written out.
"""

PLANNED = (
    "What is *not supported yet* is in the language, so that files can be written against it, and does not act in "
    "this version: it is refused where it is written ([OR2006](rules.md#or2006-not-supported-yet-error))."
)

LARGEST = 10**9

KINDS: dict[str, tuple[str, str]] = {
    units.DURATION: ("duration", 'Whole numbers with a unit (`ms`, `s`, `m`, `h`, `d`), added up: `"30s"`, `"1h30m"`.'),
    units.SIZE: ("size", 'Bytes: a whole number with `B`, `KB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`: `"10MiB"`.'),
    units.PRICE: ("dollars", 'An amount of US dollars, as a text so that it is exact: `"0.10"`.'),
    units.MONEY: ("money", 'An amount with its currency: `"200.00 USD"`.'),
    base.REFERENCE: (
        "secret",
        'Where a secret is found, never the secret itself: `"env:NAME"`, an environment variable; `"file:PATH"`, a '
        "file's content, relative to the configuration's directory; `\"keyring:SERVICE/NAME\"`, the system's keyring.",
    ),
    base.NAME: ("name", "Lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or a digit."),
    base.WORD: ("word", "Printable ASCII without a space: the name of a model or a target."),
    base.NETWORK: ("network", 'An IP address, or a network: `"10.0.0.0/8"`.'),
    base.PROXY: ("proxy", "The URL of a proxy: `http`, `https`, `socks5` or `socks5h`."),
}
"""What a pattern is called, and what it means."""


class Place:
    """Where a table stands: its header as TOML writes it."""

    def __init__(self, header: str, *, array: bool = False) -> None:
        self.header = header
        self._array = array

    def __str__(self) -> str:
        return f"[[{self.header}]]" if self._array else f"[{self.header}]"

    def below(self, key: str) -> "Place":
        """Give the place of a table within this one."""
        return Place(f"{self.header}.{key}")

    def repeated(self) -> "Place":
        """Give the place of one item of an array of tables."""
        return Place(self.header, array=True)


class Section:
    """The keys that can stand in one place; where a table may have several shapes, those of all of them."""

    def __init__(self, place: Place, definition: Node, owner: str) -> None:
        self.place = place
        self.owner = owner
        self.description: str = definition["description"]
        self.planned = False
        self.keys: Node = dict(definition["properties"])
        self.required = set(definition.get("required", ()))
        self.others: dict[str, None] = {}
        self.shapes = 1

    def add_shape(self, definition: Node) -> None:
        """Take the keys of another shape."""
        self.keys |= definition["properties"]
        self.shapes += 1


class Sections:
    """Every table of the language, found from the top; keys that stand in several places are described once."""

    def __init__(self) -> None:
        schema = document_schema()
        self._definitions: Node = schema["$defs"]
        self.top: Node = schema["properties"]
        self.required = set(schema.get("required", ()))
        self._by_definition: dict[str, Section] = {}
        self._by_place: dict[str, Section] = {}
        for name, node in self.top.items():
            self._visit(name, node, Place(name), name)

    def of(self, owner: str) -> list[Section]:
        """Give the sections of a table of the first level, in the order in which they are met."""
        return [each for each in self._by_place.values() if each.owner == owner]

    def _visit(self, key: str, node: Node, place: Place, owner: str) -> None:
        for name, where in self._tables(key, node, place):
            if name in self._by_definition:
                self._by_definition[name].others[str(where)] = None
                continue
            definition = self._definitions[name]
            if str(where) in self._by_place:
                self._by_place[str(where)].add_shape(definition)
            else:
                self._by_place[str(where)] = Section(where, definition, owner)
            self._by_definition[name] = self._by_place[str(where)]
            self._by_place[str(where)].planned = STATUS in node
            for below, each in definition["properties"].items():
                self._visit(below, each, where.below(below), owner)

    def _tables(self, key: str, node: Node, place: Place) -> Iterator[tuple[str, Place]]:
        """Give the tables that a value may be or hold, and where each of them stands."""
        if "$ref" in node and "properties" in self._definitions[_name(node)]:
            yield _name(node), place
        elif isinstance(node.get("additionalProperties"), dict):
            yield from self._tables(key, node["additionalProperties"], place.below(_placeholder(key)))
        elif "items" in node:
            yield from self._tables(key, node["items"], place.repeated())
        for each in node.get("oneOf", ()):
            yield from self._tables(key, each, place)

    def kind(self, key: str, node: Node) -> str:
        """Say in words what a value may be."""
        if "$ref" in node:
            return self._referred(key, node)
        if "oneOf" in node:
            return ", or ".join(dict.fromkeys(self.kind(key, each) for each in node["oneOf"]))
        if "items" in node:
            return f"list of {self.kind(key, node['items'])}"
        if "additionalProperties" in node:
            return f"{code(_placeholder(key))} = {self.kind(key, node['additionalProperties'])}, …"
        return _scalar(node)

    def _referred(self, key: str, node: Node) -> str:
        name = _name(node)
        if name in self._by_definition:
            return f"[table]({anchor(str(self._by_definition[name].place))})"
        return self.kind(key, self._definitions[name])


def config_page() -> str:
    """Make the page."""
    sections = Sections()
    tables = [name for name, node in sections.top.items() if node.get("type") not in {"integer", "string", "boolean"}]
    above = {name: node for name, node in sections.top.items() if name not in tables}
    return "\n".join(
        [
            INTRODUCTION,
            "## Kinds of values\n",
            table(("kind", "what is written"), KINDS.values()),
            "## The tables\n",
            paragraph(f"{_links(sections, tables)}."),
            paragraph(PLANNED),
            "Above every table stands:\n",
            _keys(sections, above, sections.required),
            *(part for name in tables for part in _chapter(sections, name)),
        ]
    )


def _links(sections: Sections, names: list[str]) -> str:
    headings = [_heading(sections, name) for name in names]
    return ", ".join(f"[`{heading}`]({anchor(heading)})" for heading in headings)


def _heading(sections: Sections, name: str) -> str:
    """Give the header of a table of the first level: with a name in it, where it is a table of named ones."""
    found = sections.of(name)
    return str(found[0].place) if found else f"[{name}]"


def _chapter(sections: Sections, name: str) -> Iterator[str]:
    """Describe a table of the first level, and what is within it."""
    node = sections.top[name]
    yield f"## `{_heading(sections, name)}`\n"
    yield paragraph(_emphasised(node["description"]))
    yield from (fenced(example(name, each), "toml") for each in node.get("examples", ()))
    for number, section in enumerate(sections.of(name)):
        if number:
            yield f"### `{section.place}`\n"
            if section.shapes == 1:
                note = " *Not supported yet.*" if section.planned else ""
                yield paragraph(section.description + note)
        yield from _section(sections, section)


def _section(sections: Sections, section: Section) -> Iterator[str]:
    if section.others:
        yield paragraph(f"The same keys stand in {', '.join(map(code, section.others))}.")
    if section.shapes > 1:
        yield "One of these keys:\n"
    holds_tables_only = all(sections.kind(key, node).startswith("[table]") for key, node in section.keys.items())
    if not holds_tables_only or section.shapes > 1:
        yield _keys(sections, section.keys, section.required if section.shapes == 1 else set())


def _keys(sections: Sections, keys: Node, required: set[str]) -> str:
    """List keys, those that do not act yet at the end."""
    ordered = sorted(keys.items(), key=lambda each: STATUS in each[1])
    rows = (
        (code(name), sections.kind(name, node), _default(name, node, required), _told(name, node))
        for name, node in ordered
    )
    return table(("key", "value", "default", "meaning"), rows)


def _default(name: str, node: Node, required: set[str]) -> str:
    if "default" in node:
        return code(toml(node["default"]))
    return "*required*" if name in required else ""


def _told(name: str, node: Node) -> str:
    """Give a key's description, with its examples where they are not the usual ones of their kind."""
    parts = [_emphasised(node["description"])]
    if node.get("examples") and node.get("pattern") not in KINDS:
        parts.append(f"Example: {' or '.join(code(f'{toml_key(name)} = {toml(each)}') for each in node['examples'])}")
    return " ".join(parts)


def example(header: str, values: Node) -> str:
    """Write a table as people do: its values, and then the tables within it."""
    own = [f"{toml_key(key)} = {toml(each)}" for key, each in values.items() if not isinstance(each, dict)]
    inner = [example(f"{header}.{toml_key(key)}", each) for key, each in values.items() if isinstance(each, dict)]
    return "\n\n".join(["\n".join([f"[{header}]", *own])] * bool(own) + inner)


def _emphasised(text: str) -> str:
    for note in ("Not supported yet.", "Takes effect on restart."):
        text = text.replace(note, f"*{note}*")
    return text


def _choice(values: list[Any]) -> str:
    quoted = [code(toml(each)) for each in values]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _scalar(node: Node) -> str:
    """Say what a single value may be; the language's own largest number is none worth telling."""
    if "enum" in node:
        return _choice(node["enum"])
    kind = {"boolean": "`true` or `false`", "integer": "whole number", "number": "number"}.get(node.get("type", ""))
    if kind is None:
        words = {"date": "date", "date-time": "time with offset"}
        return words.get(node.get("format", "")) or KINDS.get(node.get("pattern", ""), ("text", ""))[0]
    low, high = node.get("minimum"), node.get("maximum")
    if low is None:
        return kind
    if low == high:
        return code(str(low))
    return f"{kind}, {low} or more" if high is None or high >= LARGEST else f"{kind}, {low} to {high}"


def _name(node: Node) -> str:
    return str(node["$ref"]).rpartition("/")[2]


def _placeholder(key: str) -> str:
    return {"models": '"MODEL"'}.get(key, "NAME")
