"""Colours for a terminal, by the escape codes of ECMA-48.

Always true: taking the codes away again gives the text as it is without colours.
"""

from enum import StrEnum

from omniroute.names import Severity

_RESET = "\x1b[0m"


class Colour(StrEnum):
    """What a part of the text is painted in."""

    RED = "\x1b[1;31m"
    YELLOW = "\x1b[1;33m"
    CYAN = "\x1b[1;36m"
    BLUE = "\x1b[1;34m"


BY_SEVERITY = {Severity.ERROR: Colour.RED, Severity.WARNING: Colour.YELLOW, Severity.HINT: Colour.CYAN}


class Brush:
    """Paints, or leaves the text alone where there are to be no colours."""

    def __init__(self, *, colour: bool) -> None:
        """Hold whether there are to be colours."""
        self._colour = colour

    def paint(self, text: str, colour: Colour) -> str:
        """Paint a text."""
        return f"{colour}{text}{_RESET}" if self._colour and text else text
