"""What reading and writing JSON objects of this format have in common."""

import pytest

from omniroute.formats.openai_chat.members import (
    Writing,
    members,
    nested,
    rest,
    take_bool,
    take_int,
    take_number,
    take_text,
    text,
)
from omniroute.ir.loss import Loss, LossKind, Weight


@pytest.mark.parametrize(
    ("take", "good", "bad"),
    [
        (take_text, ["", "a"], [1, None, [], True]),
        (take_bool, [True, False], [0, 1, "true", None]),
        (take_int, [0, -3], [True, 1.0, "1", None]),
        (take_number, [0, 0.5], [False, "1", None, []]),
    ],
)
def test_a_member_is_taken_out_where_it_is_of_its_kind(take, good, bad) -> None:  # type: ignore[no-untyped-def]  # four signatures
    for value in good:
        left = {"a": value}
        assert take(left, "a") == value
        assert left == {}
    for value in bad:
        left = {"a": value}
        assert take(left, "a") is None
        assert left == {"a": value}
    assert take({}, "a") is None


def test_empty_members_and_known_ones_are_left_out() -> None:
    assert members({"a": None, "b": 0}) == {"b": 0}
    assert rest({"a": None, "b": 0, "c": 1}, "c") == {"b": 0}
    assert (text("a"), text(1)) == ("a", None)


def test_what_is_not_known_within_a_member_is_kept_under_its_name() -> None:
    extras: dict[str, object] = {}
    nested(extras, "inner", {"known": 1, "new": 2}, "known")
    nested(extras, "other", {"known": 1}, "known")
    assert extras == {"inner": {"new": 2}}


def test_members_of_its_own_format_are_put_back_and_others_are_losses() -> None:
    own, other = Writing(own=True), Writing(own=False)
    extras = {"a": 1, "=b": 2}
    assert own.extras(extras, "x") == {"a": 1, "b": 2}
    assert other.extras(extras, "x") == {}
    assert other.extras(None, "x") == {}
    other.drop("d", "why")
    other.approximate("e", "why")
    other.refuse("f", "why")
    assert own.losses == []
    assert other.losses == [
        Loss("x.extras.a", LossKind.DROPPED, Weight.SETTING, "only its own format knows it"),
        Loss("d", LossKind.DROPPED, Weight.SETTING, "why"),
        Loss("e", LossKind.APPROXIMATED, Weight.SETTING, "why"),
        Loss("f", LossKind.DROPPED, Weight.CONTENT, "why"),
    ]
