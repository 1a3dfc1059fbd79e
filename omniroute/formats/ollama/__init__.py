"""The chat format of Ollama, which servers of models on one's own machine speak.

Source: Ollama API reference, "Generate a chat completion" (https://docs.ollama.com/api/chat), and the types of its
official clients. A base URL is the bare origin, so that Ollama's clients and servers work with it unchanged.
"""

from omniroute.formats.codec import Codec, ToolRules
from omniroute.formats.complaint import complain
from omniroute.formats.framing import Lines
from omniroute.formats.ollama.encoder import OllamaEncoder
from omniroute.formats.ollama.error import render_error, render_error_event
from omniroute.formats.ollama.head import ask, prepare, url
from omniroute.formats.ollama.reader import OllamaReader, watch
from omniroute.formats.ollama.request_read import read_request
from omniroute.formats.ollama.request_write import dress, render_request
from omniroute.formats.ollama.response import answer, read_response, render_response
from omniroute.names import Format

CODEC = Codec(
    format=Format.OLLAMA,
    url=url,
    ask=ask,
    prepare=prepare,
    answer=answer,
    complain=complain,
    watch=watch,
    render_error=render_error,
    render_error_event=render_error_event,
    read_request=read_request,
    read_response=read_response,
    render_response=render_response,
    splitter=Lines,
    reader=OllamaReader,
    encoder=OllamaEncoder,
    render_request=render_request,
    dress=dress,
    tools=ToolRules(name=".+", longest=1_000),
    media="application/x-ndjson",
)

__all__ = ["CODEC"]
