"""Reads and writes a whole Responses answer.

Source: OpenAI API reference, "The Response object" (https://platform.openai.com/docs/api-reference/responses/object).

Always true: what is read is read leniently, since servers of this format add to it and leave out of it; only what is no
answer gets a complaint. An answer of this format is written with the members that it had, and no others.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from omniroute.formats.codec import Answered, Context, Said
from omniroute.formats.complaint import read_error
from omniroute.formats.openai_responses.content import ITEM, OUTPUT, read_content
from omniroute.formats.openai_responses.envelope import Envelope, ending, finish_of
from omniroute.formats.openai_responses.items import read_turn_item
from omniroute.formats.openai_responses.output import Output
from omniroute.formats.openai_responses.usage import read_usage
from omniroute.formats.openai_responses.wire import OWN, Saying, keep, listed, loads, put_back, text, with_extra
from omniroute.ir.complaint import Complaint
from omniroute.ir.loss import approximated
from omniroute.ir.parts import Extras, Opaque, Part, Refusal, Text
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.names import FailureKind

_FAILED = frozenset({"failed", "cancelled"})
_SAID = ("id", "object", "created_at", "model", "output", "error", "status", "incomplete_details", "usage")
_RESTATED = ("status", "incomplete_details", "usage")


def answer(body: bytes) -> Answered:
    """Read a whole answer that came with status 200; never raises.

    It is no answer, and gets a complaint, where it is not a JSON object, says that it failed, or has no output.
    """
    value = loads(body)
    if not isinstance(value, dict):
        return _malformed("the answer is not a JSON object" if body.strip() else "the answer is empty")
    failed = failure(value)
    if failed is not None:
        return Answered(complaint=failed)
    if not isinstance(value.get("output"), list):
        return _malformed("the answer has no output")
    return Answered(usage=read_usage(value.get("usage")))


def failure(value: Mapping[str, Any]) -> Complaint | None:
    """Read why a Response failed; None where it did not."""
    if not (value.get("error") or text(value.get("status")) in _FAILED or value.get("object") == "error"):
        return None
    whole = value if value.get("object") == "error" else {"error": value.get("error")}
    complaint = read_error(msgspec.json.encode(whole))
    if complaint.message or complaint.code:
        return complaint
    return Complaint(message=f"the answer is {value.get('status')}, and says no more")


def _malformed(message: str) -> Answered:
    """Complain of an answer that is none."""
    return Answered(complaint=Complaint(message=message), trouble=FailureKind.MALFORMED)


def read_response(body: bytes) -> GenerateResponse:
    """Read a whole answer."""
    value = loads(body)
    own_id, created = text(value.get("id")), value.get("created_at")
    parts = tuple(
        part
        for position, item in enumerate(listed(value.get("output")))
        if isinstance(item, dict)
        for part in read_output_item(item, made_up(own_id, position))
    )
    extras: Extras = keep(value, _SAID) or {}
    for name in _RESTATED:
        if value.get(name) is not None:
            extras = with_extra(extras, f"={name}", value[name])
    if isinstance(created, float):
        extras = with_extra(extras, "=created_at", created)
    return GenerateResponse(
        format=OWN,
        parts=parts,
        finish=finish_of(value.get("status"), value.get("incomplete_details"), parts),
        id=own_id,
        model=text(value.get("model")),
        created=created_of(created),
        usage=read_usage(value.get("usage")),
        extras=extras,
    )


def created_of(value: Any) -> int | None:
    """Read when an answer was begun, which some servers write as a float."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53
    return int(value) if known else None


def made_up(answer_id: str | None, position: int) -> str:
    """Make the id of a call that has none."""
    return f"call_{answer_id or 'answer'}_{position}"


def read_output_item(item: Mapping[str, Any], call_id: str) -> Iterator[Part]:
    """Read an item of an answer; a message gives its content, each part with the message's own members."""
    content = [part for part in listed(item.get("content")) if part is not None]
    if item.get("type") != "message" or not content:
        yield read_turn_item(item, call_id, from_client=False)
        return
    told = item_members(item)
    for part in content:
        yield placed(read_content(part, OUTPUT), told)


def item_members(item: Mapping[str, Any]) -> dict[str, Any]:
    """Give the members of a message item but for its content."""
    return {name: value for name, value in item.items() if name not in {"type", "content"} and value is not None}


def placed(part: Part, told: dict[str, Any]) -> Part:
    """Note at a part of a message which message it stood in."""
    if isinstance(part, Text):
        return Text(part.text, cache=part.cache, extras=with_extra(part.extras, ITEM, told))
    if isinstance(part, Refusal):
        return Refusal(part.text, with_extra(part.extras, ITEM, told))
    return Opaque(part.format, {**part.json, ITEM: told}) if isinstance(part, Opaque) else part


def render_response(response: GenerateResponse, context: Context) -> Said:
    """Write a whole answer."""
    say = Saying(response.format)
    output = Output(context.id, say)
    for position, part in enumerate(response.parts):
        output.add(part, f"parts[{position}]")
    status, details = ending(response.finish, response.parts)
    if status == "incomplete":
        output.cut_short()
    if say.own and response.extras is not None:
        body = _as_it_was(response, output.items)
    else:
        envelope = Envelope(context)
        envelope.begin(response.id, response.model, response.created)
        body = envelope.write(status, output.items, response.usage, details)
        _lose_ending(response, status, details, say)
    return Said(msgspec.json.encode(body), tuple(say.losses))


def _as_it_was(response: GenerateResponse, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Write an answer of this format with the members that it had."""
    said = {"id": response.id, "created_at": response.created, "model": response.model}
    known = {name: value for name, value in said.items() if value is not None}
    return {"object": "response", **known, "output": items, **put_back(response.extras)}


def _lose_ending(response: GenerateResponse, status: str, details: dict[str, str] | None, say: Saying) -> None:
    """Name what this format cannot say of an answer's end."""
    read: Finish | None = finish_of(status, details, response.parts)
    if response.finish is not None and read is not response.finish:
        say.losses.append(approximated("finish", f"the Responses format says {status}"))
    if response.stop_sequence is not None:
        say.drop("stop_sequence")
