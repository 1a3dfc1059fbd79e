import pytest

from omniroute.routing.view import Lock, View, rests

NOW = 100.0


@pytest.mark.parametrize(
    ("cooling", "seconds"),
    [
        ({}, 0.0),
        ({("red", "one", "m"): 130.0}, 30.0),
        ({("red", "one", ""): 130.0}, 30.0),
        ({("red", "one", "m"): 110.0, ("red", "one", ""): 130.0}, 30.0),
        ({("red", "one", "m"): 130.0, ("red", "one", ""): 110.0}, 30.0),
        ({("red", "one", "m"): 99.0, ("red", "one", ""): 100.0}, 0.0),
        ({("red", "one", "n"): 130.0, ("red", "two", "m"): 130.0, ("blue", "one", "m"): 130.0}, 0.0),
    ],
)
def test_a_credential_rests_for_a_model_as_long_as_it_does_for_that_or_for_all(
    cooling: dict[Lock, float], seconds: float
) -> None:
    assert rests(View(now=NOW, cooling=cooling), "red", "one", "m") == seconds


def test_a_rest_shows_in_a_view_that_was_made_before_it() -> None:
    cooling: dict[Lock, float] = {}
    view = View(now=NOW, cooling=cooling)
    cooling["red", "one", ""] = 101.5
    assert rests(view, "red", "one", "m") == 1.5
