"""Results of tests as JUnit XML."""

from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

from omniroute.cli.junit import Case, junit

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
CASES = (
    Case('all is well & "quoted" <here>', "config/combos.toml", 12, 0.25),
    Case("nothing is well\x00", "config/combos.test.toml", 3, 0.5, ("status: expected 200; got 503", "attempts:")),
)


def read(cases: tuple[Case, ...]) -> Xml.Element:
    return Xml.fromstring(junit(cases, AT))


def test_every_case_has_its_name_place_and_time() -> None:
    good, bad = read(CASES).iter("testcase")
    assert good.attrib == {
        "name": 'all is well & "quoted" <here>',
        "classname": "config.combos",
        "file": "config/combos.toml",
        "line": "12",
        "time": "0.250000",
    }
    assert bad.attrib["name"] == "nothing is well\ufffd"
    assert bad.attrib["classname"] == "config.combos.test"


def test_a_failure_says_in_a_line_what_it_is_and_then_everything() -> None:
    good, bad = read(CASES).iter("testcase")
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "status: expected 200; got 503", "type": "failed"}
    assert failure.text == "status: expected 200; got 503\nattempts:"


def test_sums_stand_at_the_suite_and_above_it() -> None:
    root = read(CASES)
    suite = root.find("testsuite")
    assert suite is not None
    for each in (root, suite):
        sums = {name: each.attrib[name] for name in ("tests", "failures", "errors", "skipped", "time")}
        assert sums == {"tests": "2", "failures": "1", "errors": "0", "skipped": "0", "time": "0.750000"}
    assert suite.attrib["timestamp"] == "2026-11-23T09:30:00+00:00"
    assert read(()).attrib["tests"] == "0"


def test_it_begins_as_xml_files_do() -> None:
    assert junit((), AT).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites')
