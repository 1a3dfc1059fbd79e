"""Checks of tests: that they could pass, and could fail."""

from collections.abc import Iterator

from omniroute.config.checks.policies import askable, can_be_asked
from omniroute.config.checks.world import World
from omniroute.config.compile import DEFAULT_CREDENTIAL
from omniroute.config.document.behaviour import ConfigTest
from omniroute.config.faults import Fault, Spot
from omniroute.config.source import Path
from omniroute.config.trials import Known, mistakes
from omniroute.config.words import did_you_mean

_NAMES = frozenset({("expect", "shares"), ("given", "spent")})
"""Tables whose keys are what is named."""


def tests_can_pass_and_fail(world: World) -> Iterator[Fault]:
    """OR3013: what a test names is there, and it expects something that could come."""
    if not world.document.tests:
        return
    known, models = _known(world), tuple(askable(world))
    for index, test in enumerate(world.document.tests):
        for mistake in mistakes(test, known):
            hint = did_you_mean(mistake.name, mistake.among) if mistake.name else ""
            label = "no such name" if mistake.name else ""
            yield _fault(f"test `{test.name}`: {mistake.words}", ("tests", index, *mistake.path), label, hint)
        model = test.request.model
        if _is_to_be_answered(test) and not can_be_asked(world, model, models):
            summary = f"test `{test.name}`: it expects an answer of `{model}`, and nothing has such a name"
            hint = did_you_mean(model, models)
            yield _fault(summary, ("tests", index, "request", "model"), "no such name", hint)


def _fault(summary: str, path: Path, label: str, hint: str) -> Fault:
    return Fault("OR3013", summary, Spot(path, key=path[2:4] in _NAMES), label=label, hint=hint)


def _is_to_be_answered(test: ConfigTest) -> bool:
    """Say whether a test only passes where somebody is asked."""
    expect = test.expect
    return expect.status == 200 or bool(expect.attempts) or expect.server is not None


def _known(world: World) -> Known:
    """Give what is written, sound or not."""
    providers: dict[str, tuple[str, ...] | None] = dict.fromkeys(world.written("providers"))
    for name, provider in world.document.providers.items():
        listed = tuple(each.name for each in provider.credentials or ())
        providers[name] = listed or (DEFAULT_CREDENTIAL,)
    return Known(providers, world.written("keys").keys(), world.written("budgets").keys())
