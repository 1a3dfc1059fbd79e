"""Findings as people and programs read them.

Always true: every style shows the same findings in the same order; none shows a secret, and all mask by the same
``Masks``, which know the masked spans of the whole run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render.concise import render_concise
from omniroute.config.render.context import RenderContext
from omniroute.config.render.github import render_github
from omniroute.config.render.human import render_human
from omniroute.config.render.listing import arrange
from omniroute.config.render.machine import render_json
from omniroute.config.render.mask import Masks
from omniroute.config.render.sarif import render_sarif
from omniroute.names import Severity

__all__ = ["STYLES", "RenderContext", "render"]

_Renderer = Callable[[Sequence[Diagnostic], Masks, RenderContext], str]

STYLES: Mapping[str, _Renderer] = MappingProxyType(
    {
        "human": render_human,
        "concise": render_concise,
        "json": render_json,
        "github": render_github,
        "sarif": render_sarif,
    }
)
"""What renders each style, by the name that people choose it by."""


def render(diagnostics: Iterable[Diagnostic], style: str, context: RenderContext) -> str:
    """Render findings in one of ``STYLES``.

    Returns:
        Text that ends in a line feed, or is empty: ``concise`` and ``github`` say nothing where nothing was found.

    Raises:
        KeyError: There is no such style.
    """
    found = tuple(diagnostics)
    listed = (each for each in found if context.hints or each.severity is not Severity.HINT)
    return STYLES[style](arrange(listed), Masks(found), context)
