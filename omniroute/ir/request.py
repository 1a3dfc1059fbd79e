"""What a client asks of a model, in nobody's dialect.

Always true: a request says only what its client said; nothing is defaulted. ``extras`` are members of the format that
the request was read from (``format``); written in another format each of them is a loss, unless it is in ``pins``.
"""

from enum import StrEnum
from typing import Any

import msgspec

from omniroute.ir.parts import CacheHint, Extras, Opaque, Part, ToolCall
from omniroute.names import Format


class Role(StrEnum):
    """Who speaks. Tool results are parts of a user's message; a developer ranks below the system (OpenAI)."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"


class Message(msgspec.Struct, frozen=True):
    """One turn."""

    role: Role
    parts: tuple[Part, ...]
    extras: Extras | None = None


class Tool(msgspec.Struct, frozen=True):
    """A tool that the client runs.

    ``schema`` is the JSON Schema of the arguments, decoded; None where none was sent. A ``custom`` tool takes free
    text instead, of the form ``grammar`` where that is given. ``namespace`` is the group that the tool was sent in.
    """

    name: str
    description: str | None = None
    schema: Any = None
    strict: bool | None = None
    custom: bool = False
    grammar: Any = None
    namespace: str | None = None
    cache: CacheHint | None = None
    extras: Extras | None = None


class ToolMode(StrEnum):
    """Whether the model may, must or must not call tools; ``named``: it must call one certain tool."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    NAMED = "named"


class ToolChoice(msgspec.Struct, frozen=True):
    """The client's wish; ``name`` goes with ``named``."""

    mode: ToolMode
    name: str | None = None
    custom: bool = False
    extras: Extras | None = None


class Sampling(msgspec.Struct, frozen=True):
    """How the next token is drawn; None where nothing was asked."""

    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: float | int | None = None
    presence_penalty: float | int | None = None
    frequency_penalty: float | int | None = None
    seed: int | None = None


class OutputSpec(msgspec.Struct, frozen=True):
    """The answer is to be JSON, of the form ``schema`` (JSON Schema, decoded) where that is not None."""

    schema: Any = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extras: Extras | None = None


class Thinking(msgspec.Struct, frozen=True):
    """How much the model is to think before it answers; None where nothing was asked.

    ``enabled`` is an outright yes or no. ``effort`` is one of ``ir.thinking.EFFORTS``, ``budget`` is in tokens;
    ``visible`` asks for the thoughts, or a summary, in the answer. ``ruled``: it is not the client that says it, but
    the gateway's configuration, in no format's own words.
    """

    enabled: bool | None = None
    effort: str | None = None
    budget: int | None = None
    visible: bool | None = None
    extras: Extras | None = None
    ruled: bool = False


class Pin(msgspec.Struct, frozen=True):
    """Something asked for that only providers of the request's own format can do: a feature, as its format calls it."""

    feature: str
    why: str


class GenerateRequest(msgspec.Struct, frozen=True):
    """A request for an answer.

    ``system`` is the format's own place for instructions; a format that has none puts them into ``messages``.
    ``tools`` that are ``Opaque`` are run by the provider. ``usage_asked``: the client wants usage in the stream.
    """

    format: Format
    model: str
    messages: tuple[Message, ...]
    system: tuple[Part, ...] = ()
    tools: tuple[Tool | Opaque, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    sampling: Sampling = Sampling()
    output: OutputSpec | None = None
    thinking: Thinking | None = None
    stop: tuple[str, ...] = ()
    max_output: int | None = None
    stream: bool = False
    usage_asked: bool = True
    end_user: str | None = None
    pins: tuple[Pin, ...] = ()
    extras: Extras | None = None


def leading_system(request: GenerateRequest) -> tuple[tuple[Part, ...], tuple[Message, ...]]:
    """Give the parts of all instructions that stand before the conversation, and the messages behind them.

    This is for formats with a place of their own for instructions: ``system``, then the system and developer
    messages that open ``messages``.
    """
    parts = list(request.system)
    for position, message in enumerate(request.messages):
        if message.role not in {Role.SYSTEM, Role.DEVELOPER}:
            return tuple(parts), request.messages[position:]
        parts.extend(message.parts)
    return tuple(parts), ()


def tool_names(request: GenerateRequest) -> dict[str, str]:
    """Give the tool's name of every call in the conversation, by the call's id: some formats want it at the result."""
    from_calls = (part for message in request.messages for part in message.parts)
    return {part.id: part.name for part in from_calls if isinstance(part, ToolCall)}
