"""generateContent by the official Google SDK."""

from collections.abc import Mapping
from typing import Any

from google.genai import errors, types

from tests.support.sdk.heard import NONE, Heard, Spent
from tests.support.sdk.opened import gemini_client

FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "refused",
    "RECITATION": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
    "IMAGE_SAFETY": "refused",
    "IMAGE_PROHIBITED_CONTENT": "refused",
}


async def ask(
    url: str, body: dict[str, Any], *, stream: bool, strict: bool, retries: int = 0, headers: Mapping[str, str] = NONE
) -> Heard:
    """Ask; the SDK has no accumulation of its own for these, so ``strict`` changes nothing."""
    heard = Heard()
    # The SDK's own types refuse members that they do not know, so the body as it is goes on top of a small one.
    given = {key: value for key, value in body.items() if key != "model"}
    config = types.GenerateContentConfig(http_options=types.HttpOptions(extra_body=given))
    asked = {"model": body["model"], "contents": [{"role": "user", "parts": [{"text": "-"}]}], "config": config}
    try:
        async with gemini_client(url, retries, headers) as client:
            if stream:
                async for chunk in await client.aio.models.generate_content_stream(**asked):
                    took(heard, chunk)
            else:
                took(heard, await client.aio.models.generate_content(**asked))
    except errors.APIError as error:
        heard.failed(error, error.code, error.message or "", error.status)
    return heard


def took(heard: Heard, answer: types.GenerateContentResponse) -> None:
    """Read a whole answer or a chunk of one: its first candidate."""
    heard.model = answer.model_version or heard.model
    if answer.usage_metadata is not None:
        heard.spent = spent(answer.usage_metadata)
    if answer.prompt_feedback is not None and answer.prompt_feedback.block_reason is not None:
        heard.finish = "refused"
    for candidate in answer.candidates or ():
        if candidate.index:
            continue
        for part in (candidate.content.parts if candidate.content else None) or ():
            said(heard, part)
        heard.ended(candidate.finish_reason and candidate.finish_reason.value, FINISH)


def said(heard: Heard, part: types.Part) -> None:
    """Read a part."""
    if part.function_call is not None:
        heard.calls.append((part.function_call.name or "", part.function_call.args or {}))
    elif part.text and part.thought:
        heard.thoughts += part.text
    elif part.text:
        heard.text += part.text


def spent(usage: types.GenerateContentResponseUsageMetadata) -> Spent:
    """Read usage: here the candidates leave out the thoughts, and the prompt what tools of the provider's read."""
    thoughts = usage.thoughts_token_count or 0
    prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    output = (usage.candidates_token_count or 0) + thoughts
    return Spent(prompt, output, usage.cached_content_token_count or 0, thoughts)
