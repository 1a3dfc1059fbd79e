"""Why an answer ended, in this format's words and in ``ir.response``'s.

Source: Gemini API reference, "FinishReason" (https://ai.google.dev/api/generate-content#FinishReason).
"""

from omniroute.ir.loss import Loss, approximated
from omniroute.ir.response import Finish

# literal tables
_READ: dict[object, Finish] = {
    "STOP": Finish.STOP,
    "MAX_TOKENS": Finish.LENGTH,
    "SAFETY": Finish.REFUSED,
    "RECITATION": Finish.REFUSED,
    "BLOCKLIST": Finish.REFUSED,
    "PROHIBITED_CONTENT": Finish.REFUSED,
    "SPII": Finish.REFUSED,
    "MODEL_ARMOR": Finish.REFUSED,
    "IMAGE_SAFETY": Finish.REFUSED,
    "IMAGE_PROHIBITED_CONTENT": Finish.REFUSED,
    "IMAGE_RECITATION": Finish.REFUSED,
    1: Finish.STOP,
    2: Finish.LENGTH,
    3: Finish.REFUSED,
    4: Finish.REFUSED,
}
"""By name, and by the numbers on which both of this API's services agree; servers can be asked for numbers."""

_WRITTEN: dict[Finish, str] = {
    Finish.STOP: "STOP",
    Finish.TOOLS: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.REFUSED: "SAFETY",
    Finish.PAUSE: "OTHER",
    Finish.OTHER: "OTHER",
}


def read_finish(reason: object, *, calls: bool) -> Finish:
    """Read a finish reason; an answer with calls stops so that they can be made."""
    finish = _READ.get(reason if isinstance(reason, str | int) else None, Finish.OTHER)
    return Finish.TOOLS if calls and finish is Finish.STOP else finish


def finish_losses(finish: Finish | None) -> list[Loss]:
    """Name a finish that this format has no word for."""
    return [approximated("finish", "Gemini does not pause")] if finish is Finish.PAUSE else []


def write_finish(finish: Finish) -> str:
    """Give the finish reason that says it."""
    return _WRITTEN[finish]
