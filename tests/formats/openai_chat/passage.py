"""Takes Chat Completions values through their reading and writing, for the tests of this folder."""

import json
from collections.abc import Iterable
from typing import Any

from omniroute.formats.codec import Context, Place
from omniroute.formats.framing import Record
from omniroute.formats.openai_chat import CODEC
from omniroute.formats.stream import Decoder
from omniroute.ir.events import Event
from omniroute.ir.parts import Part
from omniroute.ir.request import GenerateRequest, Message, Role
from omniroute.ir.response import GenerateResponse
from omniroute.names import Format

HI = {"role": "user", "content": "hi"}
ELSEWHERE = Format.ANTHROPIC_MESSAGES
ASKED = GenerateRequest(ELSEWHERE, "m", ())
CONTEXT = Context(ASKED, "ours", "up", 5_000_000)


def read(*messages: Any, **fields: Any) -> GenerateRequest:
    body = json.dumps({"model": "m", "messages": messages or [HI], **fields}).encode()
    return CODEC.read_request(CODEC.ask(body, Place()))


def written(request: GenerateRequest) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    assert CODEC.render_request is not None
    rendered = CODEC.render_request(request)
    return rendered.body, [(loss.path, loss.kind.value, loss.weight.value) for loss in rendered.losses]


def returned(*messages: Any, **fields: Any) -> dict[str, Any]:
    """Read a request and write it again."""
    body, losses = written(read(*messages, **fields))
    assert losses == []
    return body


def foreign(*messages: Message, **fields: Any) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """Write a request of another format."""
    return written(GenerateRequest(ELSEWHERE, "m", messages, **fields))


def user(*parts: Part) -> Message:
    return Message(Role.USER, parts)


def assistant(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def whole(message: Any, finish: Any = "stop", **fields: Any) -> GenerateResponse:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return CODEC.read_response(json.dumps({"id": "x", "choices": [choice], **fields}).encode())


def said(response: GenerateResponse) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    rendered = CODEC.render_response(response, CONTEXT)
    return json.loads(rendered.body), [(loss.path, loss.kind.value) for loss in rendered.losses]


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "x", "model": "m", "created": 1, "choices": [choice]} | more).encode()


def record(data: bytes) -> Record:
    return Record(b"data: " + data + b"\n\n", data)


def events(*chunks: bytes) -> list[Event]:
    decoder = Decoder(CODEC.splitter(), CODEC.reader())
    return decoder.feed(b"".join(record(each).raw for each in chunks)) + decoder.close()


def told(given: Iterable[Event], **fields: Any) -> tuple[list[Any], list[str]]:
    """Write a stream; give its chunks and the paths of its losses."""
    encoder = CODEC.encoder(Context(GenerateRequest(ELSEWHERE, "m", (), **fields), "ours", "up", 5_000_000))
    body = b"".join([encoder.feed(event) for event in given])
    chunks = [each.removeprefix("data: ") for each in body.decode().split("\n\n") if each]
    assert chunks.pop() == "[DONE]"
    return [json.loads(each) for each in chunks], [loss.path for loss in encoder.losses]
