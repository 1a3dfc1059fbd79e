"""Writes a whole Chat Completions answer.

Source: OpenAI API reference, "The chat completion object" (https://platform.openai.com/docs/api-reference/chat/object).
"""

from typing import Any

import msgspec

from omniroute.formats.codec import Context, Said
from omniroute.formats.jsontext import dumps
from omniroute.formats.openai_chat.assistant import Assistant
from omniroute.formats.openai_chat.content import OWN
from omniroute.formats.openai_chat.finish import write_finish
from omniroute.formats.openai_chat.members import Writing, members, rest
from omniroute.formats.openai_chat.response_read import BESIDE, OBJECT
from omniroute.ir.parts import Part, Text
from omniroute.ir.response import GenerateResponse
from omniroute.ir.usage import Usage


def render_response(response: GenerateResponse, context: Context) -> Said:
    """Write an answer of any format."""
    writing = Writing(own=response.format is OWN)
    assistant = Assistant(writing, answer=True)
    for place, part in enumerate(response.parts):
        assistant.add(_bare(part) if writing.own else part, f"parts[{place}]")
    extras = writing.extras(response.extras, "") if writing.own else {}
    message = {**assistant.message(), **_own(extras.pop("message", {}))}
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": write_finish(response.finish, writing),
    }
    if response.stop_sequence is not None and not writing.own:
        writing.drop("stop_sequence", "this format does not say which one came")
    body = {
        "id": response.id or context.id,
        "object": OBJECT,
        "created": context.now // 1_000_000 if response.created is None else response.created,
        "model": response.model or context.model,
        "choices": [choice | extras.pop("choice", {}), *extras.pop("choices", [])],
        "usage": None if response.usage is None else render_usage(response.usage),
    }
    return Said(dumps(members(body | extras)), tuple(writing.losses))


def _own(message: dict[str, Any]) -> dict[str, Any]:
    """Give what is put back into a message."""
    return {name.removeprefix("="): value for name, value in message.items()}


def _bare(part: Part) -> Part:
    """Take from a text of this format what stands beside it."""
    if not isinstance(part, Text) or not part.extras:
        return part
    return msgspec.structs.replace(part, extras=rest(part.extras, *BESIDE) or None)


def render_usage(usage: Usage) -> dict[str, Any]:
    """Write usage as this format counts: every token sent is in ``prompt_tokens``."""
    prompt_details = {"cached_tokens": usage.cache_read}
    details = {"reasoning_tokens": usage.reasoning}
    if usage.cache_write or usage.cache_write_1h:
        prompt_details["cache_write_tokens"] = usage.cache_write + usage.cache_write_1h
    if usage.audio_in:
        prompt_details["audio_tokens"] = usage.audio_in
    if usage.audio_out:
        details["audio_tokens"] = usage.audio_out
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": details,
    }
