"""JSON, read and written as leniently as clients and servers of language models do it.

Always true: reading never raises; what was read can be written. A half of a surrogate pair (a string cut inside an
emoji; RFC 8259 §8.2 leaves its meaning to the reader) comes back as the escape that it came as.
"""

import json

import msgspec


def loads(data: bytes) -> object:
    """Decode JSON; bytes that are not UTF-8, halves of surrogate pairs and NaN pass. None for what is not JSON."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def dumps(value: object) -> bytes:
    """Encode decoded JSON."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
