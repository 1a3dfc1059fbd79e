"""The shipped providers: one file each, in the language that users write, every one by the same rules."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft202012Validator

from omniroute.config.document import Catalogue
from omniroute.config.load import load
from omniroute.config.schema import catalogue_schema, document_schema
from omniroute.config.source import Source
from omniroute.formats import CODECS
from omniroute.names import Capability, Format, Severity

CATALOGUE = Path(__file__).parents[2] / "omniroute" / "catalogue"
FILES = sorted(CATALOGUE.glob("*.toml"))
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
SECRET = re.compile(r"\b(sk|gsk|xai|hf|pplx|csk|nvapi|key|tok)[-_][A-Za-z0-9_-]{16,}|(?-i:Bearer) ")


def entry(file: Path) -> dict[str, Any]:
    """Give the one provider of a file."""
    document = tomllib.loads(file.read_text("utf-8"))
    assert list(document) == ["providers"], f"{file.name} holds more than providers"
    assert list(document["providers"]) == [file.stem], (
        f"{file.name} must define providers.{file.stem}, and nothing else"
    )
    provider: dict[str, Any] = document["providers"][file.stem]
    return provider


def embedded(file: Path) -> bool:
    """Say whether this upstream is inside the process."""
    return str(entry(file)["base_url"]).startswith("embedded:")


def host(file: Path) -> str:
    """Give the host of a provider's base URL."""
    return urlsplit(entry(file)["base_url"]).hostname or ""


SPEAKS_NOTHING_YET = "OR3007"
"""What is found where no codec for any of a provider's formats is there yet."""

VALIDATOR = Draft202012Validator(catalogue_schema())

each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_there_is_a_catalogue() -> None:
    assert {"echo", "openai", "anthropic", "gemini"} <= {file.stem for file in FILES}


@each_file
def test_a_file_defines_the_provider_that_it_is_named_after(file: Path) -> None:
    assert entry(file)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", file.stem)


@each_file
def test_a_base_url_is_https_unless_it_leaves_the_machine_alone(file: Path) -> None:
    url = urlsplit(entry(file)["base_url"])
    assert url.scheme in {"https", "embedded"} or (url.scheme == "http" and url.hostname in LOOPBACK)
    assert not url.query
    assert not url.fragment
    assert url.username is None


@each_file
def test_a_base_url_ends_without_a_slash_and_without_an_endpoint(file: Path) -> None:
    url = entry(file)["base_url"]
    assert not url.endswith("/")
    assert not url.endswith(("/completions", "/responses", "/messages", "/embeddings"))


@each_file
def test_formats_and_capabilities_are_known_ones_and_not_repeated(file: Path) -> None:
    provider = entry(file)
    formats = provider["formats"]
    assert formats
    assert set(formats) <= set(Format)
    assert len(set(formats)) == len(formats)
    for name, model in provider.get("models", {}).items():
        assert set(model.get("capabilities", [])) <= set(Capability), name


@each_file
def test_environment_variables_are_in_capitals_and_there_unless_no_key_is_asked_for(file: Path) -> None:
    provider = entry(file)
    names = provider.get("api_key_env", [])
    assert all(VARIABLE.fullmatch(name) for name in names)
    assert len(set(names)) == len(names)
    assert bool(names) != (provider.get("auth") == "none")


def test_an_environment_variable_names_the_key_of_one_service() -> None:
    users: dict[str, set[str]] = {}
    for file in FILES:
        for name in entry(file).get("api_key_env", []):
            users.setdefault(name, set()).add(host(file))
    assert {name: hosts for name, hosts in users.items() if len(hosts) > 1} == {}


def test_a_further_prefix_belongs_to_one_provider_and_is_the_name_of_none() -> None:
    further = [prefix for file in FILES for prefix in entry(file).get("aliases", [])]
    assert {"ds", "pplx", "hf"} <= set(further)
    assert len(set(further)) == len(further)
    assert not {file.stem for file in FILES} & set(further)


def test_no_prefix_is_that_of_a_vendors_own_client() -> None:
    further = {prefix for file in FILES for prefix in entry(file).get("aliases", [])}
    assert not further & {"cc", "cx", "cu", "gh", "kr", "qw"}


@each_file
def test_an_entry_holds_no_secret(file: Path) -> None:
    assert not SECRET.search(file.read_text("utf-8"))
    assert not {"api_key", "credentials"} & entry(file).keys()


@each_file
def test_an_entry_names_its_documentation(file: Path) -> None:
    docs = entry(file).get("docs", "")
    assert embedded(file) or (urlsplit(docs).scheme == "https" and urlsplit(docs).hostname)


@each_file
def test_prices_are_not_written_by_hand(file: Path) -> None:
    assert [name for name, model in entry(file).get("models", {}).items() if "price" in model] == []


@each_file
def test_an_entry_is_valid_in_the_language_that_users_write(file: Path) -> None:
    document = tomllib.loads(file.read_text("utf-8"))
    assert [fault.message for fault in VALIDATOR.iter_errors(document)] == []
    assert set(Catalogue.model_validate(document).providers) == {file.stem}


@each_file
def test_an_entry_needs_nothing_but_a_credential(file: Path) -> None:
    provider = entry(file)
    credential = "" if provider.get("auth") == "none" else 'api_key = "env:EXAMPLE_API_KEY"\n'
    shipped = Source(file.name, file.read_text("utf-8"), shipped=True)
    written = Source("gateway.toml", f"[providers.{file.stem}]\n{credential}")
    loaded = load([shipped], [written], document_schema(), date(2026, 1, 1))
    wrong = [found.code for found in loaded.diagnostics if found.severity is not Severity.HINT]
    if not CODECS.keys() & set(provider["formats"]):
        assert wrong == [SPEAKS_NOTHING_YET]
        return
    assert wrong == []
    assert loaded.snapshot is not None
    compiled = loaded.snapshot.providers[file.stem]
    assert compiled.base_url == provider["base_url"]
    assert compiled.formats == tuple(provider["formats"])
    assert compiled.stream_usage == provider.get("stream_usage", True)
    assert compiled.models.keys() == provider.get("models", {}).keys()


def test_no_two_entries_are_the_same_service_in_the_same_format() -> None:
    spoken = [(entry(file)["base_url"], each) for file in FILES for each in entry(file)["formats"]]
    assert len(set(spoken)) == len(spoken)
