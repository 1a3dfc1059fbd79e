"""The echo in ollama's chat."""

import json
from typing import Any

import pytest
from ollama import AsyncClient, ResponseError

from tests.support.echo import ANSWER, CUT, WORDS, ask, echoing, pieces, whole

SAID = [{"role": "user", "content": "good morning"}]
ASKED: dict[str, Any] = {"model": "any", "messages": SAID, "stream": False}
STREAMED: dict[str, Any] = {"model": "any", "messages": SAID}
PATH = "/api/chat"


async def lines(body: object) -> list[Any]:
    answer = await ask(PATH, body)
    assert answer.headers["content-type"] == "application/x-ndjson"
    records = await pieces(PATH, body)
    assert all(record.endswith("\n") and record.count("\n") == 1 for record in records)
    return [json.loads(record) for record in records]


async def test_an_answer_has_the_documented_shape() -> None:
    assert await whole(PATH, ASKED) == {
        "model": "any",
        "created_at": "2023-11-14T22:13:20Z",
        "message": {"role": "assistant", "content": ANSWER},
        "done_reason": "stop",
        "done": True,
        "prompt_eval_count": 2,
        "eval_count": WORDS,
    }


@pytest.mark.parametrize("body", [STREAMED, {**STREAMED, "stream": True}, {**STREAMED, "stream": None}])
async def test_it_streams_where_it_is_not_asked_not_to(body: dict[str, Any]) -> None:
    *parts, last = await lines(body)
    assert "".join(part["message"]["content"] for part in parts) == ANSWER
    assert not any(part["done"] or "eval_count" in part for part in parts)
    assert last == {**await whole(PATH, ASKED), "message": {"role": "assistant", "content": ""}}


async def test_a_limit_cuts_the_answer() -> None:
    answer = await whole(PATH, {**ASKED, "options": {"num_predict": 3}})
    assert (answer["message"]["content"], answer["done_reason"], answer["eval_count"]) == (CUT, "length", 3)
    assert (await lines({**STREAMED, "options": {"num_predict": 3}}))[-1]["done_reason"] == "length"


@pytest.mark.parametrize("options", [None, {}, {"num_predict": -1}, {"num_predict": 0}])
async def test_no_limit_cuts_nothing(options: object) -> None:
    assert (await whole(PATH, {**ASKED, "options": options}))["done_reason"] == "stop"


async def test_the_last_user_message_is_answered_and_images_are_named() -> None:
    tool = {"role": "tool", "content": "sunny and warm", "tool_name": "f"}
    answer = await whole(PATH, {**ASKED, "messages": [*SAID, tool]})
    assert (answer["message"]["content"], answer["prompt_eval_count"]) == (ANSWER, 5)
    for content, heard in (("look:", "look: [image] [image]"), ("", "[image] [image]")):
        message = {"role": "user", "content": content, "images": ["eA==", "eA=="]}
        answer = await whole(PATH, {**ASKED, "messages": [message]})
        assert answer["message"]["content"].startswith(f'You said: "{heard}".')


async def test_silence_is_answered_too() -> None:
    assert (await whole(PATH, {**ASKED, "messages": []}))["message"]["content"].startswith("You said nothing")


@pytest.mark.parametrize("body", [b"{", {"messages": SAID}, {"model": "m", "messages": "x"}])
async def test_what_is_no_request_is_refused_in_the_formats_error_shape(body: object) -> None:
    assert (await ask(PATH, body)).status == 400
    assert "cannot read this request" in (await whole(PATH, body)).pop("error")


async def test_the_official_client_reads_an_answer_a_stream_and_a_refusal() -> None:
    async with echoing() as url:
        client = AsyncClient(url)
        answer = await client.chat("any", SAID)
        assert (answer.message.content, answer.eval_count) == (ANSWER, WORDS)
        parts = [part async for part in await client.chat("any", SAID, stream=True)]
        assert "".join(part.message.content or "" for part in parts) == ANSWER
        assert (parts[-1].done_reason, parts[-1].prompt_eval_count) == ("stop", 2)
        with pytest.raises(ResponseError, match="cannot read this request"):
            await client.chat("any", [{"role": "user", "content": "x", "images": []}], options={"num_predict": "x"})
        await client._client.aclose()
