"""The echo in openai-responses, and its token counter."""

from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from tests.support.echo import ANSWER, CUT, WORDS, ask, echoing, named_events, whole

ASKED: dict[str, Any] = {"model": "any/model", "input": "good morning"}
PATH = "/responses"
COUNTER = "/responses/input_tokens"
USAGE = {
    "input_tokens": 2,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": WORDS,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": WORDS + 2,
}


async def test_an_answer_has_the_documented_shape() -> None:
    answer = await whole(PATH, {**ASKED, "temperature": 0.5, "metadata": {"a": "b"}, "tools": None})
    part = {"type": "output_text", "text": ANSWER, "annotations": [], "logprobs": []}
    item = {"id": "msg_echo_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    assert answer == {
        "id": "resp_echo_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "any/model",
        "output": [item],
        "usage": USAGE,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {"a": "b"},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 0.5,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
    }


async def test_a_setting_that_is_false_or_zero_is_repeated_as_it_is() -> None:
    answer = await whole(PATH, {**ASKED, "temperature": 0, "parallel_tool_calls": False})
    assert (answer["temperature"], answer["parallel_tool_calls"]) == (0, False)


async def test_a_stream_is_the_whole_answer_in_the_documented_events() -> None:
    events = await named_events(PATH, {**ASKED, "stream": True})
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert kinds[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert kinds[4:-4] == ["output_text.delta"] * WORDS
    assert kinds[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert "".join(event["delta"] for event in events[4:-4]) == ANSWER == events[-4]["text"]
    assert events[0]["response"]["status"] == "in_progress"
    assert events[-1]["response"] == await whole(PATH, ASKED)
    assert events[-2]["item"] == events[-1]["response"]["output"][0]


async def test_a_limit_makes_the_answer_incomplete() -> None:
    answer = await whole(PATH, {**ASKED, "max_output_tokens": 3})
    assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert (answer["output"][0]["content"][0]["text"], answer["output"][0]["status"]) == (CUT, "incomplete")
    events = await named_events(PATH, {**ASKED, "max_output_tokens": 3, "stream": True})
    assert (events[-1]["type"], events[-1]["response"]) == ("response.incomplete", answer)


TALK = [
    {"role": "developer", "content": "be brief"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "good morning"}]},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}, {"type": "refusal"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "sunny and warm"},
    {"type": "computer_call_output", "call_id": "d", "output": {"type": "computer_screenshot"}},
]


async def test_items_are_counted_and_the_last_user_message_is_answered() -> None:
    body = {**ASKED, "instructions": "only French", "input": TALK}
    answer = await whole(PATH, body)
    assert answer["output"][0]["content"][0]["text"] == ANSWER
    assert answer["usage"]["input_tokens"] == 2 + 2 + 2 + 1 + 2 + 1 + 3 + 1
    assert await whole(COUNTER, body) == {"object": "response.input_tokens", "input_tokens": 14}


async def test_what_is_not_text_is_named() -> None:
    parts = [{"type": "input_image", "image_url": "data:,"}, {"type": "input_text", "text": "what?"}]
    answer = await whole(PATH, {**ASKED, "input": [{"role": "user", "content": parts}]})
    assert answer["output"][0]["content"][0]["text"].startswith('You said: "[input_image] what?".')


@pytest.mark.parametrize("path", [PATH, COUNTER])
@pytest.mark.parametrize("body", [b"[", {"input": "x"}, {**ASKED, "input": 1}, {**ASKED, "max_output_tokens": 0}])
async def test_what_is_no_request_for_a_response_is_refused(path: str, body: object) -> None:
    assert (await ask(path, body)).status == 400


async def test_the_official_client_reads_an_answer_a_stream_a_count_and_a_refusal() -> None:
    async with echoing() as url, AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        answer = await client.responses.create(**ASKED)
        assert (answer.output_text, answer.status) == (ANSWER, "completed")
        assert answer.usage is not None
        assert answer.usage.model_dump(exclude_none=True) == USAGE
        async with client.responses.stream(**ASKED) as stream:
            events = [event async for event in stream]
            final = await stream.get_final_response()
        assert final.output_text == ANSWER
        assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == ANSWER
        assert (await client.responses.input_tokens.count(**ASKED)).input_tokens == 2
        with pytest.raises(BadRequestError, match="cannot read this request"):
            await client.responses.create(model="m", input="x", max_output_tokens=0)
