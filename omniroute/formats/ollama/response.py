"""Reads and writes a whole answer.

Source: Ollama API reference, "Generate a chat completion" (https://docs.ollama.com/api/chat). An answer of
``/api/generate`` (``response`` in place of ``message``) is read as well.

Always true: what is read is read leniently; only what is no answer gets a complaint.
"""

from collections.abc import Mapping
from typing import Any

from omniroute.formats.codec import Answered, Context, Said
from omniroute.formats.complaint import read_error
from omniroute.formats.jsontext import dumps, loads
from omniroute.formats.ollama.answer_parts import answer_calls, answer_images, message_of, others_of, word
from omniroute.formats.ollama.message import MessageWriter
from omniroute.formats.ollama.metrics import finish_of, finish_word, read_usage, seconds_of, timestamp, write_usage
from omniroute.ir.complaint import Complaint
from omniroute.ir.loss import RESTATED, Loss, approximated, dropped
from omniroute.ir.parts import Part, Text, Thought, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.names import FailureKind, Format


def answer(body: bytes) -> Answered:
    """Read a whole answer that came with status 200; never raises.

    It is no answer, and gets a complaint, where it is not a JSON object, says that it is an error, or has no message.
    """
    value = loads(body)
    if not isinstance(value, dict):
        return _malformed("the answer is not a JSON object" if body.strip() else "the answer is empty")
    if value.get("error"):
        return Answered(complaint=read_error(body))
    if message_of(value) is None:
        return _malformed("the answer has no message")
    return Answered(usage=read_usage(value))


def _malformed(message: str) -> Answered:
    """Complain of an answer that is none."""
    return Answered(complaint=Complaint(message=message), trouble=FailureKind.MALFORMED)


def read_response(body: bytes) -> GenerateResponse:
    """Read a whole answer that ``answer`` did not complain of."""
    value = loads(body)
    record: Mapping[str, Any] = value if isinstance(value, dict) else {}
    message = message_of(record) or {}
    parts: list[Part] = [Thought(text)] if (text := word(message, "thinking")) else []
    parts += answer_images(message)
    parts += [Text(text)] if (text := word(message, "content")) else []
    parts += answer_calls(message, record.get("created_at"), 0)
    reason = record.get("done_reason")
    finish = finish_of(reason, called=any(isinstance(part, ToolCall) for part in parts))
    created = seconds_of(record.get("created_at"))
    return GenerateResponse(
        format=Format.OLLAMA,
        parts=tuple(parts),
        finish=finish,
        model=word(record, "model") or None,
        created=created,
        usage=read_usage(record),
        extras=_extras(record, message, finish, created) or None,
    )


def _extras(
    record: Mapping[str, Any], message: Mapping[str, Any], finish: Finish, created: int | None
) -> dict[str, Any]:
    """Give what is not modelled, and the words that cannot be told from what is."""
    top, inner = others_of(record, message)
    extras = top | {f"message.{name}": value for name, value in inner.items()}
    written = record.get("created_at")
    if isinstance(written, str) and (created is None or written != timestamp(created * 1_000_000)):
        extras["=created_at"] = written
    if (reason := record.get("done_reason")) != finish_word(finish):
        extras["=done_reason"] = reason
    return extras


def render_response(response: GenerateResponse, context: Context) -> Said:
    """Write a whole answer of any format; how long it took is not known and not said."""
    own = response.format is Format.OLLAMA
    extras = response.extras or {} if own else {}
    writer = MessageWriter(own=own)
    for at, part in enumerate(response.parts):
        writer.add(part, f"parts[{at}]")
    message = {"role": "assistant", **writer.members()}
    if not own:
        number_calls(message)
    finish = response.finish or Finish.STOP
    created = timestamp(context.now if response.created is None else response.created * 1_000_000)
    record = {
        "model": response.model or context.model,
        "created_at": created or timestamp(context.now),
        "message": message,
        "done": True,
        "done_reason": finish_word(finish),
        **write_usage(response.usage),
    }
    for name, value in extras.items():
        inner = name.removeprefix(RESTATED)
        place = message if inner.startswith("message.") else record
        place[inner.removeprefix("message.")] = value
    losses = writer.losses + ([] if own else finish_losses(finish, response.stop_sequence))
    return Said(dumps({name: value for name, value in record.items() if value is not None}), tuple(losses))


def number_calls(message: Mapping[str, Any], first: int = 0) -> None:
    """Number the calls of a message, as servers of this format do."""
    for index, call in enumerate(message.get("tool_calls", ()), first):
        call["function"]["index"] = index


def finish_losses(finish: Finish, stop_sequence: str | None) -> list[Loss]:
    """Name what the reason for the end cannot say."""
    losses = []
    if finish in {Finish.REFUSED, Finish.PAUSE, Finish.OTHER}:
        losses.append(approximated("finish", f"'{finish}' is said as '{finish_word(finish)}'"))
    if stop_sequence is not None:
        losses.append(dropped("stop_sequence", "Ollama does not say which one it was"))
    return losses
