"""``docs/reference/fidelity.md``: what each pair of formats keeps, from our own samples."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from omniroute.formats import CODECS
from omniroute.ir.loss import Loss
from omniroute.names import Format
from tests.support.fidelity import ASKED, SAID, Fate, asked, losses_of, requests, said
from tests.support.reference.markdown import code, paragraph, table

INTRODUCTION = """\
# Fidelity

What becomes of a request that is asked in one wire format and served in another, and of its answer. Where both are the
same, the bytes are kept and nothing of this page applies. See [translation](../explanation/translation.md) for how and
why.

This page is made from the samples in `tests/wire`, by the code that translates: each sample is written in every other
format, and what its losses name is what is told here. `X-OmniRoute-Loss` tells the same of every answer.

| word | meaning |
| --- | --- |
| kept | it is said, and means the same |
| approximated | something near it is said; reported |
| dropped | nothing of it is said; reported |
| **refused** | it is content that cannot be said: the target is left out before any call |
| **bound** | only a provider of the client's own format can do it: others are left out before any call |
| kept, dropped | some of it is kept and some dropped: what exactly, is listed below the tables |
| – | no sample of the format has it; mostly, the format has no such thing |
"""

WORDS: Mapping[Fate, str] = {
    Fate.KEPT: "kept",
    Fate.APPROXIMATED: "approximated",
    Fate.DROPPED: "dropped",
    Fate.REFUSED: "**refused**",
    Fate.BOUND: "**bound**",
}

Ask = Callable[[Format], Mapping[str, frozenset[Fate]]]


def fidelity_page() -> str:
    """Make the page."""
    upstreams = [wire for wire, codec in CODECS.items() if codec.render_request is not None]
    return "\n".join(
        [
            INTRODUCTION,
            "## Requests\n",
            *(part for client in CODECS for part in _requests(client, upstreams)),
            "## Answers\n",
            *(part for client in CODECS for part in _answers(client, upstreams)),
            "## What is lost, in words\n",
            paragraph(
                "Numbers of messages, parts and tools are left out. Members that only the client's format knows are "
                "dropped, each by its name."
            ),
            *(part for upstream in upstreams for part in _words(upstream)),
        ]
    )


def _requests(client: Format, upstreams: Sequence[Format]) -> Iterator[str]:
    """Say what becomes of a client's requests."""
    others = [wire for wire in upstreams if wire is not client]
    fates = {wire: asked(client, wire) for wire in others}
    yield f"### From a client of {client}\n"
    yield table(("", *(f"to {wire}" for wire in others)), _rows(ASKED, others, lambda wire: fates[wire]))


def _answers(client: Format, upstreams: Sequence[Format]) -> Iterator[str]:
    """Say what becomes of the answers to a client."""
    others = [wire for wire in upstreams if wire is not client]
    fates = {wire: said(wire, client) for wire in others}
    yield f"### To a client of {client}\n"
    yield table(("", *(f"from {wire}" for wire in others)), _rows(SAID, others, lambda wire: fates[wire]))


def _rows(features: Mapping[str, object], others: Sequence[Format], fates: Ask) -> Iterator[Sequence[str]]:
    """Give a row for each feature that a sample has."""
    for name in features:
        cells = [", ".join(WORDS[each] for each in sorted(fates(wire).get(name, ()))) for wire in others]
        if any(cells):
            yield (name, *(cell or "–" for cell in cells))


def _words(upstream: Format) -> Iterator[str]:
    """List what is lost in requests to an upstream's format, and from which formats."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for client in CODECS:
        if client is not upstream:
            for request in requests(client):
                for loss in losses_of(request, CODECS[upstream]):
                    if ".extras." not in f".{loss.path}":
                        found.setdefault(_said(loss), set()).add(client.value)
    yield f"### To {upstream}\n"
    yield table(
        ("what", "how", "why", "from"),
        ((code(what), how, why, ", ".join(sorted(clients))) for (what, how, why), clients in sorted(found.items())),
    )


def _said(loss: Loss) -> tuple[str, str, str]:
    """Give a loss without the numbers of its path, and without what a client named."""
    how = f"{loss.kind}, {loss.weight}"
    return re.sub(r"\[\d+\]", "[]", loss.path), how, re.sub(r"'[^']*'", "'…'", loss.why)
