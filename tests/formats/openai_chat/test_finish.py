"""Why an answer ended."""

import pytest

from omniroute.formats.openai_chat.finish import plain_word, read_finish, write_finish
from omniroute.formats.openai_chat.members import Writing
from omniroute.ir.response import Finish


@pytest.mark.parametrize(
    ("word", "calls", "finish"),
    [
        ("stop", False, Finish.STOP),
        ("eos", False, Finish.STOP),
        ("stop", True, Finish.TOOLS),
        ("length", True, Finish.LENGTH),
        ("max_tokens", False, Finish.LENGTH),
        ("tool_calls", False, Finish.TOOLS),
        ("function_call", True, Finish.TOOLS),
        ("content_filter", False, Finish.REFUSED),
        ("a new one", False, Finish.OTHER),
        (7, False, Finish.OTHER),
        (None, False, None),
        ("", True, Finish.TOOLS),
    ],
)
def test_the_words_of_many_servers_are_known(word: object, calls: bool, finish: Finish | None) -> None:
    assert read_finish(word, calls=calls) is finish


@pytest.mark.parametrize("finish", [None, *Finish])
def test_an_end_without_a_word_is_said_as_stop_and_is_a_loss(finish: Finish | None) -> None:
    writing = Writing(own=False)
    word = write_finish(finish, writing)
    assert word == (plain_word(finish) or "stop")
    assert [loss.path for loss in writing.losses] == (["finish"] if finish in {Finish.PAUSE, Finish.OTHER} else [])
    if plain_word(finish):
        assert read_finish(word, calls=False) is finish
