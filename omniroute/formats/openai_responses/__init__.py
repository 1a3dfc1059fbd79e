"""The Responses format of OpenAI, which its newer models and agents speak.

Source: OpenAI API reference, "Responses" (https://platform.openai.com/docs/api-reference/responses).
"""

from omniroute.formats.codec import Codec, Counter, ToolRules
from omniroute.formats.complaint import complain
from omniroute.formats.framing import Splitter
from omniroute.formats.openai_responses.count import count_body, count_url, read_count, render_count
from omniroute.formats.openai_responses.encoder import ResponsesEncoder
from omniroute.formats.openai_responses.error import render_error, render_error_event
from omniroute.formats.openai_responses.head import PASSES, ask, prepare, url
from omniroute.formats.openai_responses.reader import ResponsesReader, watch
from omniroute.formats.openai_responses.request_read import read_request
from omniroute.formats.openai_responses.request_write import dress, render_request
from omniroute.formats.openai_responses.response import answer, read_response, render_response
from omniroute.ir.signatures import MARKED
from omniroute.names import Format

CODEC = Codec(
    format=Format.OPENAI_RESPONSES,
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
    splitter=Splitter,
    reader=ResponsesReader,
    encoder=ResponsesEncoder,
    render_request=render_request,
    dress=dress,
    tools=ToolRules(name="[a-zA-Z0-9_-]+", longest=64, custom=True, namespaces=True),
    passes=PASSES,
    marks=(MARKED,),
    counter=Counter(url=count_url, body=count_body, read=read_count, render=render_count),
)

__all__ = ["CODEC"]
