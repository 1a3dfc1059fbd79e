"""Reads a whole Chat Completions answer: what it used, who gave it, and whether it is an answer at all.

Source: OpenAI API reference, "The chat completion object" (https://platform.openai.com/docs/api-reference/chat/object).

Always true: what is read is read leniently, since many servers of this format add to it, leave out of it and contradict
themselves; only what is no answer gets a complaint.
"""

import json
from typing import Any

import msgspec

from omniroute.formats.codec import Answered
from omniroute.formats.complaint import read_error
from omniroute.ir.complaint import Complaint
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind

_MOST_TOKENS = 2**53
"""Beyond this integers are not interoperable in JSON (RFC 8259 §6), and no answer has so many tokens."""

_SENT = ("cached_tokens", "cache_write_tokens", "audio_tokens")
_SAID = ("reasoning_tokens", "audio_tokens")
"""What is read of the details of the input, and of the output."""
_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
"""Where servers report what was read from a cache that do not report it among the details."""


class _Whole(msgspec.Struct, gc=False):
    """What is read of an answer; ``choices`` stay as they are written, since an answer can be long."""

    choices: list[msgspec.Raw] | None = None
    usage: Any = None
    error: Any = None
    object: str | None = None


_DECODER = msgspec.json.Decoder(_Whole)


def answer(body: bytes) -> Answered:
    """Read a whole answer that came with status 200; never raises.

    It is no answer, and gets a complaint, where it is not a JSON object, says that it is an error, or has no choices.
    """
    whole = _decode(body)
    if whole is None:
        return _malformed("the answer is not a JSON object" if body.strip() else "the answer is empty")
    if whole.error or whole.object == "error":
        return Answered(complaint=read_error(body))
    if not whole.choices:
        return _malformed("the answer has no choices")
    return Answered(read_usage(whole.usage))


def _decode(body: bytes) -> _Whole | None:
    """Read an answer's members, those of a kind that is not documented as absent; None where it is no JSON object."""
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = loads(body)
    if not isinstance(value, dict):
        return None
    choices, kind = value.get("choices"), value.get("object")
    return _Whole(
        choices=choices if isinstance(choices, list) else None,
        usage=value.get("usage"),
        error=value.get("error"),
        object=kind if isinstance(kind, str) else None,
    )


def _malformed(message: str) -> Answered:
    """Complain of an answer that is none."""
    return Answered(complaint=Complaint(message=message), trouble=FailureKind.MALFORMED)


def loads(data: bytes) -> object:
    """Decode JSON as leniently as clients do: bytes that are not UTF-8, halves of surrogate pairs and NaN pass.

    Gives None for what is not JSON even so.
    """
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def read_model(value: str | None) -> str | None:
    """Read the model's name; empty is none."""
    if not value or value.isascii():
        return value or None
    return value.encode("utf-8", "replace").decode()


def read_usage(value: object) -> Usage | None:
    """Bring reported usage into the convention of ``ir.usage``; None where it tells nothing.

    ``prompt_tokens`` count every token sent, so the classes of input are parted to add up to them. Tokens written to
    a cache come first, because what this request had to write was not there to be read (some servers report the same
    tokens as both); then tokens read from it (``prompt_tokens_details.cached_tokens``, else
    ``prompt_cache_hit_tokens``, ``cached_tokens`` or ``num_cached_tokens`` beside them), of which some servers report
    more than were sent.

    ``completion_tokens`` include reasoning, by OpenAI's reference. Not every server keeps to that: some report 26
    completion tokens with 196 reasoning tokens and a total that counts both, others leave reasoning out of all but
    the total. The total shows it: what it has above prompt and completion is reasoning, where as much is reported
    or none is, and is added to the output, as it is billed. A surplus that fits neither is left alone.

    ``audio_tokens`` are parts of what they stand in the details of; nobody says how much of the sound sent was cached.
    """
    if not isinstance(value, dict):
        return None
    prompt, completion = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    prompt, output = prompt or 0, completion or 0
    cached, written, heard = _counts(value.get("prompt_tokens_details"), _SENT)
    reasoning, spoken = _counts(value.get("completion_tokens_details"), _SAID)
    for name in _CACHED:
        if cached is None and name in value:
            cached = _count(value[name])
    written = min(written, prompt) if written else 0
    read = min(cached, prompt - written) if cached else 0
    surplus = (_count(value.get("total_tokens")) or 0) - prompt - output
    if surplus > 0 and (reasoning is None or reasoning == surplus):
        output, reasoning = output + surplus, surplus
    return Usage(
        input=prompt - written - read,
        output=output,
        cache_read=read,
        cache_write=written,
        reasoning=min(reasoning, output) if reasoning else 0,
        audio_in=min(heard, prompt - written - read) if heard else 0,
        audio_out=min(spoken, output) if spoken else 0,
    )


def _counts(members: object, names: tuple[str, ...]) -> list[int | None]:
    """Read an object's numbers of tokens; of anything else, none."""
    if not isinstance(members, dict):
        return [None] * len(names)
    return [_count(members[name]) if name in members else None for name in names]


def _count(value: object) -> int | None:
    """Read a number of tokens, which some servers write as a float; None for what is none, such as true."""
    if type(value) is not int and type(value) is not float:
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None
