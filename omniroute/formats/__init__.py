"""Codecs between bytes and what they mean; no two of them know each other."""

from omniroute.formats.codec import Codec
from omniroute.formats.openai_chat import CODEC as OPENAI_CHAT
from omniroute.names import Format

CODECS: dict[Format, Codec] = {codec.format: codec for codec in (OPENAI_CHAT,)}
"""Every wire format that the gateway speaks."""
