"""Responses by the official OpenAI SDK."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import openai

from tests.support.sdk.heard import NONE, Heard, Spent, arguments
from tests.support.sdk.opened import openai_client, said

FINISH = {
    "completed": "stop",
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "refused",
    "failed": "other",
    "cancelled": "other",
}
WORDS = ("response.output_text.delta", "response.refusal.delta")
THOUGHTS = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
ENDS = ("response.completed", "response.incomplete", "response.failed")


async def ask(
    url: str, body: dict[str, Any], *, stream: bool, strict: bool, retries: int = 0, headers: Mapping[str, str] = NONE
) -> Heard:
    """Ask; ``strict`` also lets the SDK put a stream together by itself, and holds that it gets the same."""
    heard = Heard()
    try:
        async with openai_client(url, retries, headers) as client:
            rest = {key: value for key, value in body.items() if key not in {"model", "input", "stream"}}
            asked = {"model": body["model"], "input": body["input"], "extra_body": rest}
            if not stream:
                whole(heard, await client.responses.create(**asked))
            elif strict:
                await gathered(heard, client, asked)
            else:
                await streamed(heard, await client.responses.create(**asked, stream=True))
    except openai.APIError as error:
        heard.failed(error, getattr(error, "status_code", None), said(error), error.type)
    return heard


async def gathered(heard: Heard, client: openai.AsyncOpenAI, asked: dict[str, Any]) -> None:
    """Listen to a stream by the SDK's own accumulation, and hold it against what the deltas said."""
    async with client.responses.stream(**asked) as stream:
        kinds: list[str] = []

        async def noted() -> AsyncIterator[Any]:
            async for event in stream:
                kinds.append(event.type)
                yield event

        await streamed(heard, noted())
        if kinds[-1:] == ["response.completed"]:  # the SDK puts no other answers together
            again = Heard()
            whole(again, await stream.get_final_response())
            assert (again.text, again.calls) == (heard.text, heard.calls), (again, heard)


def whole(heard: Heard, answer: Any) -> None:
    """Read a whole answer."""
    for item in answer.output:
        said_in(heard, item)
    ended(heard, answer)


def said_in(heard: Heard, item: Any) -> None:
    """Read one item of an answer."""
    if item.type == "message":
        heard.text += "".join(getattr(part, "text", None) or getattr(part, "refusal", "") for part in item.content)
        heard.refused |= any(part.type == "refusal" for part in item.content)
    elif item.type == "reasoning":
        heard.thoughts += "".join(part.text for part in (*(item.summary or ()), *(item.content or ())))
    elif item.type == "function_call":
        heard.calls.append((item.name, arguments(item.arguments)))
    elif item.type == "custom_tool_call":
        heard.calls.append((item.name, item.input))


async def streamed(heard: Heard, events: AsyncIterator[Any]) -> None:
    """Read a stream: words by their deltas, or by the items where there were none; calls by the items."""
    last = None
    items: dict[int, Any] = {}
    written = ""
    async for event in events:
        if event.type == "response.output_item.done":
            items[event.output_index] = event.item
        elif event.type == "response.output_text.done":
            written += event.text
        elif event.type in ENDS:
            last = event.response
        else:
            moved(heard, event)
    done = Heard()
    for item in [item for _, item in sorted(items.items())] or (last.output if last else ()):
        said_in(done, item)
    heard.calls = done.calls
    if not heard.text:  # some servers send no deltas
        heard.text, heard.refused = done.text or written, done.refused
    if last is not None:
        ended(heard, last)


def moved(heard: Heard, event: Any) -> None:
    """Read a delta, or an error."""
    if event.type in WORDS:
        heard.text += event.delta
        heard.refused |= event.type == "response.refusal.delta"
    elif event.type in THOUGHTS:
        heard.thoughts += event.delta
    elif event.type == "error":
        heard.error, heard.message = "error event", event.message


def ended(heard: Heard, answer: Any) -> None:
    """Read how it ended, and usage."""
    heard.model = answer.model
    if answer.status == "failed":
        heard.error, heard.message = "failed", answer.error.message if answer.error else ""
    reason = answer.incomplete_details.reason if answer.incomplete_details else None
    heard.ended(reason or answer.status, FINISH)
    usage = answer.usage
    if usage is not None:
        cached, reasoning = usage.input_tokens_details, usage.output_tokens_details
        heard.spent = Spent(
            usage.input_tokens,
            usage.output_tokens,
            (cached.cached_tokens or 0) if cached else 0,
            (reasoning.reasoning_tokens or 0) if reasoning else 0,
        )
