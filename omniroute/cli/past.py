"""A past request, explained by the configuration that it was served with.

Always true: the configuration is that of the database, never that of the files, which may have changed; it is loaded by
the function that ``serve`` loads with, and the plan is drawn with the request's own seed. What nobody wrote down is
said to be unknown.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from omniroute.cli.database import find_database
from omniroute.cli.exits import Exit
from omniroute.cli.explained import document, noted
from omniroute.config.load import load
from omniroute.config.origins import Origins
from omniroute.config.render.cells import clean
from omniroute.config.source import Source
from omniroute.engine.files import schema_document, shipped_catalogue
from omniroute.engine.limit_headers import dollars
from omniroute.engine.showing import policy_of
from omniroute.errors import StorageError
from omniroute.formats.translate import sayable
from omniroute.ir.facts import Facts
from omniroute.names import Format, Severity
from omniroute.routing.chance import seed_of
from omniroute.routing.explain import Asking, explain
from omniroute.routing.explanation import Explanation
from omniroute.routing.wording import notes, words
from omniroute.storage.report import PastAttempt, PastConfiguration, PastRequest, past

NOT_WRITTEN = (
    "not written down, and so not in this plan: what breakers, cooldowns and sessions were like at that moment, what "
    "the content of the request needed, and whether its path named a provider"
)


# literal tables: what is told of requests that did not end, and of those that asked nobody
_NEVER_ENDED = {
    "admitted": "it is under way: it was admitted, and has not ended yet",
    "lost": "how it ended is lost: its process died before, and what it cost nobody knows",
}
_NO_ATTEMPTS = {
    "admitted": "not known yet: they are written down when the request ends",
    "lost": "not known: they would have been written down when the request ended",
}


class Told(msgspec.Struct, frozen=True):
    """What can be told of a past request.

    ``missing`` says why there is no explanation, where there is none. ``exact`` says that this version of the gateway
    makes of the files what the gateway made of them then.
    """

    request: PastRequest
    configuration: PastConfiguration | None
    explanation: Explanation | None = None
    missing: str | None = None
    exact: bool = False


def explain_past(request_id: str, database: str | None, config: Path, *, as_json: bool) -> Exit:
    """Print the explanation of a past request; gives the exit code.

    Raises:
        click.ClickException: it cannot be found.
    """
    try:
        path = find_database(database, config)
        found = past(path, request_id)
    except StorageError as error:
        raise click.ClickException(error.message) from None
    if found is None:
        message = f"the database '{path}' has no request '{request_id}'; `omniroute usage --recent 20` lists the last"
        raise click.ClickException(message)
    told = _explained(*found)
    if as_json:
        click.echo(document(told.explanation, _plain(told)), nl=False)
    else:
        click.echo("".join(f"{clean(line)}\n" for line in _happened(told)), nl=False)
        if told.explanation is not None:
            said = (*notes(told.explanation), *_doubts(told, told.explanation), NOT_WRITTEN)
            click.echo(f"\nWhat the configuration had planned:\n\n{words(told.explanation)}{noted(said)}", nl=False)
    return Exit.PROBLEMS if told.explanation is None else Exit.FINE


def _explained(request: PastRequest, kept: PastConfiguration | None) -> Told:
    """Load the configuration of a request, and make its plan again."""
    secret = next((name for name, text in kept.files if text is None), None) if kept is not None else None
    if kept is None or not kept.files:
        return Told(request, kept, missing="the files of its configuration were not kept")
    if secret is not None:
        return Told(request, kept, missing=f"'{secret}' was not kept, for it holds what looks like a secret")
    sources = [Source(name, text or "") for name, text in kept.files]
    shipped = shipped_catalogue()
    loaded = load(shipped, sources, schema_document(), datetime.fromtimestamp(request.at / 1e6, UTC).date())
    if loaded.snapshot is None or loaded.document is None:
        error = next(each for each in loaded.diagnostics if each.severity is Severity.ERROR)
        missing = f"this version of omniroute does not take its configuration any more: {error.code} {error.summary}"
        return Told(request, kept, missing=missing)
    asking = Asking(
        Facts(request.asked, Format(request.format), request.stream, session=request.session or None),
        sayable,
        seed_of(request.request_id.partition("~")[0]),
        key=request.key,
        policy=policy_of(loaded.snapshot, request.key),
    )
    explanation = explain(loaded.snapshot, Origins(loaded.document, sources, shipped), asking)
    return Told(request, kept, explanation, exact=loaded.snapshot.id == kept.config)


def _happened(told: Told) -> Iterator[str]:
    """Say what the ledger knows."""
    request, kept = told.request, told.configuration
    streamed = "streamed" if request.stream else "not streamed"
    yield f"{request.request_id}, at {_moment(request.at)}: '{request.asked}' asked in {request.format}, {streamed}"
    yield from (f"  {line}" for line in _asker(request))
    yield f"  {_end(request)}"
    yield from (f"  {line}" for line in _money(request))
    yield f"  under configuration {request.generation}-{request.config}{_since(kept)}"
    yield from ("", "Attempts that were made:")
    yield from (_attempt(number, each) for number, each in enumerate(request.attempts, 1))
    if not request.attempts:
        yield f"  {_NO_ATTEMPTS.get(request.outcome, 'none')}"
    if told.missing is not None:
        yield from ("", f"Why they were made in this order cannot be told: {told.missing}")


def _asker(request: PastRequest) -> Iterator[str]:
    """Say who asked, and what it called that."""
    parts = (
        f"with key '{request.key}'" if request.key else "",
        f"session '{request.session}'" if request.session else "",
        f"tags {', '.join(request.tags)}" if request.tags else "",
    )
    if any(parts):
        yield ", ".join(filter(None, parts))


def _end(request: PastRequest) -> str:
    """Say how a request ended, or that nobody knows."""
    if request.outcome in _NEVER_ENDED:
        return _NEVER_ENDED[request.outcome]
    if request.cache:
        answered = f", answered by the {request.cache} cache"
    elif request.target:
        answered = f", answered by {request.target} with credential '{request.credential}'"
    else:
        answered = ""
    return f"it ended as {request.outcome} with status {request.status}{_code(request.code)}{answered}"


def _money(request: PastRequest) -> Iterator[str]:
    """Say what it cost, and which budgets paid."""
    if request.cost_nano is not None and request.outcome not in _NEVER_ENDED:
        yield f"it cost {dollars(request.cost_nano)}{', as we estimate it' if request.estimated else ''}"
    if request.budgets:
        paid = ", ".join(f"'{name}' since {_moment(since * 1_000_000)}" for name, since in request.budgets)
        reserved = f", which set {dollars(request.reserved_nano)} aside" if request.reserved_nano is not None else ""
        yield f"paid from budget {paid}{reserved}"


def _since(kept: PastConfiguration | None) -> str:
    if kept is None:
        return ""
    since = f", in force since {_moment(kept.at)}"
    return f"{since}; lines are those of its files at {_moment(kept.first_seen)}" if kept.first_seen else since


def _attempt(number: int, attempt: PastAttempt) -> str:
    """Say how an attempt ended."""
    status = f" {attempt.status}" if attempt.status is not None else ""
    how = attempt.failure or ("answered" if attempt.status is not None else "given up")
    detail = f": {attempt.detail}" if attempt.detail else ""
    return (
        f"  {number}. {attempt.target} with credential '{attempt.credential}': "
        f"{how}{status} after {attempt.micros / 1e6:.2f} s{detail}"
    )


def _doubts(told: Told, explanation: Explanation) -> Iterator[str]:
    """Say where what happened is not what the plan says."""
    if not told.exact:
        yield "this version of omniroute reads these files otherwise than the gateway did then: take lines for hints"
    planned = [(each.target, each.credential) for each in explanation.candidates]
    made = [(each.target, each.credential) for each in told.request.attempts]
    unplanned = next((each for each in made if each not in planned), None)
    if told.request.cache:
        yield f"the {told.request.cache} cache answered, so nobody was asked"
    if unplanned is not None and told.request.budgets:
        yield "a budget without room may have put another model in its place: this plan is for what was asked"
    if unplanned is not None:
        yield f"{unplanned[0]} with credential '{unplanned[1]}' was asked, and is not in this plan"
    elif made and made != planned[: len(made)]:
        yield "the attempts were not made in this order"


def _plain(told: Told) -> dict[str, Any]:
    """Give what is known beside the explanation, for JSON."""
    kept = told.configuration
    return {
        "request": msgspec.to_builtins(told.request),
        "in_force_since": kept.at if kept is not None else None,
        "files_of": kept.first_seen if kept is not None else None,
        "missing": told.missing,
        "exact": told.exact,
        "notes": [*_doubts(told, told.explanation), NOT_WRITTEN] if told.explanation is not None else [],
    }


def _code(code: str) -> str:
    return f" ({code})" if code else ""


def _moment(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
