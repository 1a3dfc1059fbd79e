"""Reads and writes a whole answer.

Source: Gemini API reference, "GenerateContentResponse" (https://ai.google.dev/api/generate-content).

Always true: what is read is read leniently; only what is no answer gets a complaint. In ``extras`` a member of the
candidate has ``candidate.`` before its name; what a reader would miss (sources, citations, log probabilities) stands in
the extras of the text that it is about.
"""

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from omniroute.formats.codec import Answered, Context, Said
from omniroute.formats.complaint import read_error
from omniroute.formats.gemini.calls import Calls
from omniroute.formats.gemini.finish import finish_losses, read_finish, write_finish
from omniroute.formats.gemini.parts_read import Scope, read_part
from omniroute.formats.gemini.parts_write import CANDIDATE, PartWriter
from omniroute.formats.gemini.usage import read_usage, write_usage
from omniroute.formats.gemini.wire import encode, loads, many, members, named, rest, text
from omniroute.ir.complaint import Complaint
from omniroute.ir.loss import RESTATED
from omniroute.ir.parts import Extras, Part, Text, ToolCall
from omniroute.ir.response import Finish, GenerateResponse
from omniroute.names import FailureKind, Format

SHOWN = ("groundingMetadata", "citationMetadata", "urlContextMetadata", "logprobsResult")
"""Members of a candidate that its reader would miss."""

_ENVELOPE = ("candidates", "usageMetadata", "modelVersion", "responseId", "createTime")


def answer(body: bytes) -> Answered:
    """Read a whole answer that came with status 200; never raises.

    It is no answer, and gets a complaint, where it is not a JSON object, says that it is an error, or has neither
    candidates nor a reason for having none.
    """
    value = loads(body)
    if isinstance(value, list) and value and isinstance(value[0], dict) and value[0].get("error"):
        return Answered(complaint=read_error(body))
    if not isinstance(value, dict):
        return _malformed("the answer is not a JSON object" if body.strip() else "the answer is empty")
    if value.get("error"):
        return Answered(complaint=read_error(body))
    said = named(value)
    if not many(said.get("candidates")) and blocked(said) is None:
        return _malformed("the answer has no candidates")
    return Answered(usage=read_usage(said.get("usageMetadata")))


def _malformed(message: str) -> Answered:
    """Complain of an answer that is none."""
    return Answered(complaint=Complaint(message=message), trouble=FailureKind.MALFORMED)


def word(value: object) -> str | None:
    """Read a name; empty is none."""
    found = text(value)
    return found.encode("utf-8", "replace").decode() if found else None


def blocked(said: Mapping[str, Any]) -> str | None:
    """Give why a prompt was refused, if it was."""
    reason = members(said.get("promptFeedback")).get("blockReason")
    return str(reason) if reason else None


def created(value: object) -> int | None:
    """Read a time (RFC 3339) as Unix seconds; one without a zone is UTC."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def stem(response_id: str | None, data: bytes) -> str:
    """Give what tells the calls of this answer from those of others: its id, else a checksum of its first bytes."""
    return response_id or format(zlib.crc32(data), "08x")


def read_response(body: bytes) -> GenerateResponse:
    """Read a whole answer that ``answer`` did not complain of."""
    said = members(loads(body))
    candidates = many(said.get("candidates"))
    candidate = members(candidates[0]) if candidates else {}
    content = members(candidate.get("content"))
    response_id = word(said.get("responseId"))
    scope = Scope(Calls(stem(response_id, body)))
    parts = [read_part(each, scope) for each in many(content.get("parts"))]
    shown = {f"{CANDIDATE}{name}": candidate[name] for name in SHOWN if name in candidate}
    extras = {**_extras(said, candidate, content), **_show(parts, shown)}
    return GenerateResponse(
        format=Format.GEMINI,
        parts=tuple(parts),
        finish=_finish(said, candidate, parts),
        id=response_id,
        model=word(said.get("modelVersion")),
        created=created(said.get("createTime")),
        usage=read_usage(said.get("usageMetadata")),
        extras=extras or None,
    )


def _finish(said: Mapping[str, Any], candidate: Mapping[str, Any], parts: list[Part]) -> Finish | None:
    """Read why an answer ended; a prompt that was refused has no answer."""
    reason = candidate.get("finishReason")
    if reason is None:
        return Finish.REFUSED if blocked(said) else None
    return read_finish(reason, calls=any(isinstance(part, ToolCall) for part in parts))


def _extras(said: Mapping[str, Any], candidate: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was not read of an answer, and what its own words were for what was."""
    candidates = many(said.get("candidates"))
    extras: dict[str, Any] = rest(said, _ENVELOPE)
    for name in ("usageMetadata", "createTime"):
        if name in said:
            extras[f"{RESTATED}{name}"] = said[name]
    if not candidates:
        return {**extras, f"{RESTATED}candidates": None}
    if len(candidates) > 1:
        extras["candidates"] = candidates[1:]
    for name in ("finishReason", "index"):
        if name in candidate:
            extras[f"{RESTATED}{CANDIDATE}{name}"] = candidate[name]
    for name, value in rest(candidate, ("content", "finishReason", "index", *SHOWN)).items():
        extras[f"{CANDIDATE}{name}"] = value
    more = rest(content, ("parts", "role"))
    return {**extras, f"{CANDIDATE}content": more} if more else extras


def _show(parts: list[Part], shown: dict[str, Any]) -> dict[str, Any]:
    """Put what is about the text with its last part; give it back where there is no text."""
    for place in range(len(parts) - 1, -1, -1) if shown else ():
        part = parts[place]
        if isinstance(part, Text):
            parts[place] = msgspec.structs.replace(part, extras={**(part.extras or {}), **shown})
            return {}
    return shown


def render_response(response: GenerateResponse, context: Context) -> Said:
    """Write a whole answer."""
    own = response.format is Format.GEMINI
    extras = (response.extras or {}) if own else {}
    writer = PartWriter(own=own, client=True)
    written = (writer.write(part, f"parts[{place}]") for place, part in enumerate(response.parts))
    parts = [part for part in written if part is not None]
    body: dict[str, Any] = {}
    if f"{RESTATED}candidates" not in extras:
        body["candidates"] = [_candidate(response, parts, extras), *extras.get("candidates", ())]
    usage = extras.get(f"{RESTATED}usageMetadata", response.usage and write_usage(response.usage))
    if usage is not None:
        body["usageMetadata"] = usage
    body["modelVersion"] = response.model if own else response.model or context.model
    body["responseId"] = response.id if own else response.id or context.id
    if f"{RESTATED}createTime" in extras:
        body["createTime"] = extras[f"{RESTATED}createTime"]
    kept = {name: value for name, value in extras.items() if not name.startswith((RESTATED, CANDIDATE))}
    said = {name: value for name, value in {**kept, **body}.items() if value is not None}
    return Said(encode(said), (*writer.losses, *([] if own else finish_losses(response.finish))))


def _candidate(response: GenerateResponse, parts: list[dict[str, Any]], extras: Extras) -> dict[str, Any]:
    """Write the candidate that is the answer."""
    reason = response.finish and write_finish(response.finish)
    candidate: dict[str, Any] = {
        "content": {"parts": parts, "role": "model", **extras.get(f"{CANDIDATE}content", {})},
        "finishReason": extras.get(f"{RESTATED}{CANDIDATE}finishReason", reason),
        "index": extras.get(f"{RESTATED}{CANDIDATE}index") if extras else 0,
    }
    texts = response.parts if response.format is Format.GEMINI else ()
    for place in (extras, *(part.extras or {} for part in texts if isinstance(part, Text))):
        for name, value in place.items():
            if name.startswith(CANDIDATE) and name != f"{CANDIDATE}content":
                candidate[name.removeprefix(CANDIDATE)] = value
    return {name: value for name, value in candidate.items() if value is not None}
