"""How a signature of one format travels through a client of another, and comes back.

A client that keeps thoughts and sends them back (as Anthropic's and OpenAI's do) treats their signature as opaque. So a
signature that the client's format has a place for, but that another format's provider gave, is put into that place
with a mark; when it comes back, the mark tells whose it is.

Always true: ``unpack(pack(s, own), own) == s`` for every signature and format; what has no mark is the format's own.
"""

import base64

from omniroute.ir.parts import Signature
from omniroute.names import Format

_MARK = "omniroute:"
MARKED = base64.b64encode(_MARK.encode())[:13]
"""How every marked signature begins, by which one is found in a body that was not read."""
_FORMATS = frozenset(each.value for each in Format)


def pack(signature: Signature, own: Format) -> str:
    """Write a signature into a place of format ``own``: its own ones as they are, others marked, all of it base64.

    An own one that bears a mark (it came through another gateway like this) is marked once more.
    """
    if signature.format is own and _marked(signature.data) is None:
        return signature.data
    marked = f"{_MARK}{signature.format}:{signature.data}"
    return base64.b64encode(marked.encode("utf-8", "surrogatepass")).decode("ascii")


def unpack(text: str, own: Format) -> Signature:
    """Read a signature out of a place of format ``own``."""
    return _marked(text) or Signature(own, text)


def _marked(text: str) -> Signature | None:
    """Read a signature that bears a mark; None where there is none."""
    try:
        marked = base64.b64decode(text, validate=True).decode("utf-8", "surrogatepass")
    except ValueError:
        return None
    if not marked.startswith(_MARK):
        return None
    name, _, data = marked.removeprefix(_MARK).partition(":")
    return Signature(Format(name), data) if name in _FORMATS else None
