"""Messages by the official Anthropic SDK."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import anthropic

from tests.support.sdk.heard import NONE, Heard, Spent, arguments
from tests.support.sdk.opened import anthropic_client

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "refused",
    "pause_turn": "pause",
}


async def ask(
    url: str, body: dict[str, Any], *, stream: bool, strict: bool, retries: int = 0, headers: Mapping[str, str] = NONE
) -> Heard:
    """Ask; ``strict`` also lets the SDK put a stream together by itself, and holds that it gets the same."""
    heard = Heard()
    own = {"model", "messages", "max_tokens", "stream"}
    try:
        async with anthropic_client(url, retries, headers) as client:
            rest = {key: value for key, value in body.items() if key not in own}
            asked = {key: body[key] for key in ("model", "messages", "max_tokens")} | {"extra_body": rest}
            if not stream:
                whole(heard, await client.messages.create(**asked, timeout=60))
            elif strict:
                await gathered(heard, client, asked)
            else:
                await streamed(heard, await client.messages.create(**asked, stream=True))
    except anthropic.APIError as error:
        heard.failed(error, getattr(error, "status_code", None), said(error), getattr(error, "type", None))
    return heard


def said(error: anthropic.APIError) -> str:
    """The provider's own words of an error."""
    return getattr(error, "api_message", None) or error.message


async def gathered(heard: Heard, client: anthropic.AsyncAnthropic, asked: dict[str, Any]) -> None:
    """Listen to a stream by the SDK's own accumulation."""
    async with client.messages.stream(**asked) as stream:
        await streamed(heard, stream)
        again = Heard()
        whole(again, stream.current_message_snapshot)
    assert again == heard


def whole(heard: Heard, answer: Any) -> None:
    """Read a whole answer."""
    heard.model = answer.model
    for block in answer.content:
        if block.type == "text":
            heard.text += block.text
        elif block.type == "thinking":
            heard.thoughts += block.thinking
        elif block.type == "tool_use":
            heard.calls.append((block.name, block.input))
    heard.spent = spent(answer.usage)
    heard.ended(answer.stop_reason, FINISH)


async def streamed(heard: Heard, events: AsyncIterator[Any]) -> None:
    """Read a stream; events that the SDK made up beside those that came are passed over."""
    calls: dict[int, list[str]] = {}
    usage: dict[str, Any] = {}
    finish = None
    async for event in events:
        if event.type == "message_start":
            heard.model = event.message.model
            usage = event.message.usage.model_dump()
        elif event.type == "content_block_start":
            started(heard, calls, event)
        elif event.type == "content_block_delta":
            moved(heard, calls, event)
        elif event.type == "message_delta":
            usage |= {name: value for name, value in event.usage.model_dump().items() if value is not None}
            finish = event.delta.stop_reason
    heard.calls = [(name, arguments(text)) for _, (name, text) in sorted(calls.items())]
    heard.spent = spent(anthropic.types.Usage.construct(**usage)) if usage else None
    heard.ended(finish, FINISH)


def started(heard: Heard, calls: dict[int, list[str]], event: Any) -> None:
    """Read what a block begins with."""
    block = event.content_block
    if block.type == "text":
        heard.text += block.text
    elif block.type == "thinking":
        heard.thoughts += block.thinking
    elif block.type == "tool_use":
        calls[event.index] = [block.name, ""]


def moved(heard: Heard, calls: dict[int, list[str]], event: Any) -> None:
    """Read a delta."""
    delta = event.delta
    if delta.type == "text_delta":
        heard.text += delta.text
    elif delta.type == "thinking_delta":
        heard.thoughts += delta.thinking
    elif delta.type == "input_json_delta" and event.index in calls:
        calls[event.index][1] += delta.partial_json


def spent(usage: Any) -> Spent:
    """Read usage: the input leaves out what the cache had or was given, and the sum leaves out compaction.

    https://docs.anthropic.com/en/docs/build-with-claude/compaction: ``iterations`` has every part that is billed.
    """
    counted = [plain(usage), *map(plain, getattr(usage, "iterations", None) or ())]
    parts = counted[1:] or counted
    read = sum(part.get("cache_read_input_tokens") or 0 for part in parts)
    written = sum(part.get("cache_creation_input_tokens") or 0 for part in parts)
    sent = sum(part.get("input_tokens") or 0 for part in parts)
    came = sum(part.get("output_tokens") or 0 for part in parts)
    thinking = (counted[0].get("output_tokens_details") or {}).get("thinking_tokens") or 0
    return Spent(sent + read + written, came, read, thinking)


def plain(usage: Any) -> dict[str, Any]:
    """Give usage as an object of JSON."""
    found: dict[str, Any] = usage if isinstance(usage, dict) else usage.model_dump(warnings=False)
    return found
