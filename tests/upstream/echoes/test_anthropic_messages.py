"""The echo in anthropic-messages, and its token counter."""

from typing import Any

import pytest
from anthropic import AsyncAnthropic, BadRequestError

from tests.support.echo import ANSWER, CUT, WORDS, ask, echoing, named_events, whole

SAID = [{"role": "user", "content": "good morning"}]
ASKED: dict[str, Any] = {"model": "any/model", "max_tokens": 100, "messages": SAID}
COUNTED: dict[str, Any] = {"model": "any/model", "messages": SAID}
PATH = "/v1/messages"
COUNTER = "/v1/messages/count_tokens"
USAGE = {
    "input_tokens": 2,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": WORDS,
}


async def test_an_answer_has_the_documented_shape() -> None:
    assert await whole(PATH, ASKED) == {
        "id": "msg_echo_1",
        "type": "message",
        "role": "assistant",
        "model": "any/model",
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }


async def test_a_stream_is_the_whole_answer_in_the_documented_events() -> None:
    events = await named_events(PATH, {**ASKED, "stream": True})
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[3:-3] == ["content_block_delta"] * WORDS
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert "".join(event["delta"]["text"] for event in events[3:-3]) == ANSWER
    whole_answer = await whole(PATH, ASKED)
    start, end = events[0]["message"], events[-2]
    assert start["content"] == []
    assert start | {"content": whole_answer["content"], **end["delta"], "usage": end["usage"]} == whole_answer


async def test_a_limit_cuts_the_answer() -> None:
    answer = await whole(PATH, {**ASKED, "max_tokens": 3})
    assert (answer["content"][0]["text"], answer["stop_reason"]) == (CUT, "max_tokens")
    events = await named_events(PATH, {**ASKED, "max_tokens": 3, "stream": True})
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert events[-2]["usage"]["output_tokens"] == 3


def result(content: object) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t", **({} if content is None else {"content": content})}


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (None, 0),
        ("sunny and warm", 3),
        ([{"type": "text", "text": "two words"}, {"type": "image", "source": {}}], 3),
        (7, 1),
    ],
)
async def test_what_a_tool_gave_is_counted_and_is_nothing_that_a_user_said(content: object, read: int) -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
    body = {**ASKED, "messages": [*SAID, call, {"role": "user", "content": [result(content)]}]}
    answer = await whole(PATH, body)
    assert answer["content"][0]["text"] == ANSWER
    assert answer["usage"]["input_tokens"] == 2 + 1 + read
    both = [result(content), {"type": "text", "text": "and now?"}]
    answer = await whole(PATH, {**body, "messages": [*SAID, call, {"role": "user", "content": both}]})
    assert answer["content"][0]["text"].startswith('You said: "and now?".')


async def test_what_is_not_text_is_named_and_an_empty_message_is_silence() -> None:
    parts = [{"type": "image", "source": {}}, {"type": "text", "text": "what?"}]
    answer = await whole(PATH, {**ASKED, "messages": [{"role": "user", "content": parts}]})
    assert answer["content"][0]["text"].startswith('You said: "[image] what?".')
    answer = await whole(PATH, {**ASKED, "messages": [*SAID, {"role": "user", "content": []}]})
    assert answer["content"][0]["text"].startswith("You said nothing")


@pytest.mark.parametrize("system", ["be very brief", [{"type": "text", "text": "be very brief"}]])
async def test_the_system_prompt_is_counted(system: object) -> None:
    assert await whole(COUNTER, {**COUNTED, "system": system}) == {"input_tokens": 5}
    assert (await whole(PATH, {**ASKED, "system": system}))["usage"]["input_tokens"] == 5


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (PATH, b"{", "truncated"),
        (PATH, COUNTED, "max_tokens"),
        (PATH, {**ASKED, "max_tokens": 0}, "max_tokens"),
        (PATH, {**ASKED, "messages": []}, "messages"),
        (COUNTER, {"messages": SAID}, "model"),
    ],
)
async def test_what_is_no_request_is_refused_in_the_formats_error_shape(path: str, body: object, words: str) -> None:
    assert (await ask(path, body)).status == 400
    refused = await whole(path, body)
    assert words in refused["error"].pop("message")
    assert refused == {"type": "error", "error": {"type": "invalid_request_error"}}


async def test_the_official_client_reads_an_answer_a_stream_a_count_and_a_refusal() -> None:
    async with echoing() as url, AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as client:
        answer = await client.messages.create(**ASKED)
        assert [(block.type, block.text) for block in answer.content if block.type == "text"] == [("text", ANSWER)]
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (2, WORDS)
        async with client.messages.stream(**ASKED) as stream:
            said = [text async for text in stream.text_stream]
            final = await stream.get_final_message()
        assert "".join(said) == ANSWER
        assert (final.to_dict()["content"], final.stop_reason) == ([{"type": "text", "text": ANSWER}], "end_turn")
        assert (final.usage.input_tokens, final.usage.output_tokens) == (2, WORDS)
        assert (await client.messages.count_tokens(**COUNTED)).input_tokens == 2
        with pytest.raises(BadRequestError, match="cannot read this request"):
            await client.messages.create(model="m", max_tokens=1, messages=[])
