"""What every echo says, and how it counts."""

import json

import pytest

from omniroute.upstream.echoes.core import ABOUT, ECHO, SILENCE, Part, Turn, count, echo, joined, record, whole

USER = Turn("good morning", "good morning")


def test_the_last_user_that_speaks_is_answered() -> None:
    said = echo([Turn("be brief"), Turn("first", "first"), USER, Turn("what a tool gave")])
    assert said.text == ECHO.format("good morning") + ABOUT
    assert (said.read, said.written, said.cut) == (9, len(said.text.split()), False)


@pytest.mark.parametrize("turns", [[], [Turn("be brief")], [USER, Turn("", "")]])
def test_silence_is_answered_too(turns: list[Turn]) -> None:
    assert echo(turns).text == SILENCE + ABOUT


@pytest.mark.parametrize(
    ("limits", "text"), [((3,), 'You said: "good'), ((9, None, 1), "You"), ((None, 2), "You said:")]
)
def test_the_lowest_limit_cuts_between_words(limits: tuple[int | None, ...], text: str) -> None:
    said = echo([USER], *limits)
    assert (said.text, said.written, said.cut) == (text, len(text.split()), True)


def test_a_limit_that_is_just_long_enough_cuts_nothing() -> None:
    unlimited = echo([USER])
    assert echo([USER], unlimited.written) == unlimited
    assert echo([USER], unlimited.written - 1).cut


def test_a_word_is_what_space_surrounds() -> None:
    assert count([Turn(" a\tb\n c "), Turn(""), Turn("d-e")]) == 4


def test_parts_are_joined_and_those_that_are_not_text_are_named() -> None:
    parts = [Part("text", "look:"), Part("image_url"), Part("input_audio", "not read")]
    assert joined(parts) == "look: [image] [input_audio]"
    assert (joined("as it is"), joined(None), joined([])) == ("as it is", "", "")


def test_documents_and_records_are_json() -> None:
    played = whole({"a": 1}, 404)
    assert (played.status, played.content_type, b"".join(played.pieces)) == (404, "application/json", b'{"a":1}')
    assert record({"type": "x"}) == b'data: {"type":"x"}\n\n'
    assert record({"type": "x"}, named=True) == b'event: x\ndata: {"type":"x"}\n\n'
    assert json.loads(record({"type": "x\ny"})[5:]) == {"type": "x\ny"}
