"""Ids for calls that come without one."""

from omniroute.formats.gemini.calls import Calls


def test_given_ids_stay_and_others_are_made_up_and_never_twice_the_same() -> None:
    calls = Calls()
    assert [calls.called("f", given) for given in (None, "call_1", None, "x")] == ["call_0", "call_1", "call_2", "x"]


def test_an_answers_ids_tell_it_from_other_answers() -> None:
    assert Calls("a:b/27-Far_Kw").called("f", None) == "call_ab27-Far_Kw_0"
    assert len(Calls("x" * 99).called("f", None)) < 40


def test_a_result_answers_the_call_of_its_id_or_the_first_of_its_name() -> None:
    calls = Calls()
    for name, given in (("f", None), ("g", None), ("f", "own"), ("f", None)):
        calls.called(name, given)
    assert calls.answered("f", None) == "call_0"
    assert calls.answered(None, "own") == "own"
    assert calls.answered("f", None) == "call_2"
    assert calls.answered("g", None) == "call_1"
    assert calls.answered("g", None) == "call_3"
    assert calls.answered("g", "late") == "late"
