"""Findings for a person at a terminal: the words, the line they are about, and a mark under the very characters.

The form is the one that Rust's compiler has made familiar: an arrow for the place, ``:::`` for further places, a
gutter with line numbers, ``= help:`` and ``= note:``. At the end stands what was checked and what came of it.

Always true: nothing that a configuration holds reaches the terminal but through ``cells.clean``.
"""

from collections.abc import Iterator, Sequence

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render.cells import clean
from omniroute.config.render.colour import BY_SEVERITY, Brush, Colour
from omniroute.config.render.context import RenderContext
from omniroute.config.render.excerpt import Line, draw, lead, line_at
from omniroute.config.render.listing import counted, groups, rest, tally
from omniroute.config.render.mask import Masks
from omniroute.config.source import Place

LIMIT = 100
"""The longest excerpt, in cells."""


def render_human(diagnostics: Sequence[Diagnostic], masks: Masks, context: RenderContext) -> str:
    """Render sorted findings, at most twenty for each file, and the summary."""
    return "\n\n".join((*_blocks(diagnostics, masks, context), summary(diagnostics, context))) + "\n"


def summary(diagnostics: Sequence[Diagnostic], context: RenderContext) -> str:
    """Say what was checked, how long it took, what was found, and which configuration it is."""
    checked = [counted(context.files, "files")]
    checked += (counted(many, table) for table, many in context.counts.items() if many)
    took = "" if context.elapsed is None else f" in {context.elapsed:.2f} s"
    result = tally(diagnostics) or "no problems found"
    which = "" if context.config_hash is None else f"   config hash {context.config_hash[:12]}"
    return f"checked {', '.join(checked)}{took}\n{result}{which}"


def _blocks(diagnostics: Sequence[Diagnostic], masks: Masks, context: RenderContext) -> Iterator[str]:
    brush = Brush(colour=context.colour)
    for group in groups(diagnostics):
        yield from (_Block(each, masks, context, brush).text() for each in group.shown)
        if group.hidden:
            yield rest(group)


class _Block:
    """One finding being written down."""

    def __init__(self, diagnostic: Diagnostic, masks: Masks, context: RenderContext, brush: Brush) -> None:
        self._of = diagnostic
        self._masks = masks
        self._context = context
        self._brush = brush
        places = (*((diagnostic.place,) if diagnostic.place else ()), *(each.place for each in diagnostic.related))
        self._gutter = max((len(str(place.span.start.line)) for place in places), default=1)

    def text(self) -> str:
        return "\n".join((*self._head(), *self._related(), *self._tail()))

    def _head(self) -> Iterator[str]:
        of, colour = self._of, BY_SEVERITY[self._of.severity]
        yield f"{self._brush.paint(f'{of.severity}[{of.code}]', colour)}: {clean(of.summary)}"
        if of.place:
            yield self._arrow("-->", of.place)
            yield self._bar()
            yield from (self._numbered(line) for line in lead(of.place, self._masks))
            yield from self._marked(of.place, "^", colour, of.label)

    def _related(self) -> Iterator[str]:
        for each in self._of.related:
            yield self._bar()
            yield self._arrow(":::", each.place)
            yield from self._marked(each.place, "-", Colour.BLUE, each.message)

    def _tail(self) -> Iterator[str]:
        if self._of.hint and self._context.hints:
            command = f"   ({self._context.fix_command})" if self._of.fix and self._context.fix_command else ""
            yield self._remark("help", self._of.hint + command)
        if self._of.note:
            yield self._remark("note", self._of.note)

    def _arrow(self, arrow: str, place: Place) -> str:
        start = place.span.start
        painted = self._brush.paint(f"{' ' * self._gutter}{arrow}", Colour.BLUE)
        return f"{painted} {clean(place.source.name)}:{start.line}:{start.column}"

    def _bar(self, number: str = "") -> str:
        return self._brush.paint(f"{number:>{self._gutter}} |", Colour.BLUE)

    def _numbered(self, line: Line) -> str:
        text = draw(line, LIMIT).text
        return self._bar(str(line.number)) + (f" {text}" if text else "")

    def _marked(self, place: Place, mark: str, colour: Colour, label: str) -> Iterator[str]:
        line = line_at(place, self._masks)
        drawn = draw(line, LIMIT)
        yield self._numbered(line)
        painted = self._brush.paint(" ".join((mark * drawn.width, *((clean(label),) if label else ()))), colour)
        yield f"{self._bar()} {' ' * drawn.indent}{painted}"

    def _remark(self, kind: str, words: str) -> str:
        opening = f"{' ' * self._gutter} = {kind}: "
        first, *further = map(clean, words.split("\n"))
        painted = self._brush.paint(opening.rstrip(), Colour.BLUE)
        return "\n".join((f"{painted} {first}", *(f"{' ' * len(opening)}{line}" for line in further)))
