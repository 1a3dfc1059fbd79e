"""Reads what an upstream says when it fails, in whichever format.

Beside the documented error objects, servers send a plain string under ``error``, a bare ``message`` or ``detail``, a
list of validation errors, an array around the object, plain text, a page of HTML.

Always true: reading never raises, whatever the bytes; texts are bounded and can be written as UTF-8.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping

import msgspec

from omniroute.ir.complaint import Complaint

LONGEST_MESSAGE = 2_000
LONGEST_WORD = 200
"""Characters of a code, a type or a parameter."""
LONGEST_PAGE = 65_536
"""Bytes of an error page that are looked at: its words stand at its head."""

_MESSAGES = ("message", "detail", "msg", "error")
_STATUSES = ("status_code", "status", "code")
_FAILURE = re.compile("[45][0-9][0-9]")
_TAG = re.compile(r"<([^<>]*)>")
_NO_WORDS = frozenset({"script", "style"})


def complain(status: int, body: bytes) -> Complaint:
    """Read an error body of HTTP status ``status``, whatever its shape; never raises."""
    return msgspec.structs.replace(read_error(body), status=status)


def read_error(data: bytes) -> Complaint:
    """Read an error's bytes: JSON of any shape, plain text, or a page; never raises.

    ``status`` is what the error itself names as its HTTP status, if anything.
    """
    try:
        value = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return Complaint(message=_page(data))
    return _complaint(value)


def _complaint(value: object) -> Complaint:
    """Read an error out of decoded JSON."""
    error = _innermost(value)
    if not isinstance(error, Mapping):
        return Complaint(message=_message(error))
    named = error.get("status")
    return Complaint(
        status=_status(error),
        code=_word(error.get("code")),
        type=_word(error.get("type")) or (_word(named) if isinstance(named, str) else None),
        param=_word(error.get("param")) or _location(error.get("detail")),
        message=next((text for name in _MESSAGES if (text := _message(error.get(name)))), ""),
    )


def _innermost(value: object) -> object:
    """Unwrap what stands around an error: an array of one, objects under ``error`` or ``detail``."""
    while True:
        inner: object = None
        if isinstance(value, list) and value and isinstance(value[0], Mapping) and "error" in value[0]:
            inner = value[0]
        elif isinstance(value, Mapping):
            inner = value.get("error") or (None if value.get("message") else value.get("detail"))
        if not isinstance(inner, Mapping) or not inner:
            return value
        value = inner


def _status(error: Mapping[str, object]) -> int | None:
    """Find an HTTP status of a failure among the members that may hold one."""
    for name in _STATUSES:
        value = error.get(name)
        if isinstance(value, int | str) and _FAILURE.fullmatch(_digits(value)):
            return int(value)
    return None


def _word(value: object) -> str | None:
    """Read a code, a type or a parameter: a string, or a number as its digits."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return _clean(_digits(value), LONGEST_WORD) or None


def _digits(value: int | str) -> str:
    """Write a number out, unless it is longer than any code (Python refuses to write very long ones)."""
    return value if isinstance(value, str) else str(value) if abs(value) < 10**LONGEST_WORD else ""


def _message(value: object) -> str:
    """Read a message: a string, or the first few of a list of validation errors."""
    if isinstance(value, str):
        return _clean(value, LONGEST_MESSAGE)
    if isinstance(value, list):
        return _clean("; ".join(filter(None, map(_validation, value[:10]))), LONGEST_MESSAGE)
    return ""


def _validation(value: object) -> str:
    """Read one entry of a list of validation errors: where, and what."""
    if not isinstance(value, Mapping):
        return _message(value) if isinstance(value, str) else ""
    text = next((text for name in ("msg", "message") if (text := _message(value.get(name)))), "")
    where = _path(value.get("loc"))
    return f"{where}: {text}" if where and text else text


def _location(detail: object) -> str | None:
    """Give where the first of a list of validation errors lies."""
    first = detail[0] if isinstance(detail, list) and detail else None
    return _word(_path(first.get("loc"))) if isinstance(first, Mapping) else None


def _path(location: object) -> str:
    """Write the steps to a field as one name, less the ``body`` at which they all begin."""
    if not isinstance(location, list):
        return ""
    steps = [str(step) for step in location if isinstance(step, str | int)]
    return ".".join(steps[1:] if steps[:1] == ["body"] else steps)


def _page(body: bytes) -> str:
    """Read plain text, or the words of a page of HTML."""
    text = body[:LONGEST_PAGE].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        text = html.unescape(" ".join(_words(text)))
    return _clean(" ".join(text.split()), LONGEST_MESSAGE)


def _words(page: str) -> Iterator[str]:
    """Give the texts between a page's tags, less those of scripts and styles."""
    within = ""
    start = 0
    for tag in _TAG.finditer(page):
        if not within:
            yield page[start : tag.start()]
        start = tag.end()
        name = tag[1].strip().lower().partition(" ")[0]
        if name in _NO_WORDS:
            within = name
        elif name == f"/{within}":
            within = ""
    yield "" if within else page[start:]


def _clean(text: str, longest: int) -> str:
    """Bound a text, and replace what UTF-8 cannot hold (half a surrogate pair, which JSON's escapes allow)."""
    return text[:longest].encode("utf-8", "replace").decode()
