"""The echo in ollama's chat. It streams where it is not asked not to; of durations it tells none, as it takes none.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from omniroute.upstream.echoes.core import UNREADABLE, Call, Played, Said, Turn, echo, whole

LINES = "application/x-ndjson"


class _Message(msgspec.Struct):
    role: str
    content: str | None = None
    images: list[Any] | None = None

    def turn(self) -> Turn:
        images = ["[image]"] * len(self.images or ())
        text = " ".join([self.content, *images] if self.content else images)
        return Turn(text, text if self.role == "user" else None)


class _Options(msgspec.Struct):
    num_predict: int | None = None


class _Asked(msgspec.Struct):
    model: str
    messages: list[_Message] = []
    stream: bool | None = True
    options: _Options | None = None

    @property
    def limit(self) -> int | None:
        """Give the most tokens that are wanted; below one there is no limit."""
        limit = self.options.num_predict if self.options is not None else None
        return limit if limit is not None and limit > 0 else None


def chat(call: Call) -> Played:
    """Answer ``/api/chat``, as a stream or whole."""
    try:
        asked = msgspec.json.decode(call.body, type=_Asked)
    except UNREADABLE as error:
        return whole({"error": f"The echo cannot read this request: {error}"}, 400)
    said = echo([message.turn() for message in asked.messages], asked.limit)
    created = datetime.fromtimestamp(call.now, UTC).isoformat().replace("+00:00", "Z")
    base = {"model": asked.model, "created_at": created}
    if asked.stream is False:
        return whole(_last(base, said.text, said))
    return Played(200, LINES, _lines(base, said))


def _lines(base: dict[str, Any], said: Said) -> Iterator[bytes]:
    for word in said.words:
        yield msgspec.json.encode({**base, "message": _message(word), "done": False}) + b"\n"
    yield msgspec.json.encode(_last(base, "", said)) + b"\n"


def _last(base: dict[str, Any], text: str, said: Said) -> dict[str, Any]:
    """Write what says that the answer is complete."""
    return {
        **base,
        "message": _message(text),
        "done_reason": "length" if said.cut else "stop",
        "done": True,
        "prompt_eval_count": said.read,
        "eval_count": said.written,
    }


def _message(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}
