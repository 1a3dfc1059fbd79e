"""Answers of our own in every wire format an upstream may speak: words, or tool calls, whole or streamed.

They are written out by hand after each provider's documentation, and know nothing of the package: a test that scripts
an upstream by them and reads the gateway's answer by an official SDK has two judges that are not ours.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omniroute.names import Format
from tests.support.peer import CHUNKED, EVENTS, JSON, Chunk, Head, Last, Script
from tests.support.upstream import answer

Json = dict[str, Any]

NDJSON = (("content-type", "application/x-ndjson"),)
MEDIA = {Format.OLLAMA: NDJSON}
"""Of the streams that are not event streams."""

INPUT, OUTPUT = 21, 7
"""Tokens that every answer here reports."""


@dataclass(frozen=True)
class Call:
    """A tool being called; ``arguments`` are an object, or free text where the tool takes that."""

    name: str
    arguments: Mapping[str, Any] | str
    id: str = "call_1"
    namespace: str | None = None

    @property
    def text(self) -> str:
        """The arguments as they are written."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True)
class Saying:
    """What an answer says: words, then calls."""

    text: str = ""
    calls: Sequence[Call] = ()
    model: str = "scripted"

    @property
    def halves(self) -> Iterator[str]:
        """The words, in two pieces."""
        middle = len(self.text) // 2
        yield from filter(None, (self.text[:middle], self.text[middle:]))


def script(wire: Format, said: Saying, *, stream: bool) -> Script:
    """Answer so in this format, streamed or whole."""
    if not stream:
        return answer(json.dumps(WHOLE[wire](said)).encode(), headers=JSON)
    records = STREAMED[wire](said)
    return [Head(200, (*MEDIA.get(wire, EVENTS), CHUNKED)), *(Chunk(each.encode()) for each in records), Last()]


def event(data: Json, name: str | None = None) -> str:
    """One record of an event stream."""
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n"


# Chat Completions: https://platform.openai.com/docs/api-reference/chat

CHAT_USAGE = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}


def chat_whole(said: Saying) -> Json:
    message: Json = {"role": "assistant", "content": said.text or None, "refusal": None}
    if said.calls:
        message["tool_calls"] = [chat_call(each) for each in said.calls]
    finish = "tool_calls" if said.calls else "stop"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": said.model}
    return {**head, "choices": [choice], "usage": CHAT_USAGE}


def chat_call(call: Call) -> Json:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text}}


def chat_streamed(said: Saying) -> Iterator[str]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": said.model}

    def chunk(delta: Json, finish: str | None = None) -> str:
        return event({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None})

    yield chunk({"role": "assistant", "content": ""})
    for words in said.halves:
        yield chunk({"content": words})
    for at, call in enumerate(said.calls):
        opened = chat_call(call)
        opened["function"]["arguments"] = ""
        yield chunk({"tool_calls": [{"index": at, **opened}]})
        yield chunk({"tool_calls": [{"index": at, "function": {"arguments": call.text}}]})
    yield chunk({}, "tool_calls" if said.calls else "stop")
    yield event({**base, "choices": [], "usage": CHAT_USAGE})
    yield "data: [DONE]\n\n"


# Responses: https://platform.openai.com/docs/api-reference/responses


def responses_items(said: Saying) -> list[Json]:
    items: list[Json] = []
    if said.text:
        part = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        items.append(message)
    for number, call in enumerate(said.calls):
        group = {"namespace": call.namespace} if call.namespace else {}
        items.append({"id": f"fc_{number}", "call_id": call.id, "name": call.name, "status": "completed", **group})
        free = isinstance(call.arguments, str)
        kind = {"type": "custom_tool_call", "input": call.text} if free else {}
        items[-1] |= kind or {"type": "function_call", "arguments": call.text}
    return items


def responses_head(said: Saying) -> Json:
    asked = {"instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1, "top_p": 1}
    head = {"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": said.model, "error": None}
    rest = {"incomplete_details": None, "tool_choice": "auto", "tools": [], "output": [], "usage": None}
    return {**head, "status": "in_progress", **asked, **rest}


def responses_whole(said: Saying) -> Json:
    usage = {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT + OUTPUT,
    }
    return {**responses_head(said), "status": "completed", "output": responses_items(said), "usage": usage}


def responses_streamed(said: Saying) -> Iterator[str]:
    for number, data in enumerate(responses_events(said)):
        yield event({**data, "sequence_number": number}, data["type"])


def responses_events(said: Saying) -> Iterator[Json]:
    yield {"type": "response.created", "response": responses_head(said)}
    yield {"type": "response.in_progress", "response": responses_head(said)}
    for at, item in enumerate(responses_items(said)):
        yield from responses_item(said, at, item)
    yield {"type": "response.completed", "response": responses_whole(said)}


def responses_item(said: Saying, at: int, item: Json) -> Iterator[Json]:
    begun = {**item, "status": "in_progress"}
    begun |= {name: value for name, value in (("content", []), ("arguments", ""), ("input", "")) if name in item}
    place = {"item_id": item["id"], "output_index": at}
    yield {"type": "response.output_item.added", "output_index": at, "item": begun}
    if item["type"] == "message":
        [part] = item["content"]
        inner = {**place, "content_index": 0}
        yield {"type": "response.content_part.added", **inner, "part": {**part, "text": ""}}
        for words in said.halves:
            yield {"type": "response.output_text.delta", **inner, "delta": words, "logprobs": []}
        yield {"type": "response.output_text.done", **inner, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **inner, "part": part}
    elif item["type"] == "function_call":
        yield {"type": "response.function_call_arguments.delta", **place, "delta": item["arguments"]}
        done = {"arguments": item["arguments"], "name": item["name"]}
        yield {"type": "response.function_call_arguments.done", **place, **done}
    else:
        yield {"type": "response.custom_tool_call_input.delta", **place, "delta": item["input"]}
        yield {"type": "response.custom_tool_call_input.done", **place, "input": item["input"]}
    yield {"type": "response.output_item.done", "output_index": at, "item": item}


# Messages: https://docs.anthropic.com/en/api/messages


def messages_blocks(said: Saying) -> list[Json]:
    words: list[Json] = [{"type": "text", "text": said.text, "citations": None}] if said.text else []
    return [
        *words,
        *(
            {"type": "tool_use", "id": each.id, "name": each.name, "input": json.loads(each.text)}
            for each in said.calls
        ),
    ]


def messages_whole(said: Saying) -> Json:
    usage = {
        "input_tokens": INPUT,
        "output_tokens": OUTPUT,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": said.model}
    end = {"stop_reason": "tool_use" if said.calls else "end_turn", "stop_sequence": None}
    return {**head, "content": messages_blocks(said), **end, "usage": usage}


def messages_streamed(said: Saying) -> Iterator[str]:
    for data in messages_events(said):
        yield event(data, data["type"])


def messages_events(said: Saying) -> Iterator[Json]:
    whole = messages_whole(said)
    begun = {"content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": {**whole, **begun}}
    yield {"type": "ping"}
    for at, block in enumerate(whole["content"]):
        empty = {"text": ""} if block["type"] == "text" else {"input": {}}
        yield {"type": "content_block_start", "index": at, "content_block": {**block, **empty}}
        yield from messages_deltas(said, at, block)
        yield {"type": "content_block_stop", "index": at}
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": OUTPUT}}
    yield {"type": "message_stop"}


def messages_deltas(said: Saying, at: int, block: Json) -> Iterator[Json]:
    if block["type"] == "text":
        deltas: list[Json] = [{"type": "text_delta", "text": words} for words in said.halves]
    else:
        deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
    for delta in deltas:
        yield {"type": "content_block_delta", "index": at, "delta": delta}


# generateContent: https://ai.google.dev/api/generate-content

GEMINI_USAGE = {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT, "totalTokenCount": INPUT + OUTPUT}


def gemini_chunk(said: Saying, parts: list[Json], finish: str | None = None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": GEMINI_USAGE,
        "modelVersion": said.model,
        "responseId": "answer-1",
    }


def gemini_calls(said: Saying) -> list[Json]:
    return [{"functionCall": {"name": each.name, "args": json.loads(each.text)}} for each in said.calls]


def gemini_whole(said: Saying) -> Json:
    words: list[Json] = [{"text": said.text}] if said.text else []
    return gemini_chunk(said, [*words, *gemini_calls(said)], "STOP")


def gemini_streamed(said: Saying) -> Iterator[str]:
    parts = [*({"text": words} for words in said.halves), *gemini_calls(said)]
    for number, part in enumerate(parts, 1):
        yield event(gemini_chunk(said, [part], "STOP" if number == len(parts) else None)).replace("\n", "\r\n")


# Ollama: https://github.com/ollama/ollama/blob/main/docs/api.md


def ollama_record(said: Saying, message: Json, *, done: bool) -> Json:
    head = {"model": said.model, "created_at": "2026-01-01T00:00:00.000000Z"}
    spent = {"total_duration": 5, "load_duration": 1, "prompt_eval_duration": 1, "eval_duration": 3}
    counted = {"prompt_eval_count": INPUT, "eval_count": OUTPUT}
    end = {"done_reason": "stop", **spent, **counted} if done else {}
    return {**head, "message": {"role": "assistant", "content": "", **message}, "done": done, **end}


def ollama_calls(said: Saying) -> list[Json]:
    return [{"function": {"name": each.name, "arguments": json.loads(each.text)}} for each in said.calls]


def ollama_whole(said: Saying) -> Json:
    calls = {"tool_calls": ollama_calls(said)} if said.calls else {}
    return ollama_record(said, {"content": said.text, **calls}, done=True)


def ollama_streamed(said: Saying) -> Iterator[str]:
    records = [ollama_record(said, {"content": words}, done=False) for words in said.halves]
    records += [ollama_record(said, {"tool_calls": [call]}, done=False) for call in ollama_calls(said)]
    for record in [*records, ollama_record(said, {}, done=True)]:
        yield json.dumps(record) + "\n"


WHOLE: dict[Format, Callable[[Saying], Json]] = {
    Format.OPENAI_CHAT: chat_whole,
    Format.OPENAI_RESPONSES: responses_whole,
    Format.ANTHROPIC_MESSAGES: messages_whole,
    Format.GEMINI: gemini_whole,
    Format.OLLAMA: ollama_whole,
}
STREAMED: dict[Format, Callable[[Saying], Iterator[str]]] = {
    Format.OPENAI_CHAT: chat_streamed,
    Format.OPENAI_RESPONSES: responses_streamed,
    Format.ANTHROPIC_MESSAGES: messages_streamed,
    Format.GEMINI: gemini_streamed,
    Format.OLLAMA: ollama_streamed,
}
