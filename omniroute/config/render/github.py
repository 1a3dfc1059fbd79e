"""Findings as workflow commands, which GitHub Actions shows beside the lines of a pull request.

Always true: one finding is one line of output, whatever it holds, because what would end the line or the property is
escaped (https://docs.github.com/actions/reference/workflow-commands-for-github-actions). GitHub shows only the first
ten or so of each severity in a step, so a job should print another style as well.
"""

from collections.abc import Iterator, Sequence

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render.context import RenderContext
from omniroute.config.render.mask import Masks
from omniroute.config.rules import RULES
from omniroute.config.source import Place
from omniroute.names import Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def render_github(diagnostics: Sequence[Diagnostic], _masks: Masks, _context: RenderContext) -> str:
    """Render sorted findings, all of them; nothing where there are none."""
    return "".join(f"{_command(each)}\n" for each in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    properties = dict(_where(diagnostic.place)) if diagnostic.place else {}
    properties["title"] = f"{diagnostic.code} {RULES[diagnostic.code].name}"
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[diagnostic.severity]} {written}::{_data(_message(diagnostic))}"


def _where(place: Place) -> Iterator[tuple[str, str]]:
    start, end = place.span.start, place.span.end
    yield "file", place.source.name
    yield "line", str(start.line)
    yield "endLine", str(end.line)
    if start.line == end.line:  # the runner takes columns only then
        yield "col", str(start.column)
        yield "endColumn", str(end.column)


def _message(diagnostic: Diagnostic) -> str:
    """Put in words what the other styles draw: an annotation has no further places."""
    lines = [diagnostic.summary]
    if diagnostic.label:
        lines.append(diagnostic.label)
    for each in diagnostic.related:
        start = each.place.span.start
        lines.append(f"{each.place.source.name}:{start.line}:{start.column}: {each.message}")
    lines += (f"{kind}: {words}" for kind, words in (("help", diagnostic.hint), ("note", diagnostic.note)) if words)
    return "\n".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
