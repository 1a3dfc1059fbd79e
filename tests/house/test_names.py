"""No provider's name stands in Python: a provider is data (docs/decisions/0008).

Read are identifiers, module names and string literals; docstrings and comments may cite a provider's documentation.
Excepted are the values of ``Format``, which name wire formats, with ``openai-`` for all of its family; in a format's
own room, the words of its family (headers are called after it); and upstreams that are code of ours (``embedded:``).
A name that is an ordinary English word as well is found only where it is the whole of a string.
"""

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest

from omniroute.names import Format
from tests.house.tree import CATALOGUE, Module, catalogue_names, modules, none_of, parse

ENGLISH = frozenset({"fireworks", "perplexity", "together"})

FAMILIES = sorted({each.value.partition("-")[0] + "-" for each in Format if "-" in each.value})
FORMATS = re.compile(
    "|".join(re.escape(each.value) for each in sorted(Format, key=len, reverse=True))
    + f"|({'|'.join(FAMILIES)})(?![a-z0-9])"
)
CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def searched_names() -> frozenset[str]:
    """Give the catalogue's names, less those of upstreams inside this process."""
    found = set()
    for name in catalogue_names():
        entry = tomllib.loads((CATALOGUE / f"{name}.toml").read_text("utf-8"))["providers"][name]
        if not entry["base_url"].startswith("embedded:"):
            found.add(name)
    return frozenset(found)


def docstrings(tree: ast.AST) -> set[int]:
    """Give the ids of bare strings: docstrings, and the strings that document an attribute."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def identifiers(node: ast.AST) -> Iterator[str]:
    """Give every name that a node itself spells out."""
    for field in ("id", "attr", "name", "arg", "asname", "module", "rest"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value


def holds(text: str, names: frozenset[str]) -> set[str]:
    """Give the names that stand in an identifier or a string as words of their own, and not within a format's."""
    whole = CAPITAL.sub("-", text).replace("_", "-").lower()
    rest = FORMATS.sub("*", whole)
    found = set()
    for name in names:
        longer_than_a_format = FORMATS.search(name) and not FORMATS.fullmatch(name)
        if re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", whole if longer_than_a_format else rest):
            found.add(name)
    return found


def family(path: str) -> str:
    """Give the family of the format whose room a module is in, "" for any other."""
    _, rooms, rest = path.partition("omniroute/formats/")
    room, slash, _ = rest.partition("/")
    return room.partition("_")[0] if rooms and slash else ""


def named(module: Module, names: frozenset[str]) -> Iterator[str]:
    names = names - {family(module.path)}
    plain = names - ENGLISH
    for name in holds(module.path, plain):
        yield f"{module.path}: the path names {name}"
    documentation = docstrings(module.tree)
    for node in ast.walk(module.tree):
        place = f"{module.path}:{getattr(node, 'lineno', 0)}"
        for identifier in identifiers(node):
            yield from (f"{place}: {identifier} names {name}" for name in holds(identifier, plain))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            found = holds(node.value, plain) | ({node.value.lower()} & names & ENGLISH)
            yield from (f"{place}: a string names {name}" for name in found)


def test_no_providers_name_stands_in_the_package() -> None:
    names = searched_names()
    none_of(finding for module in modules() for finding in named(module, names))


def test_every_english_word_on_the_list_is_a_providers_name() -> None:
    assert searched_names() >= ENGLISH


@pytest.mark.parametrize(
    "text",
    [
        'if provider == "groq": ...',
        'url = "https://api.groq.com/v1"',
        'key = "GROQ_API_KEY"',
        "def groq_quirk(): ...",
        "class GroqClient: ...",
        "x = GROQ",
        "import groq",
        "from groq import Client",
        "call(groq=1)",
        'x = f"{1} at groq"',
        'if provider == "openai": ...',
        'if provider == "github-models": ...',
        "github_models = 1",
        'if provider == "ollama-cloud": ...',
        'if provider == "together": ...',
    ],
)
def test_a_providers_name_is_found(text: str) -> None:
    assert list(named(parse(text), searched_names()))


def test_a_file_named_after_a_provider_is_found() -> None:
    assert list(named(parse("", "omniroute/upstream/groq.py"), searched_names()))


@pytest.mark.parametrize(
    "text",
    [
        '"""As Groq documents it: https://console.groq.com/docs."""',
        "x = 1  # groq",
        'OPENAI_CHAT = "openai-chat"',
        "from omniroute.formats.openai_chat import CODEC",
        'x = Format("gemini")',
        'text = "all of them together"',
        'text = "grocery"',
        'text = "with /v1 for the `openai-` formats"',
        'url = "embedded:echo"',
    ],
)
def test_documentation_formats_and_plain_english_are_let_be(text: str) -> None:
    assert list(named(parse(text), searched_names())) == []
