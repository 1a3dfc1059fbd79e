"""A model's answer, in nobody's dialect."""

from enum import StrEnum

import msgspec

from omniroute.ir.parts import Extras, Part
from omniroute.ir.usage import Usage
from omniroute.names import Format


class Finish(StrEnum):
    """Why the answer ended.

    ``stop``: it was said, or a stop sequence came. ``length``: a limit on its length, or the context window, was
    reached. ``tools``: the client's tools are to be called. ``refused``: the model or a filter refused.
    ``pause``: the provider wants to be asked again to go on. ``other``: anything else.
    """

    STOP = "stop"
    LENGTH = "length"
    TOOLS = "tools"
    REFUSED = "refused"
    PAUSE = "pause"
    OTHER = "other"


class GenerateResponse(msgspec.Struct, frozen=True):
    """A whole answer.

    ``id``, ``model`` and ``created`` (Unix seconds) are as the provider said them, None where it did not.
    ``stop_sequence`` is the one that ended it. ``extras`` are members of ``format``, from which it was read.
    """

    format: Format
    parts: tuple[Part, ...]
    finish: Finish | None = None
    id: str | None = None
    model: str | None = None
    created: int | None = None
    stop_sequence: str | None = None
    usage: Usage | None = None
    extras: Extras | None = None
