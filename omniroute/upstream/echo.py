"""What the embedded upstream ``echo`` answers: what it was told, in each wire format's documented shape.

Its tokens are whitespace-separated words, of the question and of the answer alike; a content part that is not text
counts as one, and is named in brackets. The limits on an answer's length are kept, everything else that asks for a
different answer (temperature, tools, stop) is ignored.

Always true: pure; the same body, number and time give the same bytes.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any

import msgspec

ECHO = 'You said: "{}".'
SILENCE = "You said nothing: there is no message from a user."
ABOUT = (
    " I am the echo inside OmniRoute: no model, no key, no network. Your gateway works;"
    " add a provider, and a model answers in my place."
)

_WORD = re.compile(r"\S+\s*")
"""A word with the space behind it; the answer begins with a word, so these make up the whole of it."""


class Played(msgspec.Struct, frozen=True):
    """A whole answer: ``pieces`` are what a reader gets one after the other."""

    status: int
    content_type: str
    pieces: Iterable[bytes]


class _Part(msgspec.Struct):
    type: str
    text: str = ""

    def words(self) -> str:
        return self.text if self.type == "text" else f"[{self.type.removesuffix('_url')}]"


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None

    def words(self) -> str:
        """Give the text of a message; parts are joined by a space, those that are not text named in brackets."""
        if isinstance(self.content, list):
            return " ".join(part.words() for part in self.content)
        return self.content or ""


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = False


_Limit = Annotated[int, msgspec.Meta(ge=1)]


class _Chat(msgspec.Struct):
    """What the echo reads of https://platform.openai.com/docs/api-reference/chat/create."""

    model: str
    messages: Annotated[list[_Message], msgspec.Meta(min_length=1)]
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    max_tokens: _Limit | None = None
    max_completion_tokens: _Limit | None = None


class _Said(msgspec.Struct, frozen=True):
    """What is answered, and its account."""

    text: str
    finish: str
    usage: dict[str, int]


def openai_chat(body: bytes, number: int, now: int) -> Played:
    """Answer in openai-chat, whole or as a stream.

    Args:
        body: the request's body.
        number: what makes the answer's id its own.
        now: Unix seconds.
    """
    try:
        asked = msgspec.json.decode(body, type=_Chat)
    except msgspec.DecodeError as error:
        return _error(400, f"The echo cannot read this request: {error}")
    said = _say(asked)
    base = {"id": f"chatcmpl-echo-{number}", "created": now, "model": asked.model}
    if asked.stream:
        return Played(200, "text/event-stream; charset=utf-8", _stream(asked, said, base))
    message = {"role": "assistant", "content": said.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}
    whole = {**base, "object": "chat.completion", "choices": [choice], "usage": said.usage}
    return Played(200, "application/json", [msgspec.json.encode(whole)])


def no_such_path(_body: bytes, _number: int, _now: int) -> Played:
    """Answer a request that the echo has no format for."""
    return _error(404, "The echo does not answer at this path.")


def _say(asked: _Chat) -> _Said:
    last = next((message for message in reversed(asked.messages) if message.role == "user"), None)
    heard = last.words() if last is not None else ""
    text = (ECHO.format(heard) if heard else SILENCE) + ABOUT
    limits = [limit for limit in (asked.max_tokens, asked.max_completion_tokens) if limit is not None]
    ends = [word.end() for word in islice(_WORD.finditer(text), min(limits, default=None))]
    finish = "stop" if ends[-1] == len(text) else "length"
    text = text if finish == "stop" else text[: ends[-1]].rstrip()
    read = sum(_count(message.words()) for message in asked.messages)
    usage = {"prompt_tokens": read, "completion_tokens": len(ends), "total_tokens": read + len(ends)}
    return _Said(text, finish, usage)


def _count(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


def _stream(asked: _Chat, said: _Said, base: dict[str, Any]) -> Iterator[bytes]:
    """Give the records of https://platform.openai.com/docs/api-reference/chat-streaming/streaming, one at a time."""
    for event in _events(asked, said, base):
        yield b"data: %b\n\n" % msgspec.json.encode(event)
    yield b"data: [DONE]\n\n"


def _events(asked: _Chat, said: _Said, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
    wants_usage = asked.stream_options is not None and bool(asked.stream_options.include_usage)
    base = {**base, "object": "chat.completion.chunk"}
    unused = {"usage": None} if wants_usage else {}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**base, "choices": [choice], **unused}

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for word in _WORD.finditer(said.text):
        yield chunk({"content": word.group()})
    yield chunk({}, said.finish)
    if wants_usage:
        yield {**base, "choices": [], "usage": said.usage}


def _error(status: int, message: str) -> Played:
    """Answer in the shape of https://platform.openai.com/docs/guides/error-codes."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return Played(status, "application/json", [msgspec.json.encode({"error": error})])
