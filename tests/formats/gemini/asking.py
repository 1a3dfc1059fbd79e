"""Shorthands of the tests of this room."""

import json
from typing import Any

from omniroute.formats.codec import Asked, Context, ErrorView, Place
from omniroute.formats.gemini.head import ask
from omniroute.formats.gemini.request_read import read_request
from omniroute.ir.parts import Part
from omniroute.ir.request import GenerateRequest, Message, Role
from omniroute.names import Format

FOREIGN = Format.ANTHROPIC_MESSAGES
ASKED = GenerateRequest(FOREIGN, "a-model", ())
CONTEXT = Context(ASKED, "request-1", "a-model", 1_700_000_000_000_000)
VIEW = ErrorView(503, "all_failed", "nobody answers", "r-1", attempts=({"provider": "p", "status": 500},))


def asked(body: Any, *, stream: bool = False) -> Asked:
    return ask(body if isinstance(body, bytes) else json.dumps(body).encode(), Place("a-model", stream))


def read(**body: Any) -> GenerateRequest:
    return read_request(asked({"contents": [], **body}))


def user(*parts: Part) -> Message:
    return Message(Role.USER, parts)


def model(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def foreign(*messages: Message, **members: Any) -> GenerateRequest:
    return GenerateRequest(FOREIGN, "a-model", messages, **members)
