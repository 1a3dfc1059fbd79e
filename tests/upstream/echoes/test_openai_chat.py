"""The echo in openai-chat."""

import json
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from tests.support import echo
from tests.support.echo import ANSWER, CUT, WORDS, ask, echoing, pieces

ASKED: dict[str, Any] = {"model": "any/model", "messages": [{"role": "user", "content": "good morning"}]}
PATH = "/chat/completions"


async def whole(body: object) -> Any:
    return await echo.whole(PATH, body)


async def events(body: dict[str, Any]) -> list[Any]:
    records = await pieces(PATH, {**body, "stream": True})
    assert records.pop() == "data: [DONE]\n\n"
    return [json.loads(record.removeprefix("data: ")) for record in records]


async def test_the_echo_says_back_what_the_last_user_message_says_and_what_it_is() -> None:
    talk = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "good morning"},
        {"role": "tool", "content": "result"},
    ]
    assert await whole({**ASKED, "messages": talk}) == {
        "id": "chatcmpl-echo-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "any/model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ANSWER, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 4, "completion_tokens": WORDS, "total_tokens": WORDS + 4},
    }


async def test_a_stream_is_the_whole_answer_word_by_word() -> None:
    chunks = await events(ASKED)
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-echo-1"}
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert [delta["content"] for delta in deltas[1:4]] == ["You ", "said: ", '"good ']
    assert "".join(delta.get("content", "") for delta in deltas) == ANSWER
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert not any("usage" in chunk for chunk in chunks)


async def test_a_stream_tells_its_usage_where_it_is_asked_to() -> None:
    *chunks, last = await events({**ASKED, "stream_options": {"include_usage": True}})
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 2, "completion_tokens": WORDS, "total_tokens": WORDS + 2}


@pytest.mark.parametrize(
    "limits", [{"max_tokens": 3}, {"max_completion_tokens": 3}, {"max_tokens": 3, "max_completion_tokens": 9}]
)
async def test_a_limit_cuts_the_answer_between_words(limits: dict[str, int]) -> None:
    answer = await whole({**ASKED, **limits})
    assert answer["choices"][0]["message"]["content"] == CUT
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3
    chunks = await events({**ASKED, **limits})
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == CUT
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


async def test_a_limit_that_is_just_long_enough_cuts_nothing() -> None:
    answer = await whole({**ASKED, "max_tokens": WORDS})
    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_parts_are_joined_and_those_that_are_not_text_are_named() -> None:
    parts = [
        {"type": "text", "text": "look:"},
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "input_audio", "input_audio": {}},
    ]
    answer = await whole({**ASKED, "messages": [{"role": "user", "content": parts}]})
    assert answer["choices"][0]["message"]["content"].startswith('You said: "look: [image] [input_audio]".')
    assert answer["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize("content", ["", None, []])
async def test_silence_is_answered_too(content: object) -> None:
    answer = await whole({**ASKED, "messages": [{"role": "user", "content": content}]})
    assert answer["choices"][0]["message"]["content"].startswith("You said nothing")
    answer = await whole({**ASKED, "messages": [{"role": "system", "content": "be brief"}]})
    assert answer["choices"][0]["message"]["content"].startswith("You said nothing")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "Input data was truncated"),
        (b"[]", "Expected `object`"),
        ({"model": "m"}, "missing required field `messages`"),
        ({"messages": ASKED["messages"]}, "missing required field `model`"),
        ({"model": "m", "messages": []}, "$.messages"),
        ({**ASKED, "max_tokens": 0}, "$.max_tokens"),
    ],
)
async def test_what_is_no_chat_request_is_refused_in_openai_s_error_shape(body: object, words: str) -> None:
    answer = await ask(PATH, body)
    assert answer.status == 400
    error = json.loads(await answer.read(10_000))["error"]
    assert words in error.pop("message")
    assert error == {"type": "invalid_request_error", "param": None, "code": None}


async def test_the_official_client_reads_an_answer_a_stream_and_a_refusal() -> None:
    async with echoing() as url, AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        create = client.chat.completions.create
        answer = await create(**ASKED)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (ANSWER, "stop")
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, WORDS)
        chunks = [each async for each in await create(**ASKED, stream=True, stream_options={"include_usage": True})]
        said = [each.choices[0].delta.content or "" for each in chunks if each.choices]
        assert ("".join(said), chunks[-1].usage) == (ANSWER, answer.usage)
        with pytest.raises(BadRequestError, match="cannot read this request"):
            await create(model="m", messages=[])
        with pytest.raises(NotFoundError, match="does not answer at this path"):
            await client.embeddings.create(model="m", input="x", encoding_format="float")
