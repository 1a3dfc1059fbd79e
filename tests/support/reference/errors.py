"""``docs/reference/errors.md``: every error that a client can see, from the code."""

import inspect
import json
from collections.abc import Iterator

from omniroute.errors import ConfigError, OmniRouteError, Refused, RequestError
from omniroute.formats import CODECS
from omniroute.formats.codec import ErrorView
from omniroute.names import FailureKind, Format
from omniroute.routing.failure import MEANING, AllFailed, Failure, Meaning
from omniroute.routing.judge import BY_STATUS
from tests.support.reference.markdown import code, fenced, paragraph, table

UNSEEN = (OmniRouteError, ConfigError, RequestError, Refused, AllFailed)
"""Classes that no client is answered with: bases, what ends the process, and what the table of failures tells."""

PAGES: tuple[tuple[str, int, str], ...] = (
    ("not_found", 404, "There is nothing at this path."),
    ("method_not_allowed", 405, "The path does not answer this method; the header `Allow` says which it does."),
)
"""What is said of paths and methods."""

HAPPENED: dict[FailureKind, str] = {
    FailureKind.INVALID: "The upstream finds the request itself wrong.",
    FailureKind.REFUSED: "The upstream refuses what was asked: a content filter.",
    FailureKind.CONTEXT: "The request is too long for this model.",
    FailureKind.CUT: "The answer ended before it was complete.",
    FailureKind.BUSY: "The upstream limits the rate, or is overloaded.",
    FailureKind.NOT_FOUND: "The upstream does not know the model.",
    FailureKind.TIMEOUT: "One of the configured timeouts passed.",
    FailureKind.MALFORMED: "What came is not HTTP, not JSON, or holds no answer.",
    FailureKind.DOWN: "The upstream cannot be reached, or fails by itself.",
    FailureKind.QUOTA: "Our credit with the upstream is used up.",
    FailureKind.AUTH: "The upstream does not accept *our* credential.",
}

SPOILT = {
    "none": "any other",
    "credential": "any other credential",
    "target": "any other target",
}


def errors_page() -> str:
    """Make the page."""
    return "\n".join(
        [
            "# Errors\n",
            paragraph(
                "An error is written as the client's own API writes errors, so that its SDK knows it. Whatever the "
                "API, it holds a stable code, the request's id (`X-Request-Id`), and each attempt that failed. The "
                "codes are a public interface: they do not change their meaning."
            ),
            fenced(_shown(), "json"),
            "## Of the gateway\n",
            table(("code", "status", "what happened"), _own()),
            "## Of upstreams\n",
            paragraph(
                "A failure before the first token moves on to what else could answer: another credential of the same "
                "provider, another target of the combo. Where nothing is left, the client is told of the failure that "
                "says most, which is the one that stands highest here."
            ),
            table(("kind", "what happened", "may be answered by", "status", "code"), _failures()),
            paragraph(
                "After the first token nothing else is tried: a stream that breaks ends with an error event of the "
                "client's API, and never as if it were complete. `Retry-After` is the shortest time that one of the "
                "busy upstreams asked for."
            ),
            "## How an upstream's status is read\n",
            paragraph(
                "A structured code in the body may make it more precise, such as `context_length_exceeded` or "
                "`insufficient_quota`; words are never searched. Other 4xx count as invalid, other 5xx as down."
            ),
            table(("status", "kind"), ((str(status), code(kind)) for status, kind in sorted(BY_STATUS.items()))),
        ]
    )


def _shown() -> str:
    """Write an error as a client of the first wire format reads it."""
    attempt: dict[str, str | int | None] = {
        "target": "openai/gpt-5",
        "credential": "default",
        "kind": FailureKind.BUSY.value,
        "status": 429,
        "detail": "the upstream asks to wait for 20 s",
    }
    meaning = MEANING[FailureKind.BUSY]
    message = f"'coding' could not be answered: {attempt['target']}: {attempt['detail']}"
    view = ErrorView(meaning.status, meaning.code, message, "req_0123456789abcdef01234567", attempts=(attempt,))
    return json.dumps(json.loads(CODECS[Format.OPENAI_CHAT].render_error(view)), indent=2, ensure_ascii=False)


def _own() -> Iterator[tuple[str, str, str]]:
    """Give the errors of the tree, and those of paths."""
    for error in _tree(OmniRouteError):
        if error not in UNSEEN and error.__module__ == OmniRouteError.__module__:
            yield (
                code(error.code),
                str(error.status),
                inspect.cleandoc(error.__doc__ or "").split("; ``")[0].rstrip(".") + ".",
            )
    yield from ((code(name), str(status), meaning) for name, status, meaning in PAGES)


def _tree(error: type[OmniRouteError]) -> Iterator[type[OmniRouteError]]:
    yield error
    for each in error.__subclasses__():
        yield from _tree(each)


def _failures() -> Iterator[tuple[str, str, str, str, str]]:
    for kind, meaning in sorted(MEANING.items(), key=lambda each: -each[1].weight):
        others = SPOILT[meaning.spoils] if meaning.moves else "nothing else"
        yield code(kind), HAPPENED[kind], others, _status(kind, meaning), code(meaning.code)


def _status(kind: FailureKind, meaning: Meaning) -> str:
    """Give the status that the client sees; where it can be the upstream's own, say so."""
    failure = Failure(kind, "a/b", "c", "", status=418)  # type: ignore[arg-type]  # names, as good as any
    return (
        f"{meaning.status}, or the upstream's own" if AllFailed("x", [failure]).status == 418 else str(meaning.status)
    )
