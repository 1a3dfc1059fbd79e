"""Reading configurations, good and broken, from a real disk."""

import hashlib
import os
import tomllib
from pathlib import Path

import msgspec
import pytest

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.prices import read_file
from omniroute.config.snapshot import Credential, SecretRef
from omniroute.engine.files import (
    Tree,
    find_config,
    fingerprints,
    is_config_name,
    is_test_name,
    pinned_files,
    read_tests,
    read_tree,
    schema_document,
    secret_files,
    shipped_catalogue,
)
from omniroute.names import CredentialName, Severity
from tests.support.config_dirs import config_map, swap_link
from tests.support.snapshots import provider, snapshot


def read(path: Path) -> Tree:
    return read_tree(find_config(path))


def the_fault(path: Path) -> Diagnostic:
    (fault,) = read(path).faults
    return fault


def test_a_directory_is_its_toml_files_in_name_order_and_nothing_below(tmp_path: Path) -> None:
    for name in ("routes.toml", "combos.toml", ".hidden.toml", "routes.toml~", "vision.test.toml", "notes.md"):
        (tmp_path / name).write_text(f"# {name}", "utf-8")
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "prod.toml").touch()
    tree = read(tmp_path)
    assert [each.name for each in tree.sources] == [f"{tmp_path}/combos.toml", f"{tmp_path}/routes.toml"]
    assert tree.faults == ()
    assert [each.path for each in tree.files] == [each.name for each in tree.sources]
    assert tree.files[0].sha256 == hashlib.sha256(b"# combos.toml").hexdigest()


def test_files_of_tests_are_those_beside_the_configuration_or_those_that_are_named(tmp_path: Path) -> None:
    for name in ("routes.toml", "routes.test.toml", "a.test.toml", ".hidden.test.toml", "test.toml"):
        (tmp_path / name).write_text("", "utf-8")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.test.toml").touch()

    def found(config: Path, *named: Path) -> list[str]:
        sources, faults = read_tests(find_config(config), named)
        assert faults == ()
        return [each.name.removeprefix(f"{tmp_path}/") for each in sources]

    assert found(tmp_path) == ["a.test.toml", "routes.test.toml"]
    assert found(tmp_path / "routes.toml") == ["routes.test.toml"]
    assert found(tmp_path / "test.toml") == []
    assert found(tmp_path, tmp_path / "below", tmp_path / "a.test.toml", tmp_path / "routes.toml") == [
        "below/b.test.toml",
        "a.test.toml",
    ]


def test_a_file_of_tests_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "a.test.toml").write_bytes(b"\xff")
    (tmp_path / "b.test.toml").mkdir()
    sources, faults = read_tests(find_config(tmp_path), ())
    assert sources == ()
    assert [each.code for each in faults] == ["OR1003", "OR9002"]


@pytest.mark.parametrize("name", ["a.test.toml", "test.toml", ".a.test.toml", "a.toml", "a.test.toml~"])
def test_no_file_is_of_the_configuration_and_of_its_tests(name: str) -> None:
    assert is_test_name(name) is (name == "a.test.toml")
    assert not (is_test_name(name) and is_config_name(name))


def test_files_are_named_as_the_configuration_was_given(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "routes.toml").touch()
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for given in ("examples", "examples/", "./examples", "examples/routes.toml"):
            assert [each.name for each in read(Path(given)).sources] == ["examples/routes.toml"]
        config = find_config(Path("examples"))
    finally:
        os.chdir(before)
    assert read_tree(config).sources, "where it is must not depend on where the process is later"
    assert config.base == tmp_path / "examples"
    assert find_config(tmp_path / "examples" / "routes.toml").base == tmp_path / "examples"


def test_a_single_file_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "gateway.conf").write_text("x = 1", "utf-8")
    assert [each.text for each in read(tmp_path / "gateway.conf").sources] == ["x = 1"]


@pytest.mark.parametrize("name", ["absent", "absent.toml"])
def test_what_is_absent_is_said_with_what_was_looked_for(tmp_path: Path, name: str) -> None:
    fault = the_fault(tmp_path / name)
    assert (fault.code, fault.severity) == ("OR9001", Severity.ERROR)
    assert str(tmp_path / name) in fault.summary
    assert fault.note == f"looked for the {'file' if '.' in name else 'directory'} {tmp_path / name}"
    assert "omniroute init" in fault.hint


def test_an_empty_directory_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "x.test.toml").touch()
    fault = the_fault(tmp_path)
    assert fault.code == "OR9001"
    assert "*.toml" in fault.note


def test_a_directory_in_the_place_of_a_file_is_a_fault_beside_the_files_that_are_good(tmp_path: Path) -> None:
    (tmp_path / "good.toml").touch()
    (tmp_path / "bad.toml").mkdir()
    tree = read(tmp_path)
    assert [each.code for each in tree.faults] == ["OR9002"]
    assert "not a regular file" in tree.faults[0].summary
    assert [Path(each.name).name for each in tree.sources] == ["good.toml"]
    assert tree.files[0].sha256 == ""


def test_a_file_that_turns_into_a_directory_is_a_fault_and_the_other_way_round(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.touch()
    as_file = find_config(path)
    path.unlink()
    path.mkdir()
    as_directory = find_config(path)
    assert [each.code for each in read_tree(as_file).faults] == ["OR9002"]
    path.rmdir()
    path.touch()
    assert [each.code for each in read_tree(as_directory).faults] == ["OR9002"]
    assert read_tree(as_file).faults == ()


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "routes.toml")
    assert the_fault(tmp_path).code == "OR9002"


@pytest.mark.parametrize("target", ["nowhere", "a.toml"])
def test_a_link_that_leads_nowhere_or_to_itself_is_unreadable(tmp_path: Path, target: str) -> None:
    (tmp_path / "a.toml").symlink_to(target)
    for path in (tmp_path, tmp_path / "a.toml"):
        fault = the_fault(path)
        assert fault.code == "OR9002"
        assert "a.toml" in fault.summary


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.toml").touch(mode=0)
    assert "permission denied" in the_fault(tmp_path).summary


def test_bytes_that_are_not_utf_8_are_shown_with_byte_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes('# grüße\r\nname = "'.encode() + b'caf\xe9"\n')
    fault = the_fault(tmp_path)
    assert fault.code == "OR1003"
    assert "byte 22, on line 2, is 0xe9" in fault.summary
    assert fault.place is not None
    start = fault.place.span.start
    assert (start.line, start.column, start.offset) == (2, 12, 20)
    assert fault.place.source.text[start.offset] == "\N{REPLACEMENT CHARACTER}"


def test_text_is_kept_as_it_is_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes("\ufeffx = 1\r\ny = 2\n".encode())
    assert [each.text for each in read(tmp_path).sources] == ["\ufeffx = 1\r\ny = 2\n"]


def test_a_file_of_10_megabytes_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"# all the same\n" * 700_000)
    (source,) = read(tmp_path).sources
    assert len(source.text) == 10_500_000


def test_the_raw_hash_follows_bytes_and_names_and_nothing_else(tmp_path: Path) -> None:
    def raw() -> str:
        return read(tmp_path).raw

    (tmp_path / "a.toml").write_text("x = 1", "utf-8")
    first = raw()
    os.utime(tmp_path / "a.toml", (1, 1))
    (tmp_path / "a.toml").chmod(0o600)
    (tmp_path / "b.txt").touch()
    assert raw() == first
    (tmp_path / "a.toml").write_text("x = 2", "utf-8")
    second = raw()
    (tmp_path / "a.toml").rename(tmp_path / "b.toml")
    third = raw()
    (tmp_path / "b.toml").unlink()
    fourth = raw()
    (tmp_path / "b.toml").mkdir()
    assert len({first, second, third, fourth, raw()}) == 5
    assert raw() == raw(), "the same fault is no change"


def test_names_and_contents_cannot_be_mistaken_for_each_other(tmp_path: Path) -> None:
    hashes = set()
    for number, files in enumerate(({"a.toml": "b"}, {"ab.toml": ""}, {"a.toml": "", "b.toml": ""})):
        directory = tmp_path / str(number)
        directory.mkdir()
        for name, text in files.items():
            (directory / name).write_text(text, "utf-8")
        hashes.add(read(directory).raw)
    assert len(hashes) == 3


def test_a_rewritten_file_has_another_stamp_though_its_content_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("x = 1", "utf-8")
    before = read(tmp_path)
    (tmp_path / "new").write_text("x = 1", "utf-8")
    (tmp_path / "new").rename(tmp_path / "a.toml")
    after = read(tmp_path)
    assert before.raw == after.raw
    assert before != after


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("routes.toml", True),
        ("x.tests.toml", True),
        (".routes.toml", False),
        ("..data", False),
        ("routes.toml~", False),
        ("routes.test.toml", False),
        ("routes.TOML", False),
        ("toml", False),
    ],
)
def test_names_that_count(name: str, *, counts: bool) -> None:
    assert is_config_name(name) is counts


def test_secret_files_are_those_of_credentials_relative_to_the_configuration() -> None:
    def of(name: str, *refs: SecretRef | None) -> object:
        credentials = tuple(Credential(CredentialName(f"c{at}"), ref) for at, ref in enumerate(refs))
        return msgspec.structs.replace(provider(name), credentials=credentials)

    made = snapshot(
        of("a", SecretRef("file", "keys/a"), SecretRef("env", "A"), None),
        of("b", SecretRef("file", "/run/secrets/b"), SecretRef("file", "keys/a")),
    )
    assert secret_files(made, Path("/etc/gateway")) == (Path("/etc/gateway/keys/a"), Path("/run/secrets/b"))


def test_a_fingerprint_follows_the_content_and_the_key_and_is_not_the_plain_hash(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"sk-1")
    first = fingerprints([path], b"one")
    assert first == fingerprints([path], b"one")
    assert first != fingerprints([path], b"two")
    assert first[path] != hashlib.blake2b(b"sk-1", digest_size=16).digest()
    path.write_bytes(b"sk-2")
    assert first != fingerprints([path], b"one")
    path.unlink()
    assert fingerprints([path], b"one") == {path: b""}
    path.mkdir()
    assert fingerprints([path], b"one") == {path: b""}


def test_a_configuration_file_that_is_a_mount_point_is_warned_of(tmp_path: Path) -> None:
    config_map(tmp_path / "the config", "1", {"a.toml": "", "b.toml": ""})
    directory = tmp_path / "the config"
    row = "36 35 98:0 /mnt1 {} rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
    mounted = directory / "..1" / "b.toml"
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(row.format("/proc") + row.format(str(mounted).replace(" ", "\\040")), "utf-8")
    config = find_config(directory)
    (warning,) = pinned_files(config, read_tree(config), mountinfo)
    assert (warning.code, warning.severity) == ("OR9003", Severity.WARNING)
    assert f"{directory}/b.toml" in warning.summary
    alone = find_config(directory / "b.toml")
    assert len(pinned_files(alone, read_tree(alone), mountinfo)) == 1


def test_a_directory_that_is_a_mount_point_and_a_system_that_lists_none_are_fine(tmp_path: Path) -> None:
    (tmp_path / "a.toml").touch()
    config = find_config(tmp_path)
    (tmp_path / "mountinfo").write_text(f"36 35 98:0 / {tmp_path} rw - ext3 /dev/root rw\n", "utf-8")
    assert pinned_files(config, read_tree(config), tmp_path / "mountinfo") == ()
    assert pinned_files(config, read_tree(config), tmp_path / "absent") == ()
    assert pinned_files(config, read_tree(config)) == ()


def test_the_shipped_catalogue_is_toml_and_prices_each_in_name_order() -> None:
    sources = shipped_catalogue()
    assert all(each.shipped for each in sources)
    providers = [each for each in sources if each.name.endswith(".toml")]
    prices = [each for each in sources if each.name.startswith("catalogue/prices/")]
    assert providers
    assert prices
    for part in (providers, prices):
        assert [each.name for each in part] == sorted(each.name for each in part)
    assert all(each.name.startswith("catalogue/") and tomllib.loads(each.text) for each in providers)
    assert all(read_file(each.text).models for each in prices)
    assert (*providers, *prices) == sources


def test_the_schema_is_found_in_a_checkout_and_is_json() -> None:
    assert isinstance(schema_document(), dict)


def test_reading_follows_links_to_where_they_lead_now(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "a.toml").write_text(version, "utf-8")
    swap_link(tmp_path / "current", "1")
    config = find_config(tmp_path / "current")
    swap_link(tmp_path / "current", "2")
    assert [each.text for each in read_tree(config).sources] == ["2"]


def test_a_path_through_a_file_leads_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("config", "routes.toml"):
        assert the_fault(tmp_path / "file" / name).code == "OR9001"


def test_a_directory_that_is_a_link_leading_nowhere_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "current").symlink_to("1")
    config = find_config(tmp_path / "current")
    (tmp_path / "1").rmdir()
    (fault,) = read_tree(config).faults
    assert fault.code == "OR9002"
    assert "no such file or directory" in fault.summary


def test_a_name_that_is_no_text_is_shown_as_far_as_it_is(tmp_path: Path) -> None:
    directory = os.fsdecode(os.fsencode(tmp_path) + b"/k\xf6ln")
    try:
        os.mkdir(directory)
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    assert "k\N{REPLACEMENT CHARACTER}ln" in the_fault(Path(directory)).summary
    assert "k\N{REPLACEMENT CHARACTER}ln" in the_fault(Path(directory) / "absent").summary
    (Path(directory) / os.fsdecode(b"\xff.toml")).touch()
    (source,) = read(Path(directory)).sources
    assert source.name.endswith("/k\N{REPLACEMENT CHARACTER}ln/\N{REPLACEMENT CHARACTER}.toml")


def test_a_secret_at_an_impossible_path_is_read_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.toml").touch()
    secret = tmp_path / "a\0b" / "key"
    assert fingerprints([secret], b"one") == {secret: b""}
    assert read_tree(find_config(tmp_path), [secret]).faults == ()
