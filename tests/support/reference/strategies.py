"""``docs/reference/strategies.md``: what each strategy does, in the words of the function that does it."""

import inspect
from collections.abc import Callable, Iterator

from omniroute.routing.credentials import CREDENTIAL_STRATEGIES
from omniroute.routing.strategies import STRATEGIES
from tests.support.reference.markdown import code, paragraph, table

INTRODUCTION = (
    "A strategy puts the targets of a combo into an order. The first that can serve the request is asked; when it "
    "fails before its first token, the next is. A strategy leaves nobody out: what cannot serve a request, or rests, "
    "is skipped afterwards, whatever its place.",
    "A combo within a combo is one thing to choose: it is ordered by its own strategy and takes its place as a whole, "
    "and where a strategy compares, the best of its targets counts. A target that comes more than once keeps its first "
    "place. Counts, averages and shares are those of this process since its start.",
    "A request that names its session (`X-Session-Id`) goes to the target and the credential that answered the session "
    "last, whatever the strategy, as long as they can serve it: its provider may have the conversation in its cache. "
    "Where none is named, a conversation is known by how it begins, and stays with a model whose provider keeps "
    "prompts from its second turn on (`resilience.sticky`).",
)

OF_CREDENTIALS = (
    "`credential_strategy` says which of a provider's credentials is asked with first. Whatever it says, those that "
    "rest after a refusal come after those that are free, and a lower `priority` number goes before a higher: the "
    "strategy decides among credentials of the same priority."
)


def strategies_page() -> str:
    """Make the page."""
    return "\n".join(
        [
            "# Strategies\n",
            *map(paragraph, INTRODUCTION),
            "## Of combos\n",
            *(part for name, strategy in STRATEGIES.items() for part in _section(name, strategy)),
            "## Of credentials\n",
            paragraph(OF_CREDENTIALS),
            table(
                ("`credential_strategy`", "what goes first"),
                ((code(name), _words(strategy)) for name, strategy in CREDENTIAL_STRATEGIES.items()),
            ),
        ]
    )


def _section(name: str, strategy: Callable[..., object]) -> Iterator[str]:
    """Give a heading, and the paragraphs of a docstring."""
    yield f"### {code(name)}\n"
    yield from map(paragraph, _words(strategy).split("\n\n"))


def _words(strategy: Callable[..., object]) -> str:
    """Give a docstring as Markdown."""
    return inspect.cleandoc(strategy.__doc__ or "").replace("``", "`")
