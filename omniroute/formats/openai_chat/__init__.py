"""The Chat Completions format of OpenAI, which most servers of language models speak.

Source: OpenAI API reference, "Chat Completions" (https://platform.openai.com/docs/api-reference/chat).
"""

from omniroute.formats.codec import Codec
from omniroute.formats.openai_chat.error import complain, render_error, render_error_event
from omniroute.formats.openai_chat.request import ask, prepare
from omniroute.formats.openai_chat.response import answer
from omniroute.formats.openai_chat.stream import ChatWatch
from omniroute.names import Format

CODEC = Codec(
    format=Format.OPENAI_CHAT,
    path="/chat/completions",
    ask=ask,
    prepare=prepare,
    answer=answer,
    complain=complain,
    watch=ChatWatch,
    render_error=render_error,
    render_error_event=render_error_event,
)

__all__ = ["CODEC"]
