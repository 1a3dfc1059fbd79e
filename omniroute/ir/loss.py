"""What a translation could not carry, as a value."""

import re
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from omniroute.ir.parts import Extras

RESTATED = "="
"""What a member's name in ``extras`` begins with that only says again, in its format's own words, what the IR says too
(``=max_tokens`` beside ``max_output``): the same format prefers it, and for any other it is no loss."""

LONGEST_SUMMARY = 1_000
"""Characters of a summary: it becomes a header."""
LONGEST_PLACE = 100
"""Characters of one place in it: clients name their members as they like."""

_UNPRINTABLE = re.compile(r"[^!-~]")


class LossKind(StrEnum):
    """``dropped``: nothing of it is said. ``approximated``: something near it is."""

    DROPPED = "dropped"
    APPROXIMATED = "approximated"


class Weight(StrEnum):
    """``setting``: the answer may differ in manner. ``content``: what was to be said or done would be missing."""

    SETTING = "setting"
    CONTENT = "content"


class Loss(msgspec.Struct, frozen=True):
    """One thing that was not carried as it was.

    ``path`` names it in the terms of the IR (``sampling.top_k``, ``messages[2].parts[0].cache``), or, for a member
    that only its own format knows, as ``extras.NAME`` behind the value that it belongs to.
    """

    path: str
    kind: LossKind
    weight: Weight
    why: str


def dropped(path: str, why: str, *, weight: Weight = Weight.SETTING) -> Loss:
    """Name something of which nothing is said."""
    return Loss(path, LossKind.DROPPED, weight, why)


def approximated(path: str, why: str, *, weight: Weight = Weight.SETTING) -> Loss:
    """Name something that is said differently."""
    return Loss(path, LossKind.APPROXIMATED, weight, why)


def foreign(extras: Extras | None, path: str, why: str) -> list[Loss]:
    """Name the members of another format that cannot be written; ``path`` is of what they belong to, "" at the top."""
    if not extras:
        return []
    before = f"{path}.extras" if path else "extras"
    return [dropped(f"{before}.{name}", why) for name in extras if not name.startswith(RESTATED)]


def summary(losses: Iterable[Loss]) -> str:
    """Say losses in a line, each kind of place once: ``top_k dropped, messages[].cache dropped``; "" for none.

    It is a header's value (RFC 9110 §5.5): of a name, only printable ASCII is shown, the rest as ``?``.
    """
    said = dict.fromkeys(f"{_place(loss.path)} {loss.kind}" for loss in losses)
    text = ""
    for left, words in zip(range(len(said), 0, -1), said, strict=True):
        more = f" and {left} more"
        if len(text) + len(words) + len(more) > LONGEST_SUMMARY - len(", "):
            return text + more
        text += f", {words}" if text else words
    return text


def _place(path: str) -> str:
    """Name a place without its numbers, and without the words that only order the IR."""
    steps = [step.partition("[")[0] + "[]" * ("[" in step) for step in path.split(".")]
    place = ".".join(step for step in steps if step not in {"extras", "sampling", "parts[]"}) or path
    return _UNPRINTABLE.sub("?", place[:LONGEST_PLACE])
