"""Codecs between bytes and what they mean; no two of them know each other."""

from omniroute.formats.anthropic_messages import CODEC as ANTHROPIC_MESSAGES
from omniroute.formats.codec import Codec
from omniroute.formats.gemini import CODEC as GEMINI
from omniroute.formats.gemini import CODEC_ARRAY as GEMINI_ARRAY
from omniroute.formats.ollama import CODEC as OLLAMA
from omniroute.formats.openai_chat import CODEC as OPENAI_CHAT
from omniroute.formats.openai_completions import CODEC as OPENAI_COMPLETIONS
from omniroute.formats.openai_responses import CODEC as OPENAI_RESPONSES
from omniroute.names import Format

CODECS: dict[Format, Codec] = {
    codec.format: codec
    for codec in (OPENAI_CHAT, OPENAI_RESPONSES, OPENAI_COMPLETIONS, ANTHROPIC_MESSAGES, GEMINI, OLLAMA)
}
"""Every wire format that the gateway speaks."""

__all__ = ["CODECS", "GEMINI_ARRAY"]
