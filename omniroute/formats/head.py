"""Finds the top-level fields of a JSON object in its bytes, without decoding their values.

Always true: whatever the bytes, the answer is fields or ``errors.Malformed``; ``body[fields[name]]`` is the field's
value, to the byte. A field that stands twice is refused: readers differ on which of the two counts
(RFC 8259 §4), and a body whose meaning depends on who reads it must not be routed.
"""

import re

import msgspec

from omniroute.errors import Malformed

_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BOM = b"\xef\xbb\xbf"
_FIELD = re.compile(rb'[ \t\n\r]*[{,][ \t\n\r]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\n\r]*:[ \t\n\r]*')
_END = re.compile(rb"[ \t\n\r]*}")
_BYTE = re.compile(r" \(byte (\d+)\)$")
_ESCAPE = re.compile(
    rb"""\\(?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a whole surrogate pair
         | (u[dD][89a-fA-F][0-9a-fA-F]{2})                             # half of one
         | . )""",
    re.DOTALL | re.VERBOSE,
)
LONGEST_NAME = 100
"""Characters of a field's name that a message repeats."""

_KINDS = {b"{": "an object", b"[": "an array", b'"': "a string", b"t": "true", b"f": "false", b"n": "null"}


def read_head(body: bytes, what: str = "the request body") -> dict[str, slice]:
    """Find the top-level fields of ``body``, in the order in which they stand there: where their values are.

    Args:
        body: a JSON text (RFC 8259) in UTF-8.
        what: what the bytes are, for the message.

    Raises:
        Malformed: not UTF-8, not JSON, not an object, or an object in which a field stands twice.
    """
    if not body.isascii():
        _check_encoding(body, what)
    try:
        text, raws = _decode(body)
    except msgspec.ValidationError:
        raise Malformed(f"{what} must be a JSON object, and is {kind_of(body.lstrip())}") from None
    except msgspec.DecodeError as error:
        raise Malformed(f"{what} is not JSON: {_reason(body, error)}") from None
    except RecursionError:
        raise Malformed(f"{what} is nested too deeply") from None
    return _walk(text, raws, what)


def kind_of(value: bytes) -> str:
    """Say what kind of JSON value begins with these bytes."""
    return _KINDS.get(value[:1], "a number")


def _check_encoding(body: bytes, what: str) -> None:
    """Refuse what is not UTF-8, and a byte order mark, which a reader may refuse (RFC 8259 §8.1) and upstreams do."""
    if body.startswith(_BOM):
        raise Malformed(f"{what} begins with a byte order mark; send UTF-8 without it (RFC 8259 §8.1)")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"{what} is not UTF-8: {error.reason} at {_place(body, error.start)}") from None


def _decode(body: bytes) -> tuple[bytes, dict[str, msgspec.Raw]]:
    """Decode a body; where need be, with every half of a surrogate pair replaced by another escape of the same length.

    A string cut inside an emoji leaves half a pair. RFC 8259 §8.2 allows that and leaves its meaning to whoever
    reads the string, which is the upstream; msgspec refuses it even where the string is not read.
    """
    try:
        return body, _DECODER.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        text = _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)
        if text == body:
            raise
        return text, _DECODER.decode(text)


def _reason(body: bytes, error: msgspec.DecodeError) -> str:
    """Say what is wrong, and where."""
    words = str(error)
    at = _BYTE.search(words)
    if not body.strip():
        return "it is empty"
    if at is None:
        return f"it ends too early, at {_place(body, len(body))}"
    return words[: at.start()].removeprefix("JSON is malformed: ") + f" at {_place(body, int(at[1]))}"


def _place(body: bytes, byte: int) -> str:
    """Name a place in the body: lines and columns are counted in bytes from 1, bytes from 0."""
    line = body.count(b"\n", 0, byte) + 1
    column = byte - body.rfind(b"\n", 0, byte)
    return f"line {line}, column {column} (byte {byte})"


def _walk(text: bytes, raws: dict[str, msgspec.Raw], what: str) -> dict[str, slice]:
    """Step from name to name to see where each value stands.

    The decoder keeps a repeated name where it first stood, with the value that stood last. So long as no name is
    repeated, each step lands on the next name; what does not fit shows a repetition, and where.
    """
    fields: dict[str, slice] = {}
    end = 0
    written: re.Match[bytes] | None = None
    for name, raw in raws.items():
        before, written = written, _FIELD.match(text, end)
        if written is None or (written[1] != name.encode() and _name(written) != name):
            raise _twice(written or before, what)
        start = written.end()
        end = start + len(raw)
        if not text.startswith(raw, start):
            raise _twice(written, what)
        fields[name] = slice(start, end)
    if fields and not _END.match(text, end):
        raise _twice(_FIELD.match(text, end) or written, what)
    return fields


def _name(written: re.Match[bytes]) -> str:
    """Read a field's name, in which there may be escapes."""
    name: str = msgspec.json.decode(b'"%b"' % written[1])
    return name


def _twice(written: re.Match[bytes] | None, what: str) -> Malformed:
    """Refuse a repeated field, by its name."""
    name = _name(written)[:LONGEST_NAME] if written else ""
    return Malformed(f'"{name}" stands twice in {what}; send it once', param=name)
