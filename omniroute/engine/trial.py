"""A test of the configuration: played, and judged.

Always true: a test is played by the code that serves (``rehearsal``), and passes only where something was expected and
all of it came. What is wrong with the test itself, such as a name that leads nowhere, makes it fail: a test that could
never fail is none.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from omniroute.config.document.behaviour import ConfigTest, ExpectedInTest
from omniroute.config.snapshot import Snapshot
from omniroute.config.trials import Known, mistakes
from omniroute.config.units import money, seconds
from omniroute.config.words import listed
from omniroute.engine.rehearsal import Course, made_up, rehearse
from omniroute.engine.showing import Showing
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
    """Play a test and judge it; ``at`` is when its first request comes where it does not say so, in Unix seconds."""
    wrong = tuple(_mistakes(snapshot, test))
    if wrong:
        return Trial(test, mistakes=wrong)
    asked = test.request
    facts = Facts(
        asked=asked.model,
        format=asked.format,
        stream=asked.stream,
        input_tokens=asked.tokens,
        needs=frozenset(asked.needs),
    )
    moment = at if test.given.at is None else test.given.at.timestamp()
    spent = {name: money(amount) for name, amount in test.given.spent.items()}
    course = Course(test.repeat, seconds(test.every), test.seed, spent)
    request = made_up(facts, Showing(asked.key, moment, asked.session))
    played = rehearse(snapshot, request, script_of(test), course)
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
    if test.request.format not in CODECS:
        yield f"request.format: no client can ask in `{test.request.format}`; write {listed(CODECS)}"
    providers = {name: [one.name for one in each.credentials] for name, each in snapshot.providers.items()}
    known = Known(providers, [each.name for each in snapshot.keys.values()], snapshot.budgets.keys())
    yield from map(str, mistakes(test, known))


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
