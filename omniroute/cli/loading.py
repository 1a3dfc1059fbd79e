"""Reading a configuration for a command that looks at it: ``check``, ``show``, ``usage``, ``explain``, ``graph``.

Always true: it is read as ``serve`` reads it, so what checks is what serves. Files alone are looked at: no network, no
secret.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from omniroute import __version__
from omniroute.cli.exits import Exit
from omniroute.config.diagnostics import Diagnostic, has_errors
from omniroute.config.document import Document
from omniroute.config.load import Further, load
from omniroute.config.render import RenderContext
from omniroute.config.snapshot import Snapshot
from omniroute.config.source import Source
from omniroute.engine.files import ConfigPath, find_config, read_tree, schema_document, shipped_catalogue
from omniroute.names import Severity


class Reading(msgspec.Struct, frozen=True):
    """What came of reading a configuration; ``context`` is what a rendering of ``found`` says besides.

    ``sources`` are the files as they were read.
    """

    where: ConfigPath
    snapshot: Snapshot | None
    document: Document | None
    found: tuple[Diagnostic, ...]
    context: RenderContext
    sources: tuple[Source, ...] = ()


def read_config(path: Path, further: Further | None = None) -> Reading:
    """Read and compile a configuration.

    Where a file cannot be read at all, that is all that is found: what is wrong with the others may hang on it.
    ``further`` is what to look for besides.
    """
    where = find_config(path)
    tree = read_tree(where)
    files = len(tree.files)
    if has_errors(tree.faults):
        return Reading(where, None, None, tree.faults, RenderContext(__version__, files=files))
    loaded = load(shipped_catalogue(), tree.sources, schema_document(), datetime.now(UTC).date(), further)
    context = RenderContext(
        version=__version__,
        config_hash=loaded.snapshot.id if loaded.snapshot else None,
        files=files,
        counts=loaded.counts,
    )
    found = (*tree.faults, *loaded.diagnostics)
    return Reading(where, loaded.snapshot, loaded.document, found, context, tree.sources)


def verdict(where: ConfigPath, found: Iterable[Diagnostic], *, deny_warnings: bool = False) -> Exit:
    """Give the exit code that findings lead to."""
    severities = {each.severity for each in found}
    if not where.path.exists():
        return Exit.USAGE
    if Severity.ERROR in severities:
        return Exit.PROBLEMS
    return Exit.WARNINGS if deny_warnings and Severity.WARNING in severities else Exit.FINE
