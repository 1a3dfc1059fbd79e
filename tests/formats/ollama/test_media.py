"""An image's first bytes tell what it is."""

import base64

import pytest

from omniroute.formats.ollama.media import UNKNOWN, media_type, tells
from omniroute.ir.parts import Inline


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\x00\x01\x02\x03WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x01\x02\x03WAVEfmt ", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_known_formats_are_told_by_their_magic(head: bytes, kind: str) -> None:
    data = base64.b64encode(head).decode()
    assert media_type(data) == kind
    assert tells(Inline(kind.upper(), data))


@pytest.mark.parametrize("data", ["iVB", "not base64!", "ünïcode", "data:image/png;base64,iVBORw0KGgo="])
def test_what_is_no_base64_is_unknown(data: str) -> None:
    assert media_type(data) == UNKNOWN


def test_another_type_than_was_declared_is_not_told() -> None:
    jpeg = base64.b64encode(b"\xff\xd8\xff\xe0....").decode()
    assert tells(Inline("image/jpg", jpeg))
    assert not tells(Inline("image/png", jpeg))
