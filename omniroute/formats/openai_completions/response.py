"""Reads and writes a whole answer.

Source: OpenAI API reference, "The completion object"
(https://platform.openai.com/docs/api-reference/completions/object).

Always true: what is read is read leniently; only what is no answer gets a complaint. The first choice is the answer;
others, which a client must have asked for, are kept as they came.
"""

from typing import Any

from omniroute.formats.codec import Answered, Context, Said
from omniroute.formats.complaint import read_error
from omniroute.formats.jsontext import dumps, loads
from omniroute.formats.openai_completions.choice import (
    OBJECT,
    beside_text,
    choices_of,
    finish_losses,
    finish_of,
    finish_word,
    others_of,
    said,
    seconds,
    word,
)
from omniroute.formats.openai_completions.usage import read_usage, write_usage
from omniroute.ir.complaint import Complaint
from omniroute.ir.loss import Loss
from omniroute.ir.parts import Text
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.names import FailureKind, Format


def answer(body: bytes) -> Answered:
    """Read a whole answer that came with status 200; never raises.

    It is no answer, and gets a complaint, where it is not a JSON object, says that it is an error, or has no choices.
    """
    value = loads(body)
    if not isinstance(value, dict):
        return _malformed("the answer is not a JSON object" if body.strip() else "the answer is empty")
    if value.get("error") or value.get("object") == "error":
        return Answered(complaint=read_error(body))
    if not choices_of(value):
        return _malformed("the answer has no choices")
    return Answered(usage=read_usage(value.get("usage")))


def _malformed(message: str) -> Answered:
    """Complain of an answer that is none."""
    return Answered(complaint=Complaint(message=message), trouble=FailureKind.MALFORMED)


def read_response(body: bytes) -> GenerateResponse:
    """Read a whole answer that ``answer`` did not complain of."""
    value = loads(body)
    value = value if isinstance(value, dict) else {}
    choice, *others = choices_of(value) or [{}]
    text, beside, reason = word(choice, "text"), beside_text(choice), word(choice, "finish_reason")
    extras = others_of(value)
    if others:
        extras["choices"] = others
    if reason and finish_word(finish_of(reason)) != reason:
        extras["=finish_reason"] = reason
    if (usage := read_usage(value.get("usage"))) is not None:
        extras["=usage"] = value["usage"]
    return GenerateResponse(
        format=Format.OPENAI_COMPLETIONS,
        parts=(Text(text, extras=beside or None),) if text or beside else (),
        finish=finish_of(reason) if reason else None,
        id=word(value, "id") or None,
        model=word(value, "model") or None,
        created=seconds(value),
        usage=usage,
        extras=extras or None,
    )


def render_response(response: GenerateResponse, context: Context) -> Said:
    """Write a whole answer of any format: its words; calls and thoughts have no place here."""
    own = response.format is Format.OPENAI_COMPLETIONS
    choice: dict[str, Any] = {"text": "", "index": 0, "logprobs": None, "finish_reason": None}
    losses: list[Loss] = []
    texts: list[str] = []
    for at, part in enumerate(response.parts):
        text, lost = said(part, f"parts[{at}]", own=own)
        losses += lost
        texts += [] if text is None else [text]
        if own and isinstance(part, Text):
            choice |= part.extras or {}
    extras = dict(response.extras or {}) if own else {}
    choice["text"] = "".join(texts)
    if response.finish is not None:
        choice["finish_reason"] = extras.pop("=finish_reason", finish_word(response.finish))
    losses += [] if own else finish_losses(response.finish or Finish.STOP, response.stop_sequence)
    usage = extras.pop("=usage", None if response.usage is None else write_usage(response.usage))
    record = {
        "id": response.id or context.id,
        "object": OBJECT,
        "created": context.now // 1_000_000 if response.created is None else response.created,
        "model": response.model or context.model,
        "choices": [choice, *extras.pop("choices", ())],
        **({} if usage is None else {"usage": usage}),
    }
    return Said(dumps(record | extras), tuple(losses))
