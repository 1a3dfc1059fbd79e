"""Which texts of a configuration may be kept beside what was done by it.

Always true: a text that is kept holds no secret that ``check`` would find (OR4001, whether a comment allows it or not),
and nothing that an excerpt would hide, in its comments neither.
"""

from omniroute.config.plain import secrets_in_clear
from omniroute.config.render.mask import Masks
from omniroute.config.source import Source
from omniroute.config.toml import parse


def keepable(source: Source) -> tuple[str, str | None]:
    """Give a file's name, and its text where that may be kept."""
    return source.name, None if _holds_a_secret(source) else source.text


def _holds_a_secret(source: Source) -> bool:
    """Say whether there is what looks like a secret; of a text that cannot be read nobody knows."""
    parsed, _ = parse(source)
    if parsed is None or any(secrets_in_clear(parsed.values, ())):
        return True
    return bool(Masks(()).line(source, 0, len(source.text)).hidden)
