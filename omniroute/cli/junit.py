"""Results of tests as JUnit XML, in the form that CI servers read.

There is no standard; this is what they have in common: ``testsuites``, ``testsuite``, ``testcase`` and ``failure``,
each in the one before, with counts, ``classname``, ``file`` and ``line`` (https://github.com/testmoapp/junitxml).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree as Xml

import msgspec

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped (https://www.w3.org/TR/xml/#charsets)."""


class Case(msgspec.Struct, frozen=True):
    """One test: where it is written, how many seconds it took, and the lines that say how it failed, if it did."""

    name: str
    file: str
    line: int
    seconds: float
    failure: tuple[str, ...] = ()


def junit(cases: Sequence[Case], at: datetime) -> str:
    """Write the results of one run, which began ``at`` that time."""
    sums = {
        "tests": str(len(cases)),
        "failures": str(sum(bool(each.failure) for each in cases)),
        "errors": "0",
        "skipped": "0",
        "time": f"{sum(each.seconds for each in cases):.6f}",
    }
    root = Xml.Element("testsuites", {"name": "omniroute", **sums})
    suite = Xml.SubElement(root, "testsuite", {"name": "omniroute", **sums, "timestamp": at.isoformat()})
    for each in cases:
        _case(suite, each)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _case(suite: Xml.Element, case: Case) -> None:
    said = {"name": _clean(case.name), "classname": _clean(case.file.removesuffix(".toml").replace("/", "."))}
    place = {"file": _clean(case.file), "line": str(case.line), "time": f"{case.seconds:.6f}"}
    element = Xml.SubElement(suite, "testcase", {**said, **place})
    if case.failure:
        message = _clean(case.failure[0])
        failure = Xml.SubElement(element, "failure", {"message": message, "type": "failed"})
        failure.text = _clean("\n".join(case.failure))


def _clean(text: str) -> str:
    """Replace what XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", text)
