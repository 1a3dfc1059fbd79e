"""The Response object around an answer's items: what it repeats of the request, and how it says that it ended.

Source: OpenAI API reference, "The Response object" (https://platform.openai.com/docs/api-reference/responses/object),
whose documented defaults stand where the request said nothing.

Always true: every member that the reference requires is there; ``store`` is false, because nothing is kept here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from omniroute.formats.codec import Context
from omniroute.formats.openai_responses.request_write import settings
from omniroute.formats.openai_responses.usage import render_usage
from omniroute.formats.openai_responses.wire import Saying, members, text
from omniroute.ir.parts import Part, Refusal, ToolCall
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import Finish
from omniroute.ir.usage import Usage

# literal table: what a Response repeats of its request, and the default
_REPEATED: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
# literal table: why an answer is incomplete → how it ended
_REASONS = {"max_output_tokens": Finish.LENGTH, "content_filter": Finish.REFUSED}
_SAID = {finish: reason for reason, finish in _REASONS.items()}
_COMPLETE = frozenset({Finish.STOP, Finish.TOOLS, None})


def repeated(request: GenerateRequest) -> dict[str, Any]:
    """Give what a Response repeats of its request."""
    said = settings(request, Saying(request.format))
    told = {name: default if said.get(name) is None else said[name] for name, default in _REPEATED.items()}
    for name in ("reasoning", "text"):
        told[name] = {**_REPEATED[name], **members(told[name])}
    return {**told, "store": False}


def finish_of(status: Any, details: Any, parts: Iterable[Part]) -> Finish | None:
    """Say how an answer ended: None where it has not; one that does not say is complete."""
    if status == "incomplete":
        return _REASONS.get(text(members(details).get("reason")) or "", Finish.OTHER)
    if status is not None and status != "completed":
        return None
    kinds = {type(part) for part in parts}
    return Finish.TOOLS if ToolCall in kinds else Finish.REFUSED if Refusal in kinds else Finish.STOP


def ending(finish: Finish | None, parts: Iterable[Part]) -> tuple[str, dict[str, str] | None]:
    """Give the status, and why the answer is incomplete; the words of a refusal are a complete answer."""
    if finish in _COMPLETE or (finish is Finish.REFUSED and any(isinstance(part, Refusal) for part in parts)):
        return "completed", None
    return "incomplete", {"reason": _SAID[finish]} if finish in _SAID else None


class Envelope:
    """Writes the Response objects of one answer."""

    def __init__(self, context: Context) -> None:
        """Take what the answer does not say itself; what a Response repeats is encoded once."""
        self._repeated = {
            name: msgspec.Raw(msgspec.json.encode(value)) for name, value in repeated(context.request).items()
        }
        self._id = context.id if context.id.startswith("resp_") else f"resp_{context.id}"
        self._model = context.model
        self._created = context.now // 1_000_000

    def begin(self, own_id: str | None, model: str | None, created: int | None) -> None:
        """Take what the answer says of itself."""
        self._id = own_id or self._id
        self._model = model or self._model
        self._created = self._created if created is None else created

    def write(
        self, status: str, output: list[Any], usage: Usage | None = None, details: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Write a Response object."""
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": details,
            "model": self._model,
            "output": output,
            "usage": render_usage(usage),
            **self._repeated,
        }
