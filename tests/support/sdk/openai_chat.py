"""Chat Completions by the official OpenAI SDK."""

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import openai
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.support.sdk.heard import NONE, Heard, Spent, arguments
from tests.support.sdk.opened import openai_client, said

FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "refused",
}


async def ask(
    url: str, body: dict[str, Any], *, stream: bool, strict: bool, retries: int = 0, headers: Mapping[str, str] = NONE
) -> Heard:
    """Ask; ``strict`` also lets the SDK put a stream together by itself, and holds that it gets the same."""
    heard = Heard()
    try:
        async with openai_client(url, retries, headers) as client:
            rest = {key: value for key, value in body.items() if key not in {"model", "messages", "stream"}}
            asked = {"model": body["model"], "messages": body["messages"], "extra_body": rest}
            if not stream:
                whole(heard, await client.chat.completions.create(**asked))
            elif strict:
                await gathered(heard, client, asked)
            else:
                await streamed(heard, await client.chat.completions.create(**asked, stream=True))
    except openai.APIError as error:
        heard.failed(error, getattr(error, "status_code", None), said(error), error.type)
    return heard


async def gathered(heard: Heard, client: openai.AsyncOpenAI, asked: dict[str, Any]) -> None:
    """Listen to a stream by the SDK's own accumulation."""
    async with client.chat.completions.stream(**asked) as stream:
        await streamed(heard, (each.chunk async for each in stream if each.type == "chunk"))
        again = Heard()
        whole(again, stream.current_completion_snapshot)
    assert (again.text, again.calls, again.finish) == (heard.text, heard.calls, heard.finish)


def whole(heard: Heard, answer: ChatCompletion) -> None:
    """Read a whole answer: its first choice."""
    heard.model = answer.model
    choice = answer.choices[0]
    if choice.message is not None:  # a filter may leave it out
        said_in(heard, choice.message)
    spent(heard, answer.usage)
    heard.ended(choice.finish_reason, FINISH)


def said_in(heard: Heard, message: Any) -> None:
    """Read a message."""
    heard.text = (message.content or "") + (message.refusal or "")
    heard.refused = bool(message.refusal)
    heard.thoughts = thoughts(message)
    for call in message.tool_calls or ():
        if call.type == "custom":
            free = call.custom if isinstance(call.custom, dict) else call.custom.model_dump()
            heard.calls.append((free["name"], free.get("input", "")))
        else:
            heard.calls.append((call.function.name, arguments(call.function.arguments)))
    if message.function_call and message.function_call.name:  # what tools were before there were tools
        heard.calls.append((message.function_call.name, arguments(message.function_call.arguments)))


async def streamed(heard: Heard, chunks: AsyncIterator[ChatCompletionChunk]) -> None:
    """Read a stream: its first choice."""
    calls: dict[int, list[str]] = {}
    finish = None
    async for chunk in chunks:
        heard.model = heard.model or chunk.model
        spent(heard, chunk.usage)
        for choice in chunk.choices or ():
            if choice.index or choice.delta is None:
                continue
            heard.text += (choice.delta.content or "") + (choice.delta.refusal or "")
            heard.refused |= bool(choice.delta.refusal)
            heard.thoughts += thoughts(choice.delta)
            gather(calls, choice.delta.tool_calls or ())
            if choice.delta.function_call:
                gathered_into(calls.setdefault(0, ["", ""]), choice.delta.function_call)
            finish = choice.finish_reason or finish
    heard.calls = [(name, arguments(text)) for _, (name, text) in sorted(calls.items())]
    heard.ended(finish, FINISH)


def gather(calls: dict[int, list[str]], deltas: Iterable[Any]) -> None:
    """Put the pieces of tool calls together, by their index."""
    for delta in deltas:
        at = delta.index if delta.index is not None else len(calls)
        call = calls.setdefault(at, ["", ""])
        free = getattr(delta, "custom", None)  # the SDK keeps it as it came
        if free:
            call[0] += free.get("name") or ""
            call[1] += free.get("input") or ""
        elif delta.function:
            gathered_into(call, delta.function)


def gathered_into(call: list[str], function: Any) -> None:
    """Add a piece of a function's name and arguments."""
    call[0] += function.name or ""
    call[1] += function.arguments or ""


def thoughts(message: Any) -> str:
    """Read what servers other than OpenAI say of the model's thoughts; the SDK keeps members that it does not know."""
    return getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or ""


def spent(heard: Heard, usage: Any) -> None:
    """Read usage; some servers leave the thinking out of what they call the completion, and only the total has it."""
    if usage is None:
        return
    prompt, output = usage.prompt_tokens_details, usage.completion_tokens_details
    sent, came = usage.prompt_tokens or 0, usage.completion_tokens or 0
    cached = (prompt.cached_tokens or 0) if prompt else 0
    reasoning = (output.reasoning_tokens or 0) if output else 0
    beside = max(0, (usage.total_tokens or 0) - sent - came)
    heard.spent = Spent(sent, came + beside, cached, max(reasoning, beside))
