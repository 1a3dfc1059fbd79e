"""What whole answers and chunks have in common."""

import pytest

from omniroute.formats.openai_completions.choice import (
    beside_text,
    choices_of,
    finish_losses,
    finish_of,
    finish_word,
    others_of,
    said,
    seconds,
    word,
)
from omniroute.ir.loss import LossKind, Weight
from omniroute.ir.parts import Image, Part, Refusal, Signature, Text, Thought, ToolCall, Url
from omniroute.ir.response import Finish
from omniroute.names import Format


def test_members_of_another_kind_count_as_absent() -> None:
    assert choices_of({"choices": [{"text": "a"}, 7]}) == [{"text": "a"}]
    assert choices_of({"choices": "x"}) == choices_of({}) == []
    assert [word({"a": "x", "b": 1}, name) for name in "abc"] == ["x", "", ""]
    assert [seconds({"created": value}) for value in (5, True, "5", 5.5)] == [5, None, None, None]


def test_what_is_not_modelled_is_found() -> None:
    assert others_of({"id": "i", "choices": [], "system_fingerprint": "fp", "x": None}) == {"system_fingerprint": "fp"}
    assert beside_text({"text": "a", "index": 0, "finish_reason": "stop", "logprobs": None, "y": 1}) == {"y": 1}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", Finish.STOP), ("length", Finish.LENGTH), ("content_filter", Finish.REFUSED), ("abort", Finish.OTHER)],
)
def test_a_reason_for_the_end_is_read_and_written(reason: str, finish: Finish) -> None:
    assert finish_of(reason) is finish
    assert finish_word(finish) == (reason if finish is not Finish.OTHER else "stop")


@pytest.mark.parametrize(
    ("finish", "sequence", "paths"),
    [
        (Finish.STOP, None, []),
        (Finish.REFUSED, None, []),
        (Finish.TOOLS, None, ["finish"]),
        (Finish.STOP, "x", ["stop_sequence"]),
    ],
)
def test_what_a_reason_cannot_say_is_named(finish: Finish, sequence: str | None, paths: list[str]) -> None:
    assert [loss.path for loss in finish_losses(finish, sequence)] == paths


CONTENT, SETTING = Weight.CONTENT, Weight.SETTING
DROPPED, APPROXIMATED = LossKind.DROPPED, LossKind.APPROXIMATED


@pytest.mark.parametrize(
    ("part", "text", "losses"),
    [
        (Text("a"), "a", []),
        (Text("a", Signature(Format.GEMINI, "s")), "a", [("p.signature", DROPPED, SETTING)]),
        (Text("a", extras={"annotations": [1]}), "a", [("p.extras.annotations", DROPPED, SETTING)]),
        (Refusal("no"), "no", [("p", APPROXIMATED, SETTING)]),
        (Thought("hm"), None, [("p", DROPPED, SETTING)]),
        (ToolCall("c", "f"), None, [("p", DROPPED, CONTENT)]),
        (Image(Url("u")), None, [("p", DROPPED, CONTENT)]),
    ],
)
def test_only_words_can_be_said(part: Part, text: str | None, losses: list[tuple[str, LossKind, Weight]]) -> None:
    found, lost = said(part, "p", own=False)
    assert found == text
    assert [(loss.path, loss.kind, loss.weight) for loss in lost] == losses


def test_what_is_the_formats_own_is_no_loss() -> None:
    assert said(Text("a", extras={"logprobs": 1}), "p", own=True) == ("a", [])
