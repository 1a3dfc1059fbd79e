"""What a rendering says besides the findings.

Always true: this is all that a rendering knows of the run; it asks neither the terminal nor the environment.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from omniroute.config.waits import Bound


class RenderContext(msgspec.Struct, frozen=True):
    """The run that made the findings.

    ``config_hash`` is a snapshot's id, absent when none could be compiled. ``files`` is the number of files that were
    read, ``counts`` the number of entities by their table's name (``{"providers": 12}``), ``elapsed`` is in seconds.
    ``colour`` lets the styles for people use ANSI colours. Without ``hints``, findings of that severity and lines of
    help are left out. ``fix_command`` is shown behind the help of a finding that can be mended without a person.
    ``worst_cases`` are what each name can come to, absent where nobody asked.
    """

    version: str
    config_hash: str | None = None
    files: int = 0
    counts: Mapping[str, int] = MappingProxyType({})
    elapsed: float | None = None
    colour: bool = False
    hints: bool = True
    fix_command: str = ""
    worst_cases: tuple[Bound, ...] | None = None
