"""What can be said about a configuration: one structure that every rendering reads.

Always true: a diagnostic never holds the value of a secret. The words in it are ours; the excerpt is cut from
the source when it is rendered, and the renderers mask what lies under a secret's span (``masked``).
"""

import msgspec

from omniroute.config.source import Path, Place
from omniroute.names import Severity


class Related(msgspec.Struct, frozen=True):
    """Another place that a diagnostic speaks of."""

    place: Place
    message: str


class Edit(msgspec.Struct, frozen=True):
    """A replacement of one span that would mend the fault."""

    place: Place
    text: str


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding.

    ``code`` is stable and never used again for something else; ``summary`` is one line that names the thing;
    ``label`` stands under the caret; ``path`` is the place in the document, and ``place`` the one in the text,
    which is absent only where there is no text (a missing file). ``masked`` says that the excerpt holds a secret.
    """

    code: str
    severity: Severity
    summary: str
    place: Place | None = None
    path: Path = ()
    label: str = ""
    related: tuple[Related, ...] = ()
    hint: str = ""
    note: str = ""
    fix: tuple[Edit, ...] = ()
    masked: bool = False


def has_errors(found: tuple[Diagnostic, ...]) -> bool:
    """Say whether any of these must stop a configuration from being used."""
    return any(each.severity is Severity.ERROR for each in found)
