"""``omniroute graph``: what names lead to, drawn for Mermaid and Graphviz, or as data.

Always true: the same configuration gives the same text, to the byte; whatever a name holds, it stays within its quotes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import click
import msgspec

from omniroute.cli.loading import read_config
from omniroute.cli.options import color_option, config_argument
from omniroute.cli.report import refuse
from omniroute.config.graph import Edge, Graph, Node, focus, graph
from omniroute.config.references import names_of
from omniroute.config.words import did_you_mean

VERSION = "1.0"
"""The format of the JSON document: ``schemas/graph.schema.json``."""

# literal tables: kind of node → its shape
_MERMAID = {"alias": ("([", "])"), "combo": ("{{", "}}"), "target": ("[", "]"), "provider": ("[(", ")]")}
_DOT = {"alias": "oval", "combo": "hexagon", "target": "box", "provider": "cylinder"}

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_./:%,")
"""What means nothing to Mermaid within quotes."""


@click.command("graph")
@config_argument
@click.option(
    "--format",
    "style",
    type=click.Choice(["mermaid", "dot", "json"]),
    default="mermaid",
    show_default=True,
    help="How it is written.",
)
@click.option("--focus", "name", metavar="NAME", help="Only what leads to this name, and what it leads to.")
@color_option
def graph_command(config: Path, style: str, name: str | None, color: str) -> None:
    """Draw what names lead to: aliases, combos, targets, providers.

    PATH is a file or a directory, as with --config. Mermaid is drawn by forges in Markdown, DOT by Graphviz. An edge of
    a combo bears a number where its targets are tried as they are written, and a weight where it draws by weight.
    """
    reading = read_config(config)
    if reading.snapshot is None or reading.document is None:
        refuse(reading, color, as_json=style == "json")
    whole = graph(reading.snapshot, names_of(reading.document))
    drawn = whole if name is None else focus(whole, name)
    if drawn is None:
        hint = did_you_mean(str(name), [each.name for each in whole.nodes])
        message = f"nothing in the configuration is named '{name}'{f'; {hint}' if hint else ''}"
        raise click.BadParameter(message, param_hint="--focus")
    click.echo(DRAWN[style](drawn), nl=False)


def mermaid(drawn: Graph) -> str:
    """Draw for Mermaid (https://mermaid.js.org/syntax/flowchart.html)."""
    numbers = {each.id: f"n{number}" for number, each in enumerate(drawn.nodes)}
    lines = ["flowchart LR"]
    for node in drawn.nodes:
        opening, closing = _MERMAID[node.kind]
        label = "<br/>".join(map(_in_mermaid, _label(node)))
        lines.append(f'  {numbers[node.id]}{opening}"{label}"{closing}')
    for edge in drawn.edges:
        said = _in_mermaid(_said(edge))
        label = f'|"{said}"|' if said else ""
        lines.append(f"  {numbers[edge.start]} -->{label} {numbers[edge.end]}")
    return _text(lines)


def dot(drawn: Graph) -> str:
    """Draw for Graphviz (https://graphviz.org/doc/info/lang.html)."""
    lines = ["digraph omniroute {", "  rankdir=LR;"]
    for node in drawn.nodes:
        label = "\\n".join(map(_in_dot, _label(node)))
        lines.append(f'  "{_in_dot(node.id)}" [label="{label}", shape={_DOT[node.kind]}];')
    for edge in drawn.edges:
        said = _in_dot(_said(edge))
        label = f' [label="{said}"]' if said else ""
        lines.append(f'  "{_in_dot(edge.start)}" -> "{_in_dot(edge.end)}"{label};')
    return _text([*lines, "}"])


def data(drawn: Graph) -> str:
    """Write a JSON document."""
    return json.dumps({"format_version": VERSION, **msgspec.to_builtins(drawn)}, indent=2) + "\n"


DRAWN: Mapping[str, Callable[[Graph], str]] = MappingProxyType({"mermaid": mermaid, "dot": dot, "json": data})


def _label(node: Node) -> Iterator[str]:
    yield node.name
    if node.strategy is not None:
        yield node.strategy


def _said(edge: Edge) -> str:
    """Say how a node comes to choose the next."""
    parts = [
        str(edge.order) if edge.order is not None else "",
        f"weight {edge.weight}, {100 * (edge.share or 0):.3g} %" if edge.weight is not None else "",
        f"by {edge.pattern}" if edge.pattern is not None else "",
    ]
    return ", ".join(filter(None, parts))


def _in_mermaid(text: str) -> str:
    """Write a text for a quoted label: what could mean something there as the number of its character."""
    return "".join(each if each in _PLAIN else f"#{ord(each)};" for each in text)


def _in_dot(text: str) -> str:
    """Write a text for a quoted string, where a backslash begins what only labels know."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
