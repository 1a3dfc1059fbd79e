"""The nearest of a set: exact, in bounds, and part by part."""

import math
from array import array
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.limits import nearest
from omniroute.limits.nearest import HEAD, Nearest, Search, unit
from tests.support.embeddings import beside, direction, recorded

SET, OTHER = b"set", b"other"
EVER = -math.inf


def vector(*numbers: float) -> bytes:
    made = unit(numbers)
    assert made is not None
    return made


def searched(search: Search[Any]) -> Any:
    for _ in iter(search.go_on, False):
        pass
    return search.found


def holding(*vectors: bytes) -> Nearest[int]:
    held: Nearest[int] = Nearest(1_000, 1_000_000)
    for at, each in enumerate(vectors):
        held.put(SET, each, at, 1, float(at))
    return held


def test_a_vector_is_brought_to_length_one() -> None:
    assert array("f", vector(3.0, 4.0)).tolist() == pytest.approx([0.6, 0.8])
    assert vector(3e200, 4e200) == vector(3.0, 4.0)


@pytest.mark.parametrize("numbers", [(), (0.0, 0.0), (math.nan, 1.0), (math.inf, 1.0), (1e308, 1e308, 1e308, 1e308)])
def test_what_has_no_direction_is_no_vector(numbers: tuple[float, ...]) -> None:
    assert unit(numbers) is None


def test_the_nearest_is_found_if_it_is_near_enough() -> None:
    held = holding(vector(1, 0), vector(1, 0.2), vector(0, 1))
    search = held.search(SET, vector(1, 0.25), 0.95, EVER)
    assert searched(search) == 1
    assert search.similarity == pytest.approx(1.05 / math.hypot(1, 0.2) / math.hypot(1, 0.25), abs=1e-6)
    assert searched(held.search(SET, vector(-1, -1), 0.95, EVER)) is None
    assert searched(held.search(OTHER, vector(1, 0.25), 0.95, EVER)) is None


def test_the_same_vector_is_found_at_the_highest_threshold() -> None:
    numbers = direction(Random(1), 1_536)
    held = holding(vector(*numbers))
    search = held.search(SET, vector(*numbers), 1.0, EVER)
    assert (searched(search), search.similarity) == (0, 1.0)


@pytest.mark.parametrize("differs_at", [0, HEAD - 2, HEAD])
def test_what_is_just_near_enough_is_found_wherever_it_differs(differs_at: int) -> None:
    """Where all of the difference is in the first dimensions, they alone are as far apart as the whole."""

    def turned(cosine: float) -> bytes:
        numbers = [0.0] * (2 * HEAD)
        numbers[differs_at : differs_at + 2] = [cosine, math.sqrt(1 - cosine**2)]
        return vector(*numbers)

    held = holding(turned(1.0))
    assert searched(held.search(SET, turned(0.9501), 0.95, EVER)) == 0
    assert searched(held.search(SET, turned(0.9499), 0.95, EVER)) is None


def test_of_equally_near_ones_the_newest_is_found() -> None:
    assert searched(holding(vector(1, 0.1), vector(1, -0.1)).search(SET, vector(1, 0), 0.9, EVER)) == 1


def test_the_same_vector_is_held_once() -> None:
    held = holding(vector(1, 0), vector(1, 0))
    assert (len(held), held.size) == (1, 1)
    assert searched(held.search(SET, vector(1, 0), 0.95, EVER)) == 1


def test_vectors_of_other_dimensions_are_never_compared() -> None:
    held = holding(vector(1, 0, 0))
    assert searched(held.search(SET, vector(1, 0), 0.0, EVER)) is None


def test_nothing_is_found_that_is_older_than_was_asked() -> None:
    held = holding(vector(1, 0), vector(1, 0.1))
    assert searched(held.search(SET, vector(1, 0), 0.9, 0.0)) == 1
    assert searched(held.search(SET, vector(1, 0), 0.9, 1.0)) is None


def test_a_search_goes_part_by_part() -> None:
    held = holding(*(vector(1, at / 1_000) for at in range(100)))
    near, far = held.search(SET, vector(1, 0), 0.9, EVER), held.search(SET, vector(0, 1), 0.9, EVER)
    parts = [1, 1]
    for at, search in enumerate((near, far)):
        while search.go_on():
            parts[at] += 1
    each = nearest.WHOLE + nearest.ACCEPTING
    assert parts == [-(-100 * each // nearest.PART), -(-100 * nearest.WHOLE // nearest.PART)]
    assert (near.found, far.found) == (0, None)


def test_what_is_not_accepted_does_not_hide_what_is() -> None:
    held = holding(vector(1, 0.1), vector(1, 0), vector(1, 0.2))
    assert searched(held.search(SET, vector(1, 0), 0.9, EVER, lambda value: value != 1)) == 0
    assert searched(held.search(SET, vector(1, 0), 0.9, EVER, lambda _: False)) is None


def test_a_search_goes_on_with_what_was_there_when_it_began() -> None:
    held = holding(vector(1, 0))
    search = held.search(SET, vector(1, 0), 0.9, EVER)
    held.clear()
    assert (searched(search), len(held), held.size) == (0, 0, 0)


def test_a_set_holds_the_newest_only() -> None:
    held: Nearest[int] = Nearest(1_000, 1_000, together=2)
    for at in range(3):
        held.put(SET, vector(1, at), at, 1, 0.0)
        held.put(OTHER, vector(1, at), at, 1, 0.0)
    assert len(held) == 4
    assert searched(held.search(SET, vector(1, 0), 0.999, EVER)) is None
    assert searched(held.search(SET, vector(1, 1), 0.999, EVER)) == 1


def test_what_is_too_large_is_not_held_and_what_it_replaces_is_gone() -> None:
    held: Nearest[str] = Nearest(10, 10)
    held.put(SET, vector(1, 0), "a", 10, 0.0)
    held.put(SET, vector(1, 0), "b", 11, 0.0)
    assert (len(held), held.size) == (0, 0)


def test_what_is_out_of_date_is_swept() -> None:
    held = holding(vector(1, 0), vector(0, 1), vector(1, 1))
    held.sweep(1.0)
    assert len(held) == 1
    assert searched(held.search(SET, vector(1, 1), 0.99, EVER)) == 2


@given(
    seed=st.integers(0, 2**32),
    dimensions=st.sampled_from([2, 7, HEAD, HEAD + 1, 300, 768]),
    cosines=st.lists(st.floats(-1, 1), max_size=30),
    threshold=st.floats(0, 0.999),
)
def test_it_finds_what_looking_at_all_of_them_finds(
    seed: int, dimensions: int, cosines: list[float], threshold: float
) -> None:
    random = Random(seed)
    asked = direction(random, dimensions)
    others = [beside(asked, each, random) for each in cosines]
    held = holding(*(vector(*each) for each in others))
    search = held.search(SET, vector(*asked), threshold, EVER)
    found = searched(search)
    similar = [sum(a * b for a, b in zip(asked, each, strict=True)) for each in others]
    best = max(similar, default=-1.0)
    if found is None:
        assert best < threshold + 1e-5
    else:
        assert similar[found] == pytest.approx(best, abs=1e-5)
        assert search.similarity == pytest.approx(similar[found], abs=1e-5)
        assert best > threshold - 1e-5


STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from([SET, OTHER]), st.integers(0, 9), st.integers(0, 12)),
    st.tuples(st.just("bound"), st.integers(0, 6), st.integers(0, 30)),
    st.tuples(st.just("sweep"), st.integers(0, 5)),
)


@given(st.lists(STEPS, max_size=60))
def test_it_stays_in_bounds(steps: list[tuple[Any, ...]]) -> None:
    most, most_bytes, now = 4, 20, 0.0
    held: Nearest[int] = Nearest(most, most_bytes, together=3)
    for name, *arguments in steps:
        if name == "put":
            of, angle, size = arguments
            now += 1.0
            held.put(of, vector(1, angle), size, size, now)
        elif name == "bound":
            most, most_bytes = arguments
            held.bound(most, most_bytes)
        else:
            held.sweep(now - arguments[0])
        entries = [entry for each in held._sets.values() for entry in each.values()]
        assert len(held) == len(entries) <= most
        assert held.size == sum(entry.size for entry in entries) <= most_bytes
        assert all(0 < len(each) <= 3 for each in held._sets.values())


def test_recorded_embeddings_of_near_misses_are_told_apart_and_the_same_text_is_found() -> None:
    """What one provider gave for three sentences that differ in names only; others are not recorded."""
    texts = recorded("d362e3e6d9")
    held = holding(*(vector(*each) for each in texts.values()))
    for at, numbers in enumerate(texts.values()):
        search = held.search(SET, vector(*numbers), 0.95, EVER)
        assert (searched(search), search.similarity) == (at, 1.0)
    first, *others = (vector(*each) for each in texts.values())
    alone = holding(first)
    for each in others:
        assert searched(alone.search(SET, each, 0.95, EVER)) is None
        search = alone.search(SET, each, 0.5, EVER)
        assert searched(search) == 0
        assert 0.81 < search.similarity < 0.85
