"""Findings for a person who greps: one on a line, its place first, and nothing else.

Always true: a line stands for one finding, but for the last of a file that has too many.
"""

from collections.abc import Iterator, Sequence

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render.cells import clean
from omniroute.config.render.colour import BY_SEVERITY, Brush
from omniroute.config.render.context import RenderContext
from omniroute.config.render.listing import groups, rest
from omniroute.config.render.mask import Masks


def render_concise(diagnostics: Sequence[Diagnostic], _masks: Masks, context: RenderContext) -> str:
    """Render sorted findings, at most twenty for each file; nothing where there are none."""
    brush = Brush(colour=context.colour)
    return "".join(f"{line}\n" for line in _lines(diagnostics, brush))


def _lines(diagnostics: Sequence[Diagnostic], brush: Brush) -> Iterator[str]:
    for group in groups(diagnostics):
        yield from (_line(each, brush) for each in group.shown)
        if group.hidden:
            yield rest(group)


def _line(diagnostic: Diagnostic, brush: Brush) -> str:
    place = ""
    if diagnostic.place:
        start = diagnostic.place.span.start
        place = f"{clean(diagnostic.place.source.name)}:{start.line}:{start.column}: "
    severity = brush.paint(str(diagnostic.severity), BY_SEVERITY[diagnostic.severity])
    return f"{place}{severity} {diagnostic.code} {clean(diagnostic.summary)}"
