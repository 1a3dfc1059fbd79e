"""What the format says of itself."""

import re

from omniroute.formats.anthropic_messages import CODEC
from omniroute.names import Format
from tests.formats.anthropic_messages.samples import own


def test_the_codec_speaks_its_format_both_ways() -> None:
    assert CODEC.format is Format.ANTHROPIC_MESSAGES
    assert CODEC.render_request is not None
    assert CODEC.dress is not None
    assert CODEC.media == "text/event-stream"


def test_headers_of_the_api_pass_and_those_that_say_who_asks_do_not() -> None:
    assert {b"anthropic-version", b"anthropic-beta"} <= CODEC.passes
    assert not {b"x-api-key", b"authorization"} & CODEC.passes


def test_names_of_tools_are_those_that_the_api_takes() -> None:
    rules = CODEC.tools
    assert rules is not None
    assert re.fullmatch(rules.name, "mcp__a-b_9")
    assert not re.fullmatch(rules.name, "a.b")
    assert (rules.longest, rules.custom, rules.namespaces) == (128, False, False)


def test_no_record_of_a_stream_is_hidden() -> None:
    body = next(case for case in own("stream.sse") if case.name == "text") / "stream.sse"
    watch = CODEC.watch(True)
    assert watch.feed(body.read_bytes()) + watch.close() == body.read_bytes()
