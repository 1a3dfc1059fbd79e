"""The echo in openai-completions."""

import json
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from tests.support.echo import ANSWER, CUT, WORDS, ask, echoing, pieces, whole

ASKED: dict[str, Any] = {"model": "any/model", "prompt": "good morning"}
PATH = "/completions"


async def events(body: dict[str, Any]) -> list[Any]:
    records = await pieces(PATH, {**body, "stream": True})
    assert records.pop() == "data: [DONE]\n\n"
    return [json.loads(record.removeprefix("data: ")) for record in records]


async def test_an_answer_has_the_documented_shape() -> None:
    assert await whole(PATH, ASKED) == {
        "id": "cmpl-echo-1",
        "object": "text_completion",
        "created": 1_700_000_000,
        "model": "any/model",
        "choices": [{"index": 0, "text": ANSWER, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": WORDS, "total_tokens": WORDS + 2},
    }


@pytest.mark.parametrize(
    ("prompt", "heard", "read"),
    [
        (["one", "two words"], ["one", "two words"], 3),
        ([15339, 1917], ["15339 1917"], 2),
        ([[15339, 1917], [0]], ["15339 1917", "0"], 3),
        (["", "x"], ["", "x"], 1),
        (None, [""], 0),
    ],
)
async def test_each_prompt_has_a_choice_whole_and_streamed(prompt: object, heard: list[str], read: int) -> None:
    answer = await whole(PATH, {**ASKED, "prompt": prompt})
    starts = [f'You said: "{each}".' if each else "You said nothing" for each in heard]
    texts = [choice["text"] for choice in answer["choices"]]
    assert all(text.startswith(start) for text, start in zip(texts, starts, strict=True))
    assert answer["usage"]["prompt_tokens"] == read
    assert answer["usage"]["completion_tokens"] == sum(len(text.split()) for text in texts)
    chunks = await events({**ASKED, "prompt": prompt, "stream_options": {"include_usage": True}})
    assert chunks.pop() == {**answer, "choices": []}
    streamed = [""] * len(texts)
    for chunk in chunks:
        assert chunk["usage"] is None
        streamed[chunk["choices"][0]["index"]] += chunk["choices"][0]["text"]
    assert streamed == texts


async def test_a_limit_cuts_the_answer() -> None:
    answer = await whole(PATH, {**ASKED, "max_tokens": 3})
    assert (answer["choices"][0]["text"], answer["choices"][0]["finish_reason"]) == (CUT, "length")
    chunks = await events({**ASKED, "max_tokens": 3})
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, None, "length"]
    assert not any("usage" in chunk for chunk in chunks)


@pytest.mark.parametrize("body", [b"{", {"prompt": "x"}, {**ASKED, "prompt": []}, {**ASKED, "max_tokens": 0}])
async def test_what_is_no_completion_request_is_refused(body: object) -> None:
    assert (await ask(PATH, body)).status == 400


async def test_the_official_client_reads_an_answer_a_stream_and_a_refusal() -> None:
    async with echoing() as url, AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        create = client.completions.create
        answer = await create(**ASKED)
        assert (answer.choices[0].text, answer.choices[0].finish_reason) == (ANSWER, "stop")
        chunks = [each async for each in await create(**ASKED, stream=True, stream_options={"include_usage": True})]
        assert "".join(each.choices[0].text for each in chunks if each.choices) == ANSWER
        assert chunks[-1].usage == answer.usage
        with pytest.raises(BadRequestError, match="cannot read this request"):
            await create(model="m", prompt=[])
