"""The Chat Completions format of OpenAI, which most servers of language models speak.

Source: OpenAI API reference, "Chat Completions" (https://platform.openai.com/docs/api-reference/chat).
"""

from omniroute.formats.codec import Codec, ToolRules
from omniroute.formats.complaint import complain
from omniroute.formats.openai_chat.encoder import ChatEncoder
from omniroute.formats.openai_chat.error import render_error, render_error_event
from omniroute.formats.openai_chat.reader import ChatReader
from omniroute.formats.openai_chat.request import ask, prepare, url
from omniroute.formats.openai_chat.request_read import read_request
from omniroute.formats.openai_chat.request_write import dress, render_request
from omniroute.formats.openai_chat.response import answer
from omniroute.formats.openai_chat.response_read import read_response
from omniroute.formats.openai_chat.response_write import render_response
from omniroute.formats.openai_chat.stream import ChatSplitter, ChatWatch
from omniroute.names import Format

CODEC = Codec(
    format=Format.OPENAI_CHAT,
    url=url,
    ask=ask,
    prepare=prepare,
    answer=answer,
    complain=complain,
    watch=ChatWatch,
    render_error=render_error,
    render_error_event=render_error_event,
    read_request=read_request,
    read_response=read_response,
    render_response=render_response,
    splitter=ChatSplitter,
    reader=ChatReader,
    encoder=ChatEncoder,
    render_request=render_request,
    dress=dress,
    tools=ToolRules(name="[a-zA-Z0-9_-]+", longest=64),
    passes=frozenset({b"openai-organization", b"openai-project", b"openai-beta"}),
)

__all__ = ["CODEC"]
