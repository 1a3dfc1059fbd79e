"""A finding before it has a place in a text: what checks give, in paths of the document.

Always true: the severity of a finding is that of its rule, and nothing that looks like a secret is in its words.
"""

import msgspec
from msgspec.structs import replace

from omniroute.config.diagnostics import Diagnostic, Edit, Related
from omniroute.config.layers import Merged
from omniroute.config.leaks import looks_secret, redacted
from omniroute.config.rules import RULES
from omniroute.config.source import Path, Place


class Spot(msgspec.Struct, frozen=True):
    """A value of the document or, where ``key`` is set, the key that it stands under; or the beginning of a file."""

    path: Path
    key: bool = False
    file: int | None = None


class Fault(msgspec.Struct, frozen=True):
    """A finding; the fields are those of ``Diagnostic``, with spots for places.

    ``elsewhere`` are related places that are not in the user's files. ``firm`` ones cannot be
    allowed by a comment, whatever their code says, since the document cannot be read with them.
    """

    code: str
    summary: str
    spot: Spot
    label: str = ""
    related: tuple[tuple[Spot, str], ...] = ()
    elsewhere: tuple[tuple[Place, str], ...] = ()
    hint: str = ""
    note: str = ""
    fix: tuple[tuple[Spot, str], ...] = ()
    masked: bool = False
    firm: bool = False


def diagnose(fault: Fault, merged: Merged) -> Diagnostic:
    """Find the places of a fault."""
    related = [(_place(spot, merged), message) for spot, message in fault.related]
    edits = [(_place(spot, merged), text) for spot, text in fault.fix if not looks_secret(text)]
    found = Diagnostic(
        code=fault.code,
        severity=RULES[fault.code].severity,
        summary=fault.summary,
        place=_place(fault.spot, merged),
        path=fault.spot.path,
        label=fault.label,
        related=tuple(Related(place, message) for place, message in (*related, *fault.elsewhere) if place is not None),
        hint=fault.hint,
        note=fault.note,
        fix=tuple(Edit(place, text) for place, text in edits if place is not None),
        masked=fault.masked,
    )
    return without_secrets(found)


def without_secrets(found: Diagnostic) -> Diagnostic:
    """Give a finding without what looks like a secret in its words and its path: people paste keys as names too."""
    return replace(
        found,
        summary=redacted(found.summary),
        path=tuple(redacted(each) if isinstance(each, str) else each for each in found.path),
        label=redacted(found.label),
        related=tuple(Related(each.place, redacted(each.message)) for each in found.related),
        hint=redacted(found.hint),
        note=redacted(found.note),
    )


def _place(spot: Spot, merged: Merged) -> Place | None:
    return merged.place(spot.path, key=spot.key) if spot.file is None else merged.start(spot.file)
