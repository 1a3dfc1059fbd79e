"""Chance that can be repeated."""

import subprocess
import sys
from collections import Counter

from omniroute.routing.chance import draw, seed_of, shuffled


def test_the_same_seed_and_names_give_the_same_number() -> None:
    assert draw(1, "a", "b") == draw(1, "a", "b")
    assert len({draw(1, "a"), draw(2, "a"), draw(1, "b"), draw(1, "a", "b"), draw(1, "ab")}) == 5


def test_numbers_are_from_0_included_to_1_excluded_and_even() -> None:
    drawn = [draw(seed, "x") for seed in range(4000)]
    assert all(0 <= each < 1 for each in drawn)
    shares = Counter(int(each * 4) for each in drawn)
    assert all(850 < shares[quarter] < 1150 for quarter in range(4))


def test_a_shuffle_holds_every_number_once_and_each_is_first_in_its_turn() -> None:
    assert sorted(shuffled(5, 3, "x")) == [0, 1, 2, 3, 4]
    firsts = Counter(shuffled(3, seed, "x")[0] for seed in range(3000))
    assert all(850 < firsts[each] < 1150 for each in range(3))


def test_a_name_may_hold_anything_that_a_string_can() -> None:
    assert 0 <= draw(0, "\ud800") < 1


def test_a_requests_seed_is_the_same_in_every_process() -> None:
    code = "from omniroute.routing.chance import seed_of; print(seed_of('req_0123abcd'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == seed_of("req_0123abcd") >= 0
    assert seed_of("req_0123abce") != seed_of("req_0123abcd")
