"""A test of the configuration: played, and judged.

Always true: a test is played by the code that serves (``rehearsal``), and passes only where something was expected and
all of it came. What is wrong with the test itself, such as a name that leads nowhere, makes it fail: a test that could
never fail is none.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from omniroute.config.document.behaviour import ConfigTest, ExpectedInTest, UpstreamInTest
from omniroute.config.snapshot import Snapshot
from omniroute.config.units import seconds
from omniroute.config.words import listed
from omniroute.engine.rehearsal import Course, Request, Showing, key_named, rehearse
from omniroute.engine.sample import fitting_of
from omniroute.formats import CODECS
from omniroute.ir.facts import Facts
from omniroute.routing.simulate import EVERYBODY, Reply, Script, Simulated


class Difference(msgspec.Struct, frozen=True):
    """An expectation that was not met: its key, what was expected, and what happened."""

    key: str
    expected: str
    happened: str


class Trial(msgspec.Struct, frozen=True):
    """What came of a test.

    ``mistakes`` are what is wrong with the test itself; where there are any, nothing was played. ``telling`` is the
    request that tells most of why it failed.
    """

    test: ConfigTest
    played: tuple[Simulated, ...] = ()
    mistakes: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    telling: Simulated | None = None

    @property
    def passed(self) -> bool:
        """Whether all that was expected came."""
        return not self.mistakes and not self.differences


def run_test(snapshot: Snapshot, test: ConfigTest, at: float) -> Trial:
    """Play a test and judge it; ``at`` is the time at which its client key is looked at, in Unix seconds."""
    mistakes = tuple(_mistakes(snapshot, test))
    if mistakes:
        return Trial(test, mistakes=mistakes)
    asked = test.request
    facts = Facts(
        asked=asked.model,
        format=asked.format,
        stream=asked.stream,
        input_tokens=asked.tokens,
        needs=frozenset(asked.needs),
    )
    request = Request(facts, fitting_of(facts), Showing(asked.key, at))
    played = rehearse(snapshot, request, script_of(test), Course(test.repeat, seconds(test.every), test.seed))
    other = next((each for each in played if test.expect.status not in {None, each.status}), None)
    differences = tuple(_differences(test.expect, played, other or played[-1]))
    return Trial(test, played, (), differences, (other or played[-1]) if differences else None)


def script_of(test: ConfigTest) -> Script:
    """Give what upstreams do in a test."""
    script: dict[str, tuple[Reply, ...]] = {}
    for each in test.given.upstream:
        who = each.target or each.provider or EVERYBODY
        place = f"{who}#{each.credential}" if each.credential is not None else who
        wait = seconds(each.retry_after) if each.retry_after is not None else None
        script[place] = (*script.get(place, ()), Reply(each.failure or each.status or 200, wait))
    return script


def _mistakes(snapshot: Snapshot, test: ConfigTest) -> Iterator[str]:
    """Say what is wrong with a test itself."""
    key, expect = test.request.key, test.expect
    if key is not None and key_named(snapshot, key) is None:
        yield f"request.key: there is no client key `{key}`"
    if test.request.format not in CODECS:
        yield f"request.format: no client can ask in `{test.request.format}`; write {listed(CODECS)}"
    for number, each in enumerate(test.given.upstream, 1):
        yield from (f"given.upstream, answer {number}: {words}" for words in _misgiven(snapshot, each))
    if expect.attempts is None and expect.status is None and expect.server is None and not expect.shares:
        yield "expect: it expects nothing; write `attempts`, `status`, `server` or `shares`"
    for target in (*(expect.attempts or ()), *filter(None, [expect.server]), *(expect.shares or ())):
        if not _leads_somewhere(snapshot, target):
            yield f"expect: `{target}` is no target of this configuration; a target is provider/model"


def _misgiven(snapshot: Snapshot, given: UpstreamInTest) -> Iterator[str]:
    """Say what is wrong with what an upstream is given to do."""
    if given.provider is not None and given.target is not None:
        yield "`provider` and `target` exclude each other"
    if (given.status is None) == (given.failure is None):
        yield "write either `status` or `failure`"
    if given.provider is not None and given.provider not in snapshot.providers:
        yield f"there is no provider `{given.provider}`"
    if given.target is not None and not _leads_somewhere(snapshot, given.target):
        yield f"`{given.target}` is no target of this configuration; a target is provider/model"
    who = given.provider or given.target
    if given.credential is not None and who is None:
        yield "`credential` needs a `provider` or a `target`"
    provider = snapshot.providers.get((who or "").partition("/")[0])
    if provider is not None and given.credential not in {None, *(each.name for each in provider.credentials)}:
        yield f"provider `{provider.name}` has no credential `{given.credential}`"


def _leads_somewhere(snapshot: Snapshot, target: str) -> bool:
    provider, slash, model = target.partition("/")
    return bool(slash and model) and provider in snapshot.providers


def _differences(expect: ExpectedInTest, played: tuple[Simulated, ...], shown: Simulated) -> Iterator[Difference]:
    """Say which expectations were not met; ``shown`` is a request whose status is told."""
    last = played[-1]
    tried = tuple(each.candidate.target.id for each in last.attempts)
    if expect.status is not None and shown.status != expect.status:
        yield Difference("status", str(expect.status), f"{shown.status} {shown.code}".rstrip())
    if expect.attempts is not None and tried != expect.attempts:
        yield Difference("attempts", _in_order(expect.attempts), _in_order(tried))
    if expect.server is not None and last.server != expect.server:
        yield Difference("server", expect.server, last.server or "nobody answered")
    answered = shares(played)
    for target, share in (expect.shares or {}).items():
        found = answered.get(target, 0.0)
        if abs(found - share) > expect.tolerance + 1e-9:
            yield Difference(f"share of {target}", f"{share:.3g} ± {expect.tolerance:.3g}", f"{found:.3g}")


def shares(played: tuple[Simulated, ...], *, first: bool = False) -> dict[str, float]:
    """Give the share of all requests that each target answered, or was asked ``first`` in; the largest first."""
    who = [
        (each.attempts[0].candidate.target.id if first else each.server) if each.attempts else None for each in played
    ]
    return {target: count / len(played) for target, count in Counter(filter(None, who)).most_common()}


def _in_order(targets: tuple[str, ...]) -> str:
    return ", ".join(targets) or "none"
