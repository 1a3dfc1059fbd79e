"""Reads and writes a whole answer.

Source: Anthropic API reference, "Messages" (https://platform.claude.com/docs/en/api/messages), the object ``Message``;
"Handling stop reasons" (https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons).

Always true: what is read is read leniently; only what is no message gets a complaint.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.anthropic_messages.blocks_read import OWN, keep_answer_inputs, read_block
from omniroute.formats.anthropic_messages.parts_write import NO_OTHER, AnswerWriter
from omniroute.formats.anthropic_messages.usage import read_usage, write_usage
from omniroute.formats.anthropic_messages.values import decode, encode, rest, restate
from omniroute.formats.codec import Answered, Context, Said
from omniroute.formats.complaint import read_error
from omniroute.ir.complaint import Complaint
from omniroute.ir.loss import approximated
from omniroute.ir.parts import Opaque, Part
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.names import FailureKind

# literal tables
FINISHES = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "tool_use": Finish.TOOLS,
    "refusal": Finish.REFUSED,
    "pause_turn": Finish.PAUSE,
    "compaction": Finish.PAUSE,
}
REASONS = {
    Finish.STOP: "end_turn",
    Finish.LENGTH: "max_tokens",
    Finish.TOOLS: "tool_use",
    Finish.REFUSED: "refusal",
    Finish.PAUSE: "pause_turn",
    Finish.OTHER: "end_turn",
}
_KNOWN = frozenset({"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"})


class _Whole(msgspec.Struct, gc=False):
    """What is read of an answer that is passed on; ``content`` stays as it is written, since an answer can be long."""

    type: str | None = None
    content: list[msgspec.Raw] | None = None
    usage: Any = None
    model: str | None = None
    error: Any = None


_DECODER = msgspec.json.Decoder(_Whole)


def answer(body: bytes) -> Answered:
    """Read of a whole answer that came with status 200 what the gateway needs; never raises.

    It is no answer, and gets a complaint, where it is not a JSON object, says that it is an error, or has no content.
    """
    try:
        whole = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        value = decode(body)
        if not isinstance(value, dict):
            return _malformed("the answer is not a JSON object" if body.strip() else "the answer is empty")
        return _judge(value, body)
    return _judge(msgspec.structs.asdict(whole), body)


def _judge(value: Mapping[str, Any], body: bytes) -> Answered:
    """Decide whether an answer's members make it one."""
    if value.get("error") or value.get("type") == "error":
        return Answered(complaint=read_error(body))
    if not isinstance(value.get("content"), list):
        return _malformed("the answer has no content")
    return Answered(usage=read_usage(value.get("usage")))


def _malformed(message: str) -> Answered:
    """Complain of an answer that is none."""
    return Answered(complaint=Complaint(message=message), trouble=FailureKind.MALFORMED)


def read_word(value: object) -> str | None:
    """Read a string; empty is none."""
    return value if isinstance(value, str) and value else None


def read_finish(reason: object) -> Finish | None:
    """Read why the answer ended."""
    return FINISHES.get(reason, Finish.OTHER) if isinstance(reason, str) and reason else None


def write_finish(finish: Finish | None, stop_sequence: str | None) -> str | None:
    """Write why the answer ended; None where nobody said it."""
    if finish is None:
        return None
    return "stop_sequence" if finish is Finish.STOP and stop_sequence is not None else REASONS[finish]


def read_response(body: bytes) -> GenerateResponse:
    """Read a whole answer, one that ``answer`` did not complain of."""
    value = decode(body)
    message: dict[str, Any] = value if isinstance(value, dict) else {}
    written = message.get("content")
    content: list[Any] = written if isinstance(written, list) else []
    keep_answer_inputs(body, content)
    name, blocks = read_word(message.get("id")), [block for block in content if isinstance(block, dict)]
    reason, sequence = message.get("stop_reason"), read_word(message.get("stop_sequence"))
    finish = read_finish(reason)
    usage = read_usage(message.get("usage"))
    extras = rest(message, _KNOWN)
    if reason is not None and reason != write_finish(finish, sequence):
        extras["=stop_reason"] = reason
    if message.get("usage") is not None:
        extras["=usage"] = message["usage"]
    return GenerateResponse(
        format=OWN,
        parts=tuple([read_part(block, made_up_id(name, place)) for place, block in enumerate(blocks)]),
        finish=finish,
        id=name,
        model=read_word(message.get("model")),
        stop_sequence=sequence,
        usage=usage,
        extras=extras or None,
    )


def made_up_id(message: str | None, place: int) -> str:
    """Give an id for a call that has none, unlike that of any other call in the conversation."""
    return f"toolu_{message or 'call'}_{place}"


def read_part(block: dict[str, Any], call: str) -> Part:
    """Read a block of an answer; one that is not what its type says is kept whole.

    Args:
        block: the content block.
        call: the id of a call that lacks one.
    """
    if block.get("type") == "tool_use" and not read_word(block.get("id")):
        block = {**block, "id": call}
    try:
        return read_block(block, "content")
    except Malformed:
        return Opaque(OWN, block)


def render_response(response: GenerateResponse, context: Context) -> Said:
    """Write a whole answer."""
    own = response.format is OWN
    writer = AnswerWriter(own=own)
    message: dict[str, Any] = {
        "id": response.id or context.id,
        "type": "message",
        "role": "assistant",
        "model": response.model or context.model,
        "content": writer.blocks(response.parts),
        "stop_reason": write_finish(response.finish, response.stop_sequence),
        "stop_sequence": response.stop_sequence,
        "usage": write_usage(response.usage),
    }
    if own:
        restate(message, response.extras)
    elif response.finish is Finish.OTHER:
        writer.losses.append(approximated("finish", NO_OTHER))
    return Said(encode(message), tuple(writer.losses))
