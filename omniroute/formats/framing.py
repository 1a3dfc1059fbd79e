"""Cuts a stream into its records, without changing a byte: server-sent events, and JSON lines.

The rules of the former are those of the WHATWG HTML standard, "Server-sent events" (§9.2.5 and §9.2.6): a line ends
with LF, CR or CRLF; an empty line ends a record; a line that begins with a colon is a comment; several ``data`` lines
are joined by LF; one space behind a colon is not part of the value; a byte order mark may open the stream.

Always true: the records' ``raw`` joined together are the bytes that came in, in order, and the same records come out
wherever the bytes are cut. No more than one record is held, and none longer than the limit.
"""

import re

import msgspec

LONGEST_RECORD = 16 * 1024 * 1024
"""Bytes in one record: room for an image as base64, and an end to what a broken upstream can make us hold."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r")
_RECORD_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_OVERLAP = 3
"""How many bytes of the longest record end, CRLF CRLF, may have been there before the rest of it came."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record: all its bytes up to and with the empty line, and what they say.

    ``data`` is empty where there is none (a comment, an empty line): such a record says nothing to its reader.
    ``event`` is the event's name, empty where it has none.
    """

    raw: bytes
    data: bytes = b""
    event: bytes = b""


class Splitter:
    """Takes bytes as they arrive and gives the records that are complete.

    A CR that ends what has arrived so far may be the first half of a CRLF, so a record that it would end waits for
    the next byte. After a record longer than ``limit`` bytes ``too_long`` is true and nothing more comes out.
    """

    def __init__(self, limit: int = LONGEST_RECORD) -> None:
        """Begin at the beginning of a stream."""
        self.too_long = False
        self._limit = limit
        self._held = bytearray()
        self._scanned = 0
        self._carriage = False
        self._opening = True

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes; give the records that they complete."""
        if self.too_long:
            return []
        if not self._held and (whole := self._whole(data)) is not None:
            return [whole]
        self._carriage = self._carriage or b"\r" in data
        text: bytes | bytearray = data
        if self._held:
            self._held += data
            text = self._held
        records: list[Record] = []
        start = 0
        while (end := self._end(text, max(start, self._scanned))) and end - start <= self._limit:
            records.append(self._read(bytes(text[start:end])))
            start, self._scanned = end, 0
        self._keep(text, start)
        self.too_long = len(self._held) > self._limit
        if self.too_long:
            self._held.clear()
        return records

    def close(self) -> Record | None:
        """Take the end of input; give what no empty line had ended, with the line ends that it lacks.

        The standard drops such a record. It is given here because a server that forgot its last line end has said
        what it has said; whether that is complete, its content shows.
        """
        held = bytes(self._held)
        self._held.clear()
        return self._read(held + _missing(held)) if held else None

    def _whole(self, data: bytes) -> Record | None:
        """Read what is exactly one record of one ``data`` line, as most servers send each."""
        if not data.startswith(b"data: ") or len(data) > self._limit:
            return None
        ending = data.find(b"\n") - len(data)
        if ending == -2 and data.endswith(b"\n\n") and b"\r" not in data:
            self._opening = False
            return Record(data, data[6:-2])
        if ending == -3 and data.endswith(b"\r\n\r\n") and data.find(b"\r") == len(data) - 4:
            self._opening = False
            return Record(data, data[6:-4])
        return None

    def _end(self, text: bytes | bytearray, start: int) -> int:
        """Find where the record's empty line ends, looking from ``start`` on; 0 where it is not there yet."""
        if not self._carriage:
            at = text.find(b"\n\n", start)
            return at + 2 if at >= 0 else 0
        found = _RECORD_END.search(text, start)
        if found is None or (found.end() == len(text) and text[-1:] == b"\r"):
            return 0
        return found.end()

    def _keep(self, text: bytes | bytearray, start: int) -> None:
        """Hold what is left from ``start`` on."""
        if text is self._held:
            del self._held[:start]
        elif start < len(text):
            self._held += text[start:]
        self._scanned = max(0, len(self._held) - _OVERLAP)

    def _read(self, raw: bytes) -> Record:
        """Read a record's fields."""
        text = raw
        if self._opening:
            self._opening = False
            text = raw.removeprefix(_BOM)
        if text.startswith(b"data: ") and text.find(b"\n") == len(text) - 2 and not self._carriage:
            return Record(raw, text[6:-2])
        data: list[bytes] = []
        event = b""
        for line in _LINE_END.split(text):
            name, _, value = line.partition(b":")
            if name == b"data":
                data.append(value.removeprefix(b" "))
            elif name == b"event":
                event = value.removeprefix(b" ")
        return Record(raw, b"\n".join(data), event)


def _missing(held: bytes) -> bytes:
    """Give the line ends that a record lacks; an LF behind a lone CR would only finish that one line end."""
    if _RECORD_END.search(held, max(0, len(held) - _OVERLAP - 1)):
        return b""
    return b"\n" if held.endswith(b"\n") else b"\n\n"


class Lines:
    """Cuts a stream of JSON texts, one a line (https://github.com/ndjson/ndjson-spec); as ``Splitter`` does events.

    A line ends with LF; its ``data`` is without it, and without white space around it. The pieces of a line are joined
    when its end has come, so that a long one in many pieces costs no more than its length.
    """

    def __init__(self, limit: int = LONGEST_RECORD) -> None:
        """Begin at the beginning of a stream."""
        self.too_long = False
        self._limit = limit
        self._held: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> list[Record]:
        """Take the next bytes; give the lines that they complete."""
        if self.too_long:
            return []
        records: list[Record] = []
        *ends, rest = data.split(b"\n")
        for piece in ends:
            self._hold(piece + b"\n")
            if self.too_long:
                return records
            raw = self._join()
            records.append(Record(raw, raw.strip()))
        self._hold(rest)
        return records

    def close(self) -> Record | None:
        """Take the end of input; give a line that no LF had ended, with the one that it lacks."""
        held = self._join()
        return Record(held + b"\n", held.strip()) if held.strip() else None

    def _hold(self, piece: bytes) -> None:
        """Hold more of a line, unless it is longer than the limit: then nothing of it."""
        self._length += len(piece)
        self.too_long = self._length > self._limit
        if self.too_long:
            self._held.clear()
        elif piece:
            self._held.append(piece)

    def _join(self) -> bytes:
        """Give the line that was held, and begin the next."""
        line = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        self._length = 0
        return line
