"""The echo in openai-completions. Each prompt is answered by a choice of its own; a number in a prompt is a word.

The documented default of ``max_tokens``, 16, is not kept: it would cut every answer in the middle.

Source: https://platform.openai.com/docs/api-reference/completions.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec

from omniroute.upstream.echoes.core import EVENTS, UNREADABLE, Call, Limit, Played, Said, Turn, echo, record, whole
from omniroute.upstream.echoes.openai_chat import DONE, StreamOptions, finish, refused, usage, wants_usage

_Prompts = Annotated[list[str | int | list[int]], msgspec.Meta(min_length=1)]
"""Several prompts, or the tokens of one."""


class _Completion(msgspec.Struct):
    model: str
    prompt: str | _Prompts | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: Limit | None = None

    def prompts(self) -> list[str]:
        """Give each prompt's text."""
        if self.prompt is None or isinstance(self.prompt, str):
            return [self.prompt or ""]
        texts = [_text(each) for each in self.prompt]
        return [" ".join(texts)] if any(isinstance(each, int) for each in self.prompt) else texts


def completion(call: Call) -> Played:
    """Answer ``/completions``, whole or as a stream."""
    try:
        asked = msgspec.json.decode(call.body, type=_Completion)
    except UNREADABLE as error:
        return refused(error)
    answers = [echo([Turn(prompt, prompt)], asked.max_tokens) for prompt in asked.prompts()]
    name = f"cmpl-echo-{call.number}"
    base = {"id": name, "object": "text_completion", "created": call.now, "model": asked.model}
    if asked.stream:
        return Played(200, EVENTS, _stream(answers, base, tells_usage=wants_usage(asked.stream_options)))
    choices = [_choice(index, said.text, finish(said)) for index, said in enumerate(answers)]
    return whole({**base, "choices": choices, "usage": usage(*answers)})


def _text(prompt: str | int | list[int]) -> str:
    return " ".join(map(str, prompt)) if isinstance(prompt, list) else str(prompt)


def _choice(index: int, text: str, reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}


def _stream(answers: Sequence[Said], base: dict[str, Any], *, tells_usage: bool) -> Iterator[bytes]:
    unused = {"usage": None} if tells_usage else {}
    for index, said in enumerate(answers):
        for word in said.words:
            yield record({**base, "choices": [_choice(index, word, None)], **unused})
        yield record({**base, "choices": [_choice(index, "", finish(said))], **unused})
    if tells_usage:
        yield record({**base, "choices": [], "usage": usage(*answers)})
    yield DONE
