"""The Messages format of Anthropic.

Source: Anthropic API reference, "Messages" (https://platform.claude.com/docs/en/api/messages).
"""

from omniroute.formats.anthropic_messages.count import count_body, count_url, read_count, render_count
from omniroute.formats.anthropic_messages.encoder import MessagesEncoder
from omniroute.formats.anthropic_messages.error import render_error, render_error_event
from omniroute.formats.anthropic_messages.head import ask, prepare, url
from omniroute.formats.anthropic_messages.reader import MessagesReader
from omniroute.formats.anthropic_messages.request_read import read_request
from omniroute.formats.anthropic_messages.request_write import dress, render_request
from omniroute.formats.anthropic_messages.response import answer, read_response, render_response
from omniroute.formats.codec import Codec, Counter, ToolRules, Watch
from omniroute.formats.complaint import complain
from omniroute.formats.framing import Splitter
from omniroute.formats.stream import RecordWatch
from omniroute.ir.signatures import MARKED
from omniroute.names import Format

PASSES = frozenset({b"anthropic-version", b"anthropic-beta", b"anthropic-user-profile-id", b"anthropic-workspace-id"})
"""Request headers that the API documents, but for those that say who asks."""


def watch(hide_usage: bool) -> Watch:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Follow a stream; its usage is part of records that say more, so none is hidden."""
    del hide_usage
    return RecordWatch(Splitter(), MessagesReader())


CODEC = Codec(
    format=Format.ANTHROPIC_MESSAGES,
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
    reader=MessagesReader,
    encoder=MessagesEncoder,
    render_request=render_request,
    dress=dress,
    tools=ToolRules(name="[a-zA-Z0-9_-]+", longest=128),
    passes=PASSES,
    marks=(MARKED, b'"signature":""', b'"signature": ""'),
    headers=(("anthropic-version", "2023-06-01"),),
    counter=Counter(url=count_url, body=count_body, read=read_count, render=render_count),
)

__all__ = ["CODEC"]
