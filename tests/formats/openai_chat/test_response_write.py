"""A whole Chat Completions answer is written."""

import pytest

from omniroute.formats.openai_chat.response import read_usage
from omniroute.formats.openai_chat.response_write import render_usage
from omniroute.ir.parts import Text
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.ir.usage import Usage
from tests.formats.openai_chat.passage import ELSEWHERE, said, whole


def test_what_the_upstream_did_not_say_comes_from_the_context() -> None:
    body, losses = said(GenerateResponse(ELSEWHERE, (Text("a"),), extras={"x": 1}))
    assert body == {
        "id": "ours",
        "object": "chat.completion",
        "created": 5,
        "model": "up",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
    }
    assert losses == []


def test_what_it_said_is_kept() -> None:
    body, losses = said(GenerateResponse(ELSEWHERE, (), Finish.LENGTH, "i", "m", 0, "stop", Usage(1, 2)))
    assert (body["id"], body["model"], body["created"]) == ("i", "m", 0)
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["total_tokens"] == 3
    assert losses == [("stop_sequence", "dropped")]


@pytest.mark.parametrize(
    "usage", [Usage(), Usage(5, 4, 3, 2, 1), Usage(5, 4, 3, 0, 4), Usage(5, 4, audio_in=3, audio_out=2)]
)
def test_usage_is_written_as_it_is_read(usage: Usage) -> None:
    assert read_usage(render_usage(usage)) == usage


def test_all_that_was_written_to_a_cache_is_told_in_one_number() -> None:
    assert read_usage(render_usage(Usage(5, 4, 3, 2, cache_write_1h=7))) == Usage(5, 4, 3, 9)


def test_members_of_a_text_part_stay_with_it_and_what_stands_beside_does_not_move() -> None:
    message = {"role": "assistant", "content": [{"type": "text", "text": "a", "new": 1}], "annotations": [1]}
    assert said(whole(message))[0]["choices"][0]["message"] == message
