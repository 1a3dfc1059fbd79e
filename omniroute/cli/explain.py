"""``omniroute explain``: who would serve a request, or who was to serve a past one, and which lines decided.

Always true: the plan is made by the function that ``serve`` makes it with. No socket is opened; a secret is looked at
only where ``--check-secrets`` says so, and then only whether it is there.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import click

from omniroute.cli.asker import asker_options, shown
from omniroute.cli.database import database_option, source
from omniroute.cli.exits import Exit
from omniroute.cli.explained import document, noted
from omniroute.cli.loading import read_config
from omniroute.cli.options import color_option, config_option, environment
from omniroute.cli.report import refuse
from omniroute.config.origins import Origins
from omniroute.config.snapshot import Snapshot
from omniroute.engine.files import shipped_catalogue
from omniroute.engine.sample import fitting_of
from omniroute.engine.showing import Showing, let_in, policy_of
from omniroute.errors import Refused, RequestError
from omniroute.formats import CODECS
from omniroute.formats.codec import Asked, Place
from omniroute.formats.glance import facts_of
from omniroute.formats.translate import Translation
from omniroute.ir.facts import Facts
from omniroute.names import Capability, Format
from omniroute.routing.explain import Asking
from omniroute.routing.explain import explain as explain_plan
from omniroute.routing.plan import Fitting
from omniroute.routing.view import View, Where
from omniroute.routing.wording import UNKNOWN, notes, words

REQUEST_ID = re.compile(r"req_[0-9a-f]+(~[0-9]+)?")
"""What ``X-Request-Id`` of an answer holds; the number is the ledger's, should an id have come twice."""

_OF_A_REQUEST = ("body", "wire", "stream", "needs", "session", "seed", "check_secrets", "key", "at")
"""What a past request has said itself."""
_SAID_BY_BODY = ("needs",)


def _capabilities(_context: click.Context, _parameter: click.Parameter, written: str | None) -> frozenset[Capability]:
    """Read a list of capabilities."""
    names = [each.strip() for each in (written or "").split(",") if each.strip()]
    known = [each.value for each in Capability]
    wrong = [each for each in names if each not in known]
    if wrong:
        message = f"'{wrong[0]}' is no capability; write some of {', '.join(known)}"
        raise click.BadParameter(message)
    return frozenset(map(Capability, names))


@click.command()
@config_option
@database_option
@click.argument("what", required=False, metavar="[NAME|REQUEST_ID]")
@click.option(
    "--body", type=click.File("rb"), metavar="FILE", help="A request's body as a client sends it; - is stdin."
)
@click.option(
    "--format",
    "wire",
    type=click.Choice([each.value for each in CODECS]),
    default=Format.OPENAI_CHAT.value,
    show_default=True,
    help="The wire format that the client speaks.",
)
@click.option("--stream", is_flag=True, help="Ask for a stream.")
@click.option("--needs", metavar="LIST", callback=_capabilities, help="What the request needs: images,tools.")
@click.option("--session", metavar="ID", help="The conversation that it belongs to.")
@asker_options
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What chance is drawn from.")
@click.option("--check-secrets", is_flag=True, help="Leave out credentials whose secret is not in this environment.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON document (explanation.schema.json).")
@color_option
def explain(config: Path, what: str | None, database: str | None, as_json: bool, color: str, **asked: Any) -> None:
    """Say who would serve a request, or did, and which lines decided.

    NAME is a model as a client asks for it; with --body, what the body asks for is explained, and NAME is given only
    where the format names the model in the path. Credentials count as usable, for no secret is looked at. With --key,
    that client key's policy holds; without, nobody has to show one, and the policy of [defaults] holds.

    REQUEST_ID (req_…) is a past request, found in the database. It is explained by the configuration as it was then,
    whatever the files say now.
    """
    if what is not None and REQUEST_ID.fullmatch(what):
        _refuse_beside(_OF_A_REQUEST, "a past request")
        # Here and not above: only a past request needs the database's library.
        from omniroute.cli.past import explain_past  # noqa: PLC0415

        sys.exit(explain_past(what, database, config, as_json=as_json))
    try:
        facts, fitting = _read(what, **asked)
    except RequestError as error:
        raise click.ClickException(error.message) from None
    reading = read_config(config)
    if reading.snapshot is None or reading.document is None:
        refuse(reading, color, as_json=as_json)
    origins = Origins(reading.document, reading.sources, shipped_catalogue())
    missing = _unusable(reading.snapshot, reading.where.base) if asked["check_secrets"] else {}
    whom = shown(reading.snapshot, asked["key"], asked["at"])
    policy = policy_of(reading.snapshot, whom.key)
    asking = Asking(
        facts, fitting, asked["seed"], View(unusable=missing), whom.key or "", policy, _refused(reading.snapshot, whom)
    )
    try:
        found = explain_plan(reading.snapshot, origins, asking)
    except RequestError as error:
        raise click.ClickException(error.message) from None
    click.echo(document(found) if as_json else f"{words(found)}{noted((*notes(found), UNKNOWN))}", nl=False)
    sys.exit(Exit.FINE if found.problem is None else Exit.PROBLEMS)


def _refused(snapshot: Snapshot, whom: Showing) -> Refused | None:
    """Say why whoever asks is not let in, if that is so."""
    try:
        let_in(snapshot, whom)
    except Refused as refused:
        return refused
    return None


def _refuse_beside(options: tuple[str, ...], what: str) -> None:
    """Refuse options that say what is said already."""
    given = [each for each in options if source(each) is click.core.ParameterSource.COMMANDLINE]
    if given:
        flag = {"wire": "--format"}.get(given[0], f"--{given[0].replace('_', '-')}")
        message = f"{flag} goes with the name of a model: {what} has said it already"
        raise click.UsageError(message)


def _read(what: str | None, body: BinaryIO | None, wire: str, stream: bool, **flags: Any) -> tuple[Facts, Fitting]:
    """Find out what is asked, and how it fits other formats.

    Raises:
        Malformed: that is no request.
    """
    codec = CODECS[Format(wire)]
    if body is None:
        if what is None:
            message = "name a model, a past request, or a request file with --body"
            raise click.UsageError(message)
        facts = Facts(what, codec.format, stream, needs=flags["needs"], session=flags["session"])
        return facts, fitting_of(facts)
    _refuse_beside(_SAID_BY_BODY, "the body")
    asked = codec.ask(body.read(), Place(what, stream))
    _agree(asked, what, stream)
    return facts_of(asked, codec.format, session=flags["session"]), Translation(codec, asked).fit


def _agree(asked: Asked, what: str | None, stream: bool) -> None:
    """Refuse flags that say otherwise than the body."""
    if what is not None and asked.model != what.removeprefix("models/"):
        message = f"the body asks for '{asked.model}', and not for '{what}': name none beside --body"
        raise click.UsageError(message)
    if stream and not asked.stream:
        message = "the body asks for no stream, and --stream does"
        raise click.UsageError(message)


def _unusable(snapshot: Snapshot, base: Path) -> Mapping[Where, str]:
    """Look every secret up, and give the reasons of those that are not to be had."""
    # Here and not above: nothing else that `explain` does looks at a secret.
    from omniroute.upstream.secrets import resolve_all  # noqa: PLC0415

    missing = resolve_all(snapshot, environment(), base).missing
    return {(provider, credential): reason for provider, credential, reason in missing}
