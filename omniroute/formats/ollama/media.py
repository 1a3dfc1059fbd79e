"""Tells what kind of image base64 holds, because this format does not say it.

Source: the first bytes that each format's specification fixes (PNG §5.2, JFIF §2.1, GIF89a §17, RFC 9649 §2.4).
"""

import base64
import binascii

from omniroute.ir.parts import Inline

UNKNOWN = "application/octet-stream"

# literal table: where the bytes stand, the bytes, the media type
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
)
_ALIASES = {"image/jpg": "image/jpeg"}
_HEAD = 16
"""Characters of base64 that hold the first twelve bytes."""


def media_type(data: str) -> str:
    """Give the media type of an image in base64; ``UNKNOWN`` where its first bytes tell nothing."""
    try:
        head = base64.b64decode(data[:_HEAD], validate=True)
    except (binascii.Error, ValueError):
        return UNKNOWN
    return next((name for start, magic, name in _MAGIC if head.startswith(magic, start)), UNKNOWN)


def tells(image: Inline) -> bool:
    """Whether an image's first bytes tell the media type that it was sent with."""
    declared = image.media_type.lower()
    return media_type(image.data) == _ALIASES.get(declared, declared)
