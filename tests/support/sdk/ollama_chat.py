"""Ollama's chat by its official client."""

from collections.abc import Mapping
from typing import Any

import httpx
import ollama

from tests.support.sdk.heard import NONE, Heard, Spent
from tests.support.sdk.opened import ollama_client

FINISH = {"stop": "stop", "length": "length"}


async def ask(
    url: str, body: dict[str, Any], *, stream: bool, strict: bool, retries: int = 0, headers: Mapping[str, str] = NONE
) -> Heard:
    """Ask; the client accumulates nothing and never asks twice, so ``strict`` and ``retries`` change nothing."""
    heard = Heard()
    try:
        async with ollama_client(url, headers) as client:
            asked = {**body, "stream": stream}
            if stream:
                async for record in await client.chat(**asked):
                    took(heard, record)
            else:
                took(heard, await client.chat(**asked))
    except ollama.ResponseError as error:
        heard.failed(error, error.status_code, str(error.error))
    except httpx.HTTPError as error:
        heard.failed(error, None, str(error))
    return heard


def took(heard: Heard, answer: ollama.ChatResponse) -> None:
    """Read a whole answer or a record of one."""
    heard.model = answer.model or heard.model
    message = answer.message
    heard.text += message.content or ""
    heard.thoughts += message.thinking or ""
    for call in message.tool_calls or ():
        heard.calls.append((call.function.name, dict(call.function.arguments)))
    if answer.done:
        heard.ended(answer.done_reason, FINISH)
        if answer.eval_count is not None or answer.prompt_eval_count is not None:
            heard.spent = Spent(answer.prompt_eval_count or 0, answer.eval_count or 0)
