"""Google's Gemini API: generateContent and streamGenerateContent.

Source: Gemini API reference, "Generating content" (https://ai.google.dev/api/generate-content).
"""

import msgspec

from omniroute.formats.codec import Codec, Context, Counter, ToolRules
from omniroute.formats.complaint import complain
from omniroute.formats.framing import Splitter
from omniroute.formats.gemini.count import count_body, count_url, read_count, read_count_request, render_count
from omniroute.formats.gemini.encoder import GeminiEncoder
from omniroute.formats.gemini.error import render_error, render_error_element, render_error_event
from omniroute.formats.gemini.framing import Array, ArrayWatch
from omniroute.formats.gemini.head import PASSES, ask, prepare, url
from omniroute.formats.gemini.reader import GeminiReader
from omniroute.formats.gemini.request_read import read_request
from omniroute.formats.gemini.request_write import dress, render_request
from omniroute.formats.gemini.response import answer, read_response, render_response
from omniroute.formats.stream import RecordWatch
from omniroute.names import Format


def _watch(hide_usage: bool) -> RecordWatch:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Begin to follow a stream; usage stands in records of the answer, and is never hidden."""
    return RecordWatch(Splitter(), GeminiReader())


def _array_encoder(context: Context) -> GeminiEncoder:
    """Begin to write a stream as one JSON array."""
    return GeminiEncoder(context, Array())


CODEC = Codec(
    format=Format.GEMINI,
    url=url,
    ask=ask,
    prepare=prepare,
    answer=answer,
    complain=complain,
    watch=_watch,
    render_error=render_error,
    render_error_event=render_error_event,
    read_request=read_request,
    read_response=read_response,
    render_response=render_response,
    splitter=Splitter,
    reader=GeminiReader,
    encoder=GeminiEncoder,
    render_request=render_request,
    dress=dress,
    tools=ToolRules(name="[A-Za-z_][A-Za-z0-9_.:-]*", longest=64),
    passes=PASSES,
    counter=Counter(url=count_url, body=count_body, read=read_count, render=render_count, plain=read_count_request),
)
"""Streams are server-sent events, as with ``alt=sse``."""

CODEC_ARRAY = msgspec.structs.replace(
    CODEC,
    watch=ArrayWatch,
    render_error_event=render_error_element,
    encoder=_array_encoder,
    media="application/json",
)
"""Streams are one JSON array, as without ``alt=sse``; upstreams are asked for server-sent events all the same."""

__all__ = ["CODEC", "CODEC_ARRAY"]
