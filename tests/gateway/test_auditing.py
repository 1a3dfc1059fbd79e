"""What of the gateway's events reaches the audit log."""

import pytest

from omniroute.gateway.auditing import Auditor
from omniroute.names import ReloadResult, Trigger
from omniroute.observe.events import Audited, Serving
from omniroute.storage.audit import Entry
from tests.support.events import NOON, exchanged, reloaded


@pytest.fixture
def kept() -> list[Entry]:
    return []


@pytest.fixture
def auditor(kept: list[Entry]) -> Auditor:
    return Auditor(kept.append)


def test_operations_and_refusals_are_kept_as_they_are(auditor: Auditor, kept: list[Entry]) -> None:
    auditor.note(Audited(NOON, "alice", "cache.cleared", "caches", "3 answers"))
    assert kept == [Entry(NOON, "alice", "cache.cleared", "caches", "3 answers")]


def test_a_change_of_the_configuration_says_from_which_to_which(auditor: Auditor, kept: list[Entry]) -> None:
    auditor.note(reloaded(config="aaa", generation=1, trigger=Trigger.START))
    auditor.note(reloaded(config="bbb", generation=2))
    assert [(each.action, each.target, each.detail) for each in kept] == [
        ("config.applied", "aaa", "applied; trigger start; generation 1; from none to aaa"),
        ("config.applied", "bbb", "applied; trigger file; generation 2; from aaa to bbb"),
    ]


def test_a_configuration_that_was_not_taken_is_named(auditor: Auditor, kept: list[Entry]) -> None:
    auditor.note(reloaded(config="aaa", generation=1, result=ReloadResult.GUARDED, refused="bbb", errors=2))
    auditor.note(reloaded(config="aaa", generation=1, result=ReloadResult.REJECTED, errors=1))
    assert [each.action for each in kept] == ["config.guarded", "config.rejected"]
    assert kept[0].detail == "guarded; trigger file; generation 1; aaa stays in force; 2 errors; refused bbb"
    assert "refused" not in kept[1].detail


def test_start_and_stop_are_kept(auditor: Auditor, kept: list[Entry]) -> None:
    for up in (True, False):
        auditor.note(Serving(NOON, up, "http://127.0.0.1:1", 4, "abc"))
    assert [(each.action, each.target) for each in kept] == [
        ("serve.started", "http://127.0.0.1:1"),
        ("serve.stopped", "http://127.0.0.1:1"),
    ]
    assert kept[0].detail.startswith("configuration 4, abc; process ")


def test_requests_and_readings_that_found_nothing_new_are_not(auditor: Auditor, kept: list[Entry]) -> None:
    auditor.note(exchanged())
    auditor.note(reloaded(result=ReloadResult.UNCHANGED))
    assert kept == []
