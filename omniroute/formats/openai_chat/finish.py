"""Why an answer ended, in this format's words.

Source: OpenAI API reference, "The chat completion object", ``finish_reason``
(https://platform.openai.com/docs/api-reference/chat/object). Other servers use words of their own, and some say
``stop`` though tools are to be called.
"""

from omniroute.formats.openai_chat.members import Writing
from omniroute.ir.response import Finish

# literal table: what servers say → what it means; an unknown word is ``other``
_READ = {
    "stop": Finish.STOP,
    "eos": Finish.STOP,
    "eos_token": Finish.STOP,
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "length": Finish.LENGTH,
    "max_tokens": Finish.LENGTH,
    "model_length": Finish.LENGTH,
    "tool_calls": Finish.TOOLS,
    "tool_use": Finish.TOOLS,
    "function_call": Finish.TOOLS,
    "content_filter": Finish.REFUSED,
    "refusal": Finish.REFUSED,
}
# literal table
_WORDS = {
    Finish.STOP: "stop",
    Finish.LENGTH: "length",
    Finish.TOOLS: "tool_calls",
    Finish.REFUSED: "content_filter",
}


def read_finish(word: object, *, calls: bool) -> Finish | None:
    """Read why an answer ended, None where it does not say; ``calls`` says whether it calls tools."""
    if not word:
        return Finish.TOOLS if calls else None
    finish = _READ.get(word, Finish.OTHER) if isinstance(word, str) else Finish.OTHER
    return Finish.TOOLS if calls and finish is Finish.STOP else finish


def write_finish(finish: Finish | None, writing: Writing) -> str:
    """Write why an answer ended; this format has no word for a pause, nor for anything else, and must have one."""
    word = _WORDS.get(finish or Finish.STOP)
    if word is None:
        writing.approximate("finish", "this format has no word for it")
    return word or "stop"


def plain_word(finish: Finish | None) -> str | None:
    """Give the word that would be written for an end, where there is one of its own."""
    return None if finish is None else _WORDS.get(finish)
