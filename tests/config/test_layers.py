from typing import Any

import pytest

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.layers import Catalogue, Merged, complete, merge
from omniroute.config.source import Path, Source
from omniroute.config.toml import Parsed, parse
from tests.support.written import SHIPPED


def parsed(*texts: str) -> list[Parsed]:
    files = []
    for index, text in enumerate(texts):
        file, faults = parse(Source(f"{chr(97 + index)}.toml", text))
        assert file is not None, faults
        files.append(file)
    return files


def merged(*texts: str) -> tuple[Merged, tuple[Diagnostic, ...]]:
    return merge(parsed(*texts))


def place(of: Merged, path: Path, *, key: bool = False) -> tuple[str, str]:
    """Give the file and the text of a place."""
    at = of.place(path, key=key)
    assert at is not None
    return at.source.name, at.source.text[at.span.start.offset : at.span.end.offset]


def test_tables_may_be_spread_over_files() -> None:
    one, found = merged(
        '[providers.a]\nx = 1\n[server]\nhost = "h"\n[defaults.timeouts]\nconnect = "1s"\n',
        '[providers.b]\nx = 2\n[server]\nport = 1\n[defaults.timeouts]\ntotal = "2s"\n',
    )
    assert found == ()
    assert one.values == {
        "providers": {"a": {"x": 1}, "b": {"x": 2}},
        "server": {"host": "h", "port": 1},
        "defaults": {"timeouts": {"connect": "1s", "total": "2s"}},
    }


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ("[server]\nport = 1\n", "[server]\nport = 1\n", ("server", "port")),
        ("version = 1\n", "version = 1\n", ("version",)),
        ("[providers.a]\nx = 1\n", "[providers.a]\ny = 1\n", ("providers", "a")),
        ("[providers.a.models.m]\n", "[providers.a.models.n]\n", ("providers", "a")),
        ('[aliases]\na = "x"\n', '[aliases]\na = "y"\n', ("aliases", "a")),
        ("[server]\n", "server = 1\n", ("server",)),
        ("tests = 1\n", "[[tests]]\n", ("tests",)),
    ],
)
def test_the_same_key_in_two_files_is_a_fault_that_shows_both(first: str, second: str, path: Path) -> None:
    _, (finding,) = merged(first, second)
    assert (finding.code, finding.path, finding.label) == ("OR1004", path, "written a second time")
    assert finding.place is not None
    assert finding.place.source.name == "b.toml"
    assert [(each.place.source.name, each.message) for each in finding.related] == [("a.toml", "first written here")]


def test_the_first_of_three_files_is_the_one_that_is_named() -> None:
    _, found = merged("", "[combos.c]\n", "[combos.c]\n")
    assert [each.place.source.name for each in found[0].related] == ["b.toml"]


def test_no_file_is_changed_by_being_laid_over() -> None:
    files = parsed("[server]\nport = 1\n", '[server]\nhost = "h"\n')
    merge(files)
    assert [file.values for file in files] == [{"server": {"port": 1}}, {"server": {"host": "h"}}]


def test_tests_are_put_together_and_each_keeps_its_place() -> None:
    one, found = merged('[[tests]]\nname = "1"\n[[tests]]\nname = "2"\n', '[[tests]]\nname = "3"\n')
    assert found == ()
    assert [each["name"] for each in one.values["tests"]] == ["1", "2", "3"]
    assert [place(one, ("tests", index, "name")) for index in range(3)] == [
        ("a.toml", '"1"'),
        ("a.toml", '"2"'),
        ("b.toml", '"3"'),
    ]


def test_a_place_is_found_in_the_file_that_has_it() -> None:
    one, _ = merged('[server]\nhost = "h"\n', "[server]\nport = 1\n[providers.a]\nx = 1\n")
    assert place(one, ("server", "port")) == ("b.toml", "1")
    assert place(one, ("server", "port"), key=True) == ("b.toml", "port")
    assert place(one, ("server", "host")) == ("a.toml", '"h"')
    assert place(one, ("providers", "a", "base_url")) == ("b.toml", "providers.a")
    assert place(one, ("tests",)) == ("a.toml", "")
    assert place(one, ()) == ("a.toml", "")
    assert one.start(1).span.start.line == 1


def test_a_table_of_tests_that_is_none_still_has_a_place() -> None:
    one, _ = merged("[tests]\nx = 1\n")
    assert place(one, ("tests", "x")) == ("a.toml", "1")


def test_where_nothing_is_written_there_is_no_place() -> None:
    assert Merged({}).place(("server",)) is None


def completed(values: dict[str, Any]) -> dict[str, Any]:
    catalogue = Catalogue(SHIPPED)
    return complete(values, catalogue)


def test_a_provider_is_completed_from_the_catalogue() -> None:
    provider = completed({"providers": {"acme": {"api_key": "env:A"}}})["providers"]["acme"]
    assert provider["base_url"] == "https://api.acme.example/v1"
    assert provider["api_key"] == "env:A"
    assert not {"api_key_env", "docs"} & provider.keys()


def test_what_the_user_writes_wins_key_by_key() -> None:
    written = {
        "formats": ["gemini"],
        "headers": {"x-shared": "user", "x-own": "2"},
        "models": {"large": {"context": 5, "price": {"input": "9.00"}}, "small": {}},
    }
    provider = completed({"providers": {"acme": written}})["providers"]["acme"]
    assert provider["formats"] == ["gemini"]
    assert provider["headers"] == {"x-version": "1", "x-shared": "user", "x-own": "2"}
    assert provider["models"] == {
        "large": {"context": 5, "capabilities": ["tools"], "price": {"input": "9.00", "output": "2.00"}},
        "small": {},
    }


def test_one_way_to_authenticate_replaces_another_as_a_whole() -> None:
    provider = completed({"providers": {"queried": {"auth": {"header": "x"}}}})["providers"]["queried"]
    assert provider["auth"] == {"header": "x"}


def test_only_providers_that_the_user_names_are_there() -> None:
    assert completed({"providers": {"own": {"x": 1}}}) == {"providers": {"own": {"x": 1}}}
    assert completed({"server": {}}) == {"server": {}}


@pytest.mark.parametrize("broken", [{"providers": 1}, {"providers": {"acme": 1}}])
def test_what_is_no_table_is_left_alone(broken: dict[str, Any]) -> None:
    assert completed(broken) == broken


def test_the_catalogue_knows_names_variables_and_places() -> None:
    catalogue = Catalogue(SHIPPED)
    assert catalogue.names == {"acme", "lingua", "queried", "here"}
    assert catalogue.variables("acme") == ("ACME_KEY", "ACME_API_KEY")
    assert catalogue.variables("lingua") == catalogue.variables("nobody") == ()
    assert catalogue.aliases("acme") == ("ac",)
    assert catalogue.aliases("lingua") == catalogue.aliases("nobody") == ()
    at = catalogue.place("acme", "models", "large", "context")
    assert at is not None
    assert at.source.shipped
    assert at.source.text[at.span.start.offset : at.span.end.offset] == "1000"
    assert catalogue.place("acme", "proxy") is None
    assert catalogue.place("nobody") is None
    assert catalogue.found == []


def test_a_file_of_the_catalogue_is_found_by_its_name_on_every_system() -> None:
    source = Source("C:\\omniroute\\catalogue\\x.toml", "[providers.x]\n", shipped=True)
    assert Catalogue([source]).entry("x") == {}


def test_a_broken_file_of_the_catalogue_is_reported_when_it_is_needed() -> None:
    catalogue = Catalogue([Source("catalogue/x.toml", "[providers.x", shipped=True)])
    assert catalogue.found == []
    assert catalogue.entry("x") is None
    assert [each.code for each in catalogue.found] == ["OR1001"]
    assert Catalogue([Source("x.toml", "", shipped=True)]).entry("x") is None
