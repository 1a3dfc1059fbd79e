"""The text completions format of OpenAI, its oldest, in which a model goes on with a text.

Source: OpenAI API reference, "Completions" (https://platform.openai.com/docs/api-reference/completions). Clients may
speak it to any provider, as far as one prompt and one answer go; requests are never translated into it.
"""

from omniroute.formats.codec import Codec
from omniroute.formats.complaint import complain
from omniroute.formats.framing import Splitter
from omniroute.formats.openai_completions.encoder import CompletionsEncoder
from omniroute.formats.openai_completions.error import render_error, render_error_event
from omniroute.formats.openai_completions.head import ask, prepare, url
from omniroute.formats.openai_completions.reader import CompletionsReader
from omniroute.formats.openai_completions.request_read import read_request
from omniroute.formats.openai_completions.response import answer, read_response, render_response
from omniroute.formats.openai_completions.watch import CompletionsWatch
from omniroute.names import Format

CODEC = Codec(
    format=Format.OPENAI_COMPLETIONS,
    url=url,
    ask=ask,
    prepare=prepare,
    answer=answer,
    complain=complain,
    watch=CompletionsWatch,
    render_error=render_error,
    render_error_event=render_error_event,
    read_request=read_request,
    read_response=read_response,
    render_response=render_response,
    splitter=Splitter,
    reader=CompletionsReader,
    encoder=CompletionsEncoder,
    passes=frozenset({b"openai-organization", b"openai-project", b"openai-beta"}),
)

__all__ = ["CODEC"]
