"""Changes named top-level fields of a JSON object in its bytes.

Always true: every byte that is not the value of a changed field stays as it was, whitespace, order of fields and the
digits of numbers among them; and the result, read as JSON, is the object with those fields changed.
"""

from collections.abc import Mapping

import msgspec

from omniroute.formats.codec import Fields


def patch(body: bytes, fields: Fields, changes: Mapping[str, bytes]) -> bytes:
    """Give ``body`` with the values of some fields replaced, and those it lacks added behind the last one.

    Args:
        body: a JSON object.
        fields: its top-level fields in order, as ``head.read_head`` found them in these very bytes.
        changes: from a field's name to its new value, as JSON text.
    """
    parts: list[bytes] = []
    done = last = 0
    missing = dict(changes)
    for name, where in fields.items():
        last = where.stop
        value = missing.pop(name, None)
        if value is not None:
            parts += (body[done : where.start], value)
            done = last
    if missing:
        last = last or body.index(b"{") + 1
        added = b",".join(msgspec.json.encode(name) + b":" + value for name, value in missing.items())
        parts += (body[done:last], b"," if fields else b"", added)
        done = last
    parts.append(body[done:])
    return b"".join(parts)
