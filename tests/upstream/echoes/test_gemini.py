"""The echo in gemini, and its token counter."""

import json
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.support.echo import ANSWER, CUT, WORDS, ask, echoing, pieces, whole

SAID = [{"role": "user", "parts": [{"text": "good morning"}]}]
ASKED: dict[str, Any] = {"contents": SAID}
WHOLE = "/models/any:generateContent"
STREAM = "/models/any:streamGenerateContent?alt=sse"
COUNTER = "/models/any:countTokens"


def limited(limit: int) -> dict[str, Any]:
    return {**ASKED, "generationConfig": {"maxOutputTokens": limit}}


def usage(read: int, written: int) -> dict[str, Any]:
    return {
        "promptTokenCount": read,
        "candidatesTokenCount": written,
        "totalTokenCount": read + written,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": read}],
    }


def text(answer: Any) -> str:
    [part] = answer["candidates"][0]["content"]["parts"]
    return str(part["text"])


async def events(body: object) -> list[Any]:
    return [json.loads(record.removeprefix("data: ")) for record in await pieces(STREAM, body)]


async def test_an_answer_has_the_documented_shape() -> None:
    assert await whole(WHOLE, ASKED) == {
        "candidates": [{"content": {"parts": [{"text": ANSWER}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": usage(2, WORDS),
        "modelVersion": "any",
        "responseId": "echo-1",
    }


async def test_a_stream_is_the_whole_answer_and_its_last_piece_ends_it() -> None:
    chunks = await events(ASKED)
    assert "".join(map(text, chunks)) == ANSWER
    ends = [chunk["candidates"][0].get("finishReason") for chunk in chunks]
    assert ends == [None] * (WORDS - 1) + ["STOP"]
    assert [chunk["usageMetadata"] for chunk in chunks] == [usage(2, number + 1) for number in range(WORDS)]


async def test_without_alt_a_stream_is_an_array() -> None:
    for path in (STREAM.partition("?")[0], STREAM.replace("sse", "json")):
        assert await whole(path, ASKED) == await events(ASKED)
    [only] = await whole(STREAM.partition("?")[0], limited(1))
    assert text(only) == "You"


async def test_a_limit_cuts_the_answer() -> None:
    answer = await whole(WHOLE, limited(3))
    assert (text(answer), answer["candidates"][0]["finishReason"]) == (CUT, "MAX_TOKENS")
    chunks = await events(limited(3))
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks] == [None, None, "MAX_TOKENS"]


async def test_what_a_function_gave_is_counted_and_is_nothing_that_a_user_said() -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f"}, "thoughtSignature": "eA=="}]}
    gave = {"functionResponse": {"name": "f", "response": {"result": "sunny and warm"}}}
    answer = await whole(WHOLE, {"contents": [*SAID, call, {"role": "user", "parts": [gave]}]})
    assert text(answer) == ANSWER
    assert answer["usageMetadata"]["promptTokenCount"] == 4
    answer = await whole(WHOLE, {"contents": [*SAID, call, {"parts": [gave, {"text": "and now?"}]}]})
    assert text(answer).startswith('You said: "and now?".')


async def test_what_is_not_text_is_named_and_an_empty_message_is_silence() -> None:
    parts = [{"thought": True, "inlineData": {}}, {"text": "what?"}, {"thought": True}]
    assert text(await whole(WHOLE, {"contents": [{"parts": parts}]})).startswith(
        'You said: "[inlineData] what? [part]".'
    )
    assert text(await whole(WHOLE, {"contents": [*SAID, {"role": "user"}]})).startswith("You said nothing")


async def test_contents_or_a_whole_request_are_counted() -> None:
    request = {**ASKED, "systemInstruction": {"parts": [{"text": "be very brief"}]}}
    for body, total in ((ASKED, 2), ({"generateContentRequest": {"model": "models/any", **request}}, 5), ({}, 0)):
        details = [{"modality": "TEXT", "tokenCount": total}]
        assert await whole(COUNTER, body) == {"totalTokens": total, "promptTokensDetails": details}
    assert (await whole(WHOLE, request))["usageMetadata"]["promptTokenCount"] == 5


@pytest.mark.parametrize("path", [WHOLE, STREAM, COUNTER])
@pytest.mark.parametrize("body", [b"{", {"contents": "x"}, {"contents": [{"parts": 1}]}])
async def test_what_is_no_request_is_refused_in_the_formats_error_shape(path: str, body: object) -> None:
    assert (await ask(path, body)).status == 400
    error = (await whole(path, body))["error"]
    assert "cannot read this request" in error.pop("message")
    assert error == {"code": 400, "status": "INVALID_ARGUMENT"}


@pytest.mark.parametrize("body", [{}, {"contents": []}, limited(0)])
async def test_a_request_without_contents_or_with_no_room_is_refused(body: object) -> None:
    assert (await ask(WHOLE, body)).status == 400


async def test_the_official_client_reads_an_answer_a_stream_a_count_and_a_refusal() -> None:
    async with echoing("/v1beta") as url:
        client = genai.Client(api_key="none", http_options=types.HttpOptions(base_url=url, api_version="v1beta")).aio
        async with client:
            answer = await client.models.generate_content(model="any", contents="good morning")
            assert (answer.text, answer.model_version) == (ANSWER, "any")
            assert answer.usage_metadata is not None
            assert answer.usage_metadata.total_token_count == WORDS + 2
            stream = await client.models.generate_content_stream(model="any", contents="good morning")
            chunks = [chunk async for chunk in stream]
            assert "".join(chunk.text or "" for chunk in chunks) == ANSWER
            assert chunks[-1].usage_metadata == answer.usage_metadata
            assert (await client.models.count_tokens(model="any", contents="good morning")).total_tokens == 2
            config = types.GenerateContentConfig(max_output_tokens=0)
            with pytest.raises(errors.ClientError, match="cannot read this request"):
                await client.models.generate_content(model="any", contents="x", config=config)
