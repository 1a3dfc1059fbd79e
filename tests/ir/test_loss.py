"""Losses are values, and a line that fits into a header sums them up."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.ir.loss import LONGEST_SUMMARY, Loss, LossKind, Weight, approximated, dropped, foreign, summary
from tests.support.laws import often

paths = st.text(st.sampled_from("ab.[]0=\r\n\té😀x"), min_size=1, max_size=30) | st.text(min_size=500, max_size=1_500)
losses = st.lists(
    st.builds(Loss, paths, st.sampled_from(LossKind), st.sampled_from(Weight), st.just("why")), max_size=60
)


def test_something_dropped_is_a_setting_unless_said_to_be_content() -> None:
    assert dropped("top_k", "why") == Loss("top_k", LossKind.DROPPED, Weight.SETTING, "why")
    assert dropped("a", "why", weight=Weight.CONTENT).weight is Weight.CONTENT
    assert approximated("a", "why") == Loss("a", LossKind.APPROXIMATED, Weight.SETTING, "why")
    assert approximated("a", "why", weight=Weight.CONTENT).weight is Weight.CONTENT


@pytest.mark.parametrize(
    ("extras", "path", "found"),
    [
        (None, "", []),
        ({}, "tools[1]", []),
        ({"logit_bias": {}, "=max_tokens": 5}, "", ["extras.logit_bias"]),
        (
            {"a": 1, "b": None},
            "messages[2].parts[0]",
            ["messages[2].parts[0].extras.a", "messages[2].parts[0].extras.b"],
        ),
    ],
)
def test_members_of_another_format_are_lost_by_name(extras: dict[str, Any] | None, path: str, found: list[str]) -> None:
    assert foreign(extras, path, "why") == [dropped(each, "why") for each in found]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], ""),
        ([dropped("sampling.top_k", "")], "top_k dropped"),
        (
            [dropped(f"messages[{place}].parts[0].cache", "") for place in range(3)] + [approximated("stop", "")],
            "messages[].cache dropped, stop approximated",
        ),
        ([dropped("tools[3].extras.x_new", ""), dropped("extras.x_new", "")], "tools[].x_new dropped, x_new dropped"),
        ([dropped("extras", "")], "extras dropped"),
        ([dropped("extras.a\r\nSet-Cookie: b", "")], "a??Set-Cookie:?b dropped"),
    ],
)
def test_a_summary_says_each_kind_of_place_once(found: list[Loss], said: str) -> None:
    assert summary(found) == said


def test_a_long_summary_says_how_much_is_left_out() -> None:
    said = summary(dropped(f"extras.member_{number:03}", "") for number in range(100))
    words, _, more = said.partition(" and ")
    assert len(said) <= LONGEST_SUMMARY
    assert more == f"{100 - words.count(',') - 1} more"


def test_a_name_as_long_as_a_header_does_not_hide_the_others() -> None:
    said = summary([dropped("extras." + "x" * 5_000, ""), dropped("stop", "")])
    assert said.startswith("x" * 50)
    assert said.endswith(", stop dropped")


@given(losses)
@settings(max_examples=often(200), deadline=None)
def test_a_summary_is_a_header_value(found: list[Loss]) -> None:
    said = summary(found)
    assert len(said) <= LONGEST_SUMMARY
    assert all(" " <= each <= "~" for each in said)
    assert said == said.strip()
    assert bool(said) is bool(found)
