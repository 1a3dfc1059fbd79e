"""Which removals are refused, and what the refusal says."""

from collections.abc import Iterable

import msgspec
import pytest

from omniroute.config.snapshot import Reload, Snapshot
from omniroute.engine.guard import guard
from tests.support.snapshots import combo, key, provider, snapshot


def having(
    providers: int = 1, *, combos: int = 0, aliases: Iterable[str] = (), keys: int = 0, percent: int = 50
) -> Snapshot:
    made = snapshot(
        *(provider(f"p{number}") for number in range(providers)),
        combos=[combo(f"c{number}") for number in range(combos)],
        aliases=dict.fromkeys(aliases, "p0/m"),
        keys=[key(f"k{number}", f"secret {number}") for number in range(keys)],
    )
    return msgspec.structs.replace(made, reload=Reload(max_removed_percent=percent))


def test_nothing_speaks_against_a_change_that_removes_nothing() -> None:
    assert guard(having(3, combos=3), having(9, combos=3)) == ()
    assert guard(having(0), having(0)) == ()


@pytest.mark.parametrize("before", [1, 2, 5])
def test_losing_all_providers_is_refused_however_few_there_were_and_whatever_the_limit(before: int) -> None:
    (refusal,) = guard(having(before, percent=100), having(0))
    assert refusal.code == "OR8001"
    assert f"remove {before} of {before} providers" in refusal.summary
    assert "`p0`" in refusal.note
    assert "restart" in refusal.hint


@pytest.mark.parametrize(("before", "after", "refused"), [(4, 2, False), (4, 1, True), (3, 1, True), (3, 2, False)])
def test_more_than_the_limit_of_at_least_three_is_refused(before: int, after: int, *, refused: bool) -> None:
    assert bool(guard(having(before), having(after))) is refused
    assert bool(guard(having(combos=before), having(combos=after))) is refused
    assert bool(guard(having(keys=before), having(keys=after))) is refused


@pytest.mark.parametrize("before", [1, 2])
def test_of_one_or_two_a_percentage_says_nothing(before: int) -> None:
    assert guard(having(combos=before, keys=before, aliases="ab"[:before]), having()) == ()
    assert guard(having(2), having(1)) == ()


def test_the_limit_in_force_counts_and_not_the_one_in_the_new_files() -> None:
    assert guard(having(10, percent=10), having(8, percent=100))
    assert guard(having(10, percent=100), having(1, percent=10)) == ()
    (refusal,) = guard(having(10, percent=10), having(8))
    assert "`reload.max_removed_percent` is 10" in refusal.hint


def test_a_rename_is_a_removal_and_every_kind_is_named() -> None:
    found = guard(having(aliases=["a", "b", "c"], combos=3), having(aliases=["a", "x", "y"], combos=0))
    assert [each.summary for each in found] == [
        "the new configuration would remove 3 of 3 combos",
        "the new configuration would remove 2 of 3 aliases",
    ]
    assert found[1].note == "it would remove `b`, `c`"


def test_patterns_are_aliases_too() -> None:
    assert guard(having(aliases=["a-*", "b-*", "c"]), having(aliases=["c"]))


def test_a_key_is_named_by_its_name_and_not_by_its_hash() -> None:
    (refusal,) = guard(having(keys=3), having())
    assert refusal.note == "it would remove `k0`, `k1`, `k2`"


def test_of_many_only_some_are_named() -> None:
    (refusal,) = guard(having(combos=25), having())
    assert refusal.note.count("`c") == 10
    assert refusal.note.endswith("and 15 more")
