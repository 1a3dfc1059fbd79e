"""``omniroute simulate``: what would become of a request, if upstreams did as they are told here."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click
from msgspec.structs import replace

from omniroute.cli.asker import asker_options, shown
from omniroute.cli.course import answer, as_json, told
from omniroute.cli.loading import read_config
from omniroute.cli.options import color_option, config_option
from omniroute.cli.report import refuse
from omniroute.cli.table import Column, table
from omniroute.config import units
from omniroute.config.render.cells import clean
from omniroute.config.snapshot import Snapshot
from omniroute.engine.rehearsal import Course, Request, made_up, rehearse
from omniroute.engine.showing import Showing
from omniroute.engine.trial import shares
from omniroute.errors import RequestError
from omniroute.formats import CODECS
from omniroute.formats.codec import Place
from omniroute.formats.glance import facts_of
from omniroute.formats.translate import Translation
from omniroute.ir.facts import Facts
from omniroute.names import Capability, FailureKind, Format
from omniroute.routing.simulate import EVERYBODY, Reply, Script, Simulated

Pairs = list[tuple[str, str]]
Waits = list[tuple[str, float]]


def _seconds(_context: click.Context, parameter: click.Parameter, text: str) -> float:
    """Read a duration, as configurations write it."""
    if not re.fullmatch(units.DURATION, text):
        message = f"'{text}' is no duration; write a number and a unit: 250ms, 2s, 1m30s"
        raise click.BadParameter(message, param=parameter)
    return units.seconds(text)


def _waits(context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> list[tuple[str, float]]:
    """Read ``WHO=TIME,…``."""
    return [(who, _seconds(context, parameter, text)) for who, text in _pairs(context, parameter, texts)]


def _pairs(_context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Read ``WHO=WHAT,…``; names of models may hold a ``=``, and what follows the last one is the value."""
    pairs = [each.strip().rpartition("=") for text in texts for each in text.split(",")]
    for who, _, what in pairs:
        if not who or not what:
            message = f"'{who or what}' is no WHO=WHAT"
            raise click.BadParameter(message, param=parameter)
    return [(who, what) for who, _, what in pairs]


def _amounts(context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> dict[str, int]:
    """Read ``BUDGET=AMOUNT,…``; the currency may stand right behind the number. Gives nano-dollars."""
    amounts: dict[str, int] = {}
    for who, text in _pairs(context, parameter, texts):
        amount = f"{text.removesuffix('USD').strip()} USD"
        if not text.endswith("USD") or not re.fullmatch(units.MONEY, amount):
            message = f"'{text}' is no amount of money; write a number and USD: 190USD, 0.50USD"
            raise click.BadParameter(message, param=parameter)
        amounts[who] = units.money(amount)
    return amounts


@click.command()
@config_option
@click.option("--model", metavar="NAME", help="The name that the client asks for.  [default: the one in the body]")
@click.option("--body", type=click.File("rb"), help="A request as a client would send it; - is standard input.")
@click.option(
    "--format",
    "wire",
    type=click.Choice([each.value for each in CODECS]),
    default=Format.OPENAI_CHAT.value,
    show_default=True,
    help="The wire format that the client speaks.",
)
@click.option("--needs", metavar="WHAT,…", default="", help=f"What the request needs: {', '.join(Capability)}.")
@click.option("--stream", is_flag=True, help="The answer is to be streamed.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, another draw.")
@click.option(
    "--fail",
    metavar="WHO=WHAT,…",
    multiple=True,
    callback=_pairs,
    help=f"What upstreams do: an HTTP status, or one of {', '.join(FailureKind)}.",
)
@click.option(
    "--retry-after",
    "waits",
    metavar="WHO=TIME,…",
    multiple=True,
    callback=_waits,
    help="When those that fail want to be asked again.",
)
@click.option("--repeat", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How often it comes.")
@click.option("--every", default="1s", show_default=True, callback=_seconds, help="How long after one the next comes.")
@asker_options
@click.option("--session", metavar="ID", help="The conversation that it belongs to.")
@click.option(
    "--spent",
    metavar="BUDGET=AMOUNT,…",
    multiple=True,
    callback=_amounts,
    help="What was spent of budgets before: team-a=190USD.",
)
@click.option("--json", "as_program", is_flag=True, help="Write JSON.")
@color_option
def simulate(config: Path, color: str, as_program: bool, fail: Pairs, waits: Waits, **asked: Any) -> None:
    """Play a request through, without a network.

    What is decided is what `serve` would decide. Credentials are taken to be there. With --key, that client key's
    policy holds: what it allows, its hours, rates and budgets; without, nobody has to show one, and the policy of
    [defaults] holds. A request that is answered is taken to cost all that is set aside for it.

    WHO is a provider, a target, or either with #CREDENTIAL behind it; or * for everybody. The nearest counts. Several
    for one WHO are given one after the other, and the last of them from then on. Whoever is not named answers with 200.

    With --repeat, what is learnt from one request counts for the next, and the shares of targets are printed.
    """
    reading = read_config(config)
    if reading.snapshot is None:
        refuse(reading, color, as_json=as_program)
    whom = shown(reading.snapshot, asked["key"], asked["at"], asked["session"])
    request = _request(asked, whom)
    script = _script(reading.snapshot, fail, waits)
    course = Course(asked["repeat"], asked["every"], asked["seed"], _known_budgets(reading.snapshot, asked["spent"]))
    played = rehearse(reading.snapshot, request, script, course)
    if as_program:
        click.echo(json.dumps(_json(reading.snapshot, request, course, played), indent=2))
    else:
        click.echo("\n".join(_words(reading.snapshot, request, course, played)))


def _request(said: Mapping[str, Any], whom: Showing) -> Request:
    """Make the request: read from a body, or made up."""
    body: BinaryIO | None = said["body"]
    model: str | None = said["model"]
    wire, stream = Format(said["wire"]), bool(said["stream"])
    needed = frozenset(map(_capability, filter(None, said["needs"].split(","))))
    if body is None:
        if model is None:
            message = "say what is asked for: --model NAME, or a request with --body FILE"
            raise click.UsageError(message)
        return made_up(Facts(asked=model, format=wire, stream=stream, needs=needed), whom)
    codec = CODECS[wire]
    try:
        asked = codec.ask(body.read(), Place(model, stream or None))
    except RequestError as error:
        raise click.BadParameter(error.message, param_hint="--body") from None
    seen = facts_of(asked, wire)
    facts = replace(seen, asked=model or seen.asked, stream=stream or seen.stream, needs=seen.needs | needed)
    return Request(facts, asked, Translation(codec, asked).fit, whom)


def _known_budgets(snapshot: Snapshot, spent: Mapping[str, int]) -> Mapping[str, int]:
    """Refuse budgets that there are not."""
    unknown = next((each for each in spent if each not in snapshot.budgets), None)
    if unknown is not None:
        message = f"there is no budget '{unknown}'; there are: {', '.join(snapshot.budgets) or 'none'}"
        raise click.BadParameter(message, param_hint="--spent")
    return spent


def _capability(word: str) -> Capability:
    try:
        return Capability(word.strip())
    except ValueError:
        message = f"'{word}' is not one of {', '.join(Capability)}"
        raise click.BadParameter(message, param_hint="--needs") from None


def _script(snapshot: Snapshot, fail: Pairs, waits: Waits) -> Script:
    """Put together what upstreams do."""
    script: dict[str, tuple[Reply, ...]] = {}
    for who, what in fail:
        if not _known(snapshot, who):
            message = f"'{who}' is none of {', '.join(snapshot.providers)}, nor a target or a credential of them"
            raise click.BadParameter(message, param_hint="--fail")
        script[who] = (*script.get(who, ()), Reply(_what(what)))
    for who, wait in waits:
        if who not in script:
            message = f"'{who}' does not fail: name it with --fail as well"
            raise click.BadParameter(message, param_hint="--retry-after")
        script[who] = tuple(each if each.what == 200 else replace(each, retry_after=wait) for each in script[who])
    return script


def _known(snapshot: Snapshot, who: str) -> bool:
    """Say whether a place in a script can be that of a candidate."""
    place, marked, credential = who.rpartition("#")
    if not marked:
        place = who
    provider, slash, model = place.partition("/")
    known = snapshot.providers.get(provider)
    if known is None or (slash and not model):
        return who == EVERYBODY
    return not marked or any(each.name == credential for each in known.credentials)


def _what(word: str) -> int | FailureKind:
    if word.isascii() and word.isdigit() and 100 <= int(word) <= 599:
        return int(word)
    try:
        return FailureKind(word)
    except ValueError:
        message = f"'{word}' is neither an HTTP status nor one of {', '.join(FailureKind)}"
        raise click.BadParameter(message, param_hint="--fail") from None


def _words(snapshot: Snapshot, request: Request, course: Course, played: tuple[Simulated, ...]) -> Iterator[str]:
    """Tell one request's course, or what came of several."""
    facts, key = request.facts, request.shown.key
    streamed = "streamed" if facts.stream else "not streamed"
    whose = f", with key '{key}'" if key is not None else ""
    yield clean(f"'{facts.asked}' asked in {facts.format}, {streamed}, seed {course.seed}{whose}")
    if course.times == 1:
        yield from told(snapshot, played[0])
        return
    yield f"{course.times} requests, one every {course.every:g} s"
    first, answered = shares(played, first=True), shares(played)
    rows = [
        (each, f"{first.get(each, 0):.1%}", f"{answered.get(each, 0):.1%}")
        for each in dict.fromkeys([*first, *answered])
    ]
    yield table((Column("target", words=True), Column("asked first"), Column("answered")), rows, None)
    for status, count in _statuses(played).items():
        yield f"status {status}: {count / course.times:.1%}"
    downgraded = sum(bool(each.downgraded) for each in played)
    if downgraded:
        yield f"downgraded, because a budget had no room: {downgraded / course.times:.1%}"
    if played[-1].server is None:
        yield clean(f"the last one: {answer(played[-1])}")


def _json(snapshot: Snapshot, request: Request, course: Course, played: tuple[Simulated, ...]) -> dict[str, Any]:
    facts, shown_by = request.facts, request.shown
    return {
        "config": snapshot.id,
        "request": {
            "model": facts.asked,
            "format": facts.format,
            "stream": facts.stream,
            "needs": sorted(facts.needs),
            "input_tokens": facts.input_tokens,
            "key": shown_by.key,
            "session": shown_by.session,
            "at": shown_by.at,
        },
        "seed": course.seed,
        "repeat": course.times,
        "every_seconds": course.every,
        "shares": {"asked_first": shares(played, first=True), "answered": shares(played)},
        "statuses": {str(status): count for status, count in _statuses(played).items()},
        "last": as_json(played[-1]),
    }


def _statuses(played: tuple[Simulated, ...]) -> dict[int, int]:
    return dict(Counter(each.status for each in played).most_common())
