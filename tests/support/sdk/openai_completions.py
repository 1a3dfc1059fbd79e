"""Text completions (legacy) by the official OpenAI SDK."""

from collections.abc import Mapping
from typing import Any

import openai

from tests.support.sdk.heard import NONE, Heard
from tests.support.sdk.openai_chat import FINISH, spent
from tests.support.sdk.opened import openai_client, said


async def ask(
    url: str, body: dict[str, Any], *, stream: bool, strict: bool, retries: int = 0, headers: Mapping[str, str] = NONE
) -> Heard:
    """Ask; the SDK has no accumulation of its own for these, so ``strict`` changes nothing."""
    heard = Heard()
    try:
        async with openai_client(url, retries, headers) as client:
            rest = {key: value for key, value in body.items() if key not in {"model", "prompt", "stream"}}
            asked = {"model": body["model"], "prompt": body["prompt"], "extra_body": rest}
            if stream:
                async for chunk in await client.completions.create(**asked, stream=True):
                    took(heard, chunk)
            else:
                took(heard, await client.completions.create(**asked))
    except openai.APIError as error:
        heard.failed(error, getattr(error, "status_code", None), said(error), error.type)
    return heard


def took(heard: Heard, answer: Any) -> None:
    """Read a whole answer or a chunk of one: its first choice."""
    heard.model = heard.model or answer.model
    spent(heard, answer.usage)
    for choice in answer.choices or ():
        if not choice.index:
            heard.text += choice.text or ""
            heard.ended(choice.finish_reason, FINISH)
