"""The tests of a configuration, gathered from its files and from those beside it."""

from contextlib import chdir
from pathlib import Path

from omniroute.cli.suite import Suite, read_suite
from tests.cli.command import ECHO, written

TEST = '[[tests]]\nname = "{}"\nrequest = {{ model = "hello" }}\nexpect = {{ status = 200 }}\n'
SCHEMA = "#:schema ./omniroute.schema.json\n"


def holding(*names: str) -> str:
    return SCHEMA + "\n".join(TEST.format(name) for name in names)


def names(suite: Suite) -> list[str]:
    return [each.test.name for each in suite.tests]


def test_tests_stand_in_the_configuration_and_in_files_beside_it(tmp_path: Path) -> None:
    written(tmp_path, f"{ECHO}\n{TEST.format('one')}\n{TEST.format('two')}")
    written(tmp_path, holding("three"), "a.test.toml")
    written(tmp_path, holding("hidden"), ".b.test.toml")
    suite = read_suite(tmp_path)
    assert names(suite) == ["one", "two", "three"]
    assert [each.where.removeprefix(f"{tmp_path}/") for each in suite.tests] == [
        "omniroute.toml:8",
        "omniroute.toml:13",
        "a.test.toml:3",
    ]
    assert list(suite.names.combos) == ["hello"]


def test_beside_a_single_file_only_the_one_of_its_name_counts(tmp_path: Path) -> None:
    path = written(tmp_path)
    written(tmp_path, holding("mine"), "omniroute.test.toml")
    written(tmp_path, holding("another's"), "other.test.toml")
    assert names(read_suite(path)) == ["mine"]


def test_named_files_and_directories_are_all_that_is_run(tmp_path: Path) -> None:
    config = tmp_path / "config"
    main = written(config, f"{ECHO}\n{TEST.format('one')}")
    first = written(config, holding("two"), "a.test.toml")
    written(tmp_path / "elsewhere", holding("three"), "c.test.toml")
    assert names(read_suite(config, [first])) == ["two"]
    assert names(read_suite(config, [main])) == ["one"]
    assert names(read_suite(config, [tmp_path / "elsewhere"])) == ["three"]
    assert names(read_suite(config, [config])) == ["one", "two"]
    assert names(read_suite(config, [first, first, tmp_path / "elsewhere"])) == ["two", "three"]
    with chdir(tmp_path):
        assert names(read_suite(Path("config"), [Path("elsewhere/c.test.toml")])) == ["three"]


def test_what_serves_stands_in_no_file_of_tests(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, SCHEMA + '[aliases]\nx = "hello"\n' + TEST.format("x"), "a.test.toml")
    suite = read_suite(tmp_path)
    assert suite.tests == ()
    assert suite.reading.snapshot is None
    found = [each for each in suite.reading.found if each.code == "OR2003"]
    assert [each.summary for each in found] == ["`aliases` stands in a file of tests, which `serve` never loads"]
    assert found[0].place is not None
    assert found[0].place.span.start.line == 2


def test_faults_of_the_configuration_and_of_its_tests_leave_no_tests(tmp_path: Path) -> None:
    written(tmp_path, "[combos.x]\n")
    assert read_suite(tmp_path).reading.snapshot is None
    written(tmp_path)
    written(tmp_path, SCHEMA + '[[tests]]\nname = "x"\n', "a.test.toml")
    suite = read_suite(tmp_path)
    assert suite.reading.snapshot is None
    assert {each.code for each in suite.reading.found} == {"OR2002"}


def test_a_file_of_tests_that_is_no_toml_or_no_text_is_told(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "a.test.toml").write_bytes(b"[[tests\n")
    (tmp_path / "b.test.toml").write_bytes(b"# \xff\n")
    suite = read_suite(tmp_path)
    assert suite.reading.snapshot is None
    assert {each.code for each in suite.reading.found} == {"OR1001", "OR1003"}
