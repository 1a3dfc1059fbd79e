"""Is the router tested by the tests of configurations? It is broken here in named ways, and each must be noticed.

A copy of the package is changed by one literal replacement, and ``omniroute test`` of that copy is run in a process of
its own, on ``examples/`` and on ``mutated/``; one of the named tests must fail.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.house.tree import ROOT

EXAMPLES = ROOT / "examples"
HOUSE = Path(__file__).parent / "mutated"


class Mutation(msgspec.Struct, frozen=True):
    """A way to break the router: a file, the text that is replaced in it, and the test that notices."""

    name: str
    file: str
    old: str
    new: str
    config: Path
    noticed_by: str


# literal table
MUTATIONS = (
    Mutation(
        "targets are tried from the last to the first",
        "routing/strategies.py",
        "    return steps_of(combo)\n\n\ndef weighted(",
        "    return steps_of(combo)[::-1]\n\n\ndef weighted(",
        EXAMPLES,
        "the spare model answers when the first is down",
    ),
    Mutation(
        "weights are not read",
        "routing/strategies.py",
        "drawn[place] / (weight or 1)",
        "drawn[place]",
        EXAMPLES,
        "three requests of four go to the first",
    ),
    Mutation(
        "a request that is wrong is tried elsewhere",
        "routing/failure.py",
        "FailureKind.INVALID: Meaning(False,",
        "FailureKind.INVALID: Meaning(True,",
        EXAMPLES,
        "a request that is wrong is not tried elsewhere",
    ),
    Mutation(
        "a request that is too long is not tried elsewhere",
        "routing/failure.py",
        "FailureKind.CONTEXT: Meaning(True,",
        "FailureKind.CONTEXT: Meaning(False,",
        EXAMPLES,
        "an input that was too long for one model is tried on the next",
    ),
    Mutation(
        "another is asked after the client has seen a part of an answer",
        "routing/attempts.py",
        "if failure.started or not meaning.moves:",
        "if not meaning.moves:",
        EXAMPLES,
        "an answer that breaks off is not begun anew by another",
    ),
    Mutation(
        "what a model can take is not looked at",
        "routing/fitness.py",
        "if capabilities and not facts.needs <= capabilities:",
        "if not capabilities and not facts.needs <= capabilities:",
        EXAMPLES,
        "a picture goes past the model that takes none",
    ),
    Mutation(
        "how much a model can take is not looked at",
        "routing/fitness.py",
        "tokens * 5 > context * 6",
        "tokens * 5 < context * 0",
        EXAMPLES,
        "an input that is too long for the only model is refused",
    ),
    Mutation(
        "breakers never open",
        "engine/health.py",
        "elif failure.kind in BREAKS and not failure.blameless:",
        "elif failure.kind in BREAKS and failure.blameless:",
        EXAMPLES,
        "a model that failed five times is left alone",
    ),
    Mutation(
        "breakers never close",
        "routing/fitness.py",
        "seconds = view.open.get(name, view.now) - view.now",
        "seconds = 60.0 if name in view.open else 0.0",
        EXAMPLES,
        "a model that is well again gets its requests back",
    ),
    Mutation(
        "a credential that is used up does not rest",
        "engine/health.py",
        "COOLS = frozenset({FailureKind.BUSY, FailureKind.QUOTA, FailureKind.AUTH})",
        "COOLS = frozenset({FailureKind.BUSY, FailureKind.AUTH})",
        EXAMPLES,
        "while a credit is used up, another provider gets the requests",
    ),
    Mutation(
        "of several failures the one that tells least is reported",
        "routing/failure.py",
        "self.deciding = max(",
        "self.deciding = min(",
        EXAMPLES,
        "where all fail, the client is told to come again",
    ),
    Mutation(
        "a rate limit counts for the provider's other credentials",
        "routing/failure.py",
        'FailureKind.BUSY: Meaning(True, "credential",',
        'FailureKind.BUSY: Meaning(True, "target",',
        HOUSE,
        "a second credential is tried when the first is rate-limited",
    ),
    Mutation(
        "a provider that is down is asked again with another credential",
        "routing/failure.py",
        'FailureKind.DOWN: Meaning(True, "target",',
        'FailureKind.DOWN: Meaning(True, "none",',
        HOUSE,
        "a second credential is not tried where the provider is down",
    ),
    Mutation(
        "the limit of attempts is not heeded",
        "routing/attempts.py",
        "if not run.queue or run.left <= 0 or now >= run.deadline:",
        "if not run.queue or now >= run.deadline:",
        HOUSE,
        "no more attempts are made than are allowed",
    ),
    Mutation(
        "the deadline is not heeded",
        "routing/attempts.py",
        "if not run.queue or run.left <= 0 or now >= run.deadline:",
        "if not run.queue or run.left <= 0:",
        HOUSE,
        "no attempt begins when the time is up",
    ),
    Mutation(
        "a turn is never passed on",
        "routing/strategies.py",
        "start = _turn(combo, situation) % max(1, len(steps))",
        "start = 0",
        HOUSE,
        "turns are taken",
    ),
    Mutation(
        "who answered last is forgotten",
        "routing/strategies.py",
        "good = situation.view.last_good.get(combo.name)",
        "good = None",
        HOUSE,
        "whoever answered last is asked first",
    ),
    Mutation(
        "the widest pattern counts",
        "config/snapshot.py",
        "return (-len(before), -len(after))",
        "return (len(before), len(after))",
        HOUSE,
        "of two patterns the narrower one counts",
    ),
)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, and of what it reads beside it."""
    folder = tmp_path_factory.mktemp("broken")
    shutil.copytree(ROOT / "omniroute", folder / "omniroute", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    return folder


@pytest.fixture
def broken(copied: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The copy with a mutation in it."""
    mutation: Mutation = request.param
    file = copied / "omniroute" / mutation.file
    whole = file.read_text("utf-8")
    assert whole.count(mutation.old) == 1, f"what '{mutation.name}' replaces is not there, or not only once"
    file.write_text(whole.replace(mutation.old, mutation.new), "utf-8")
    yield copied
    file.write_text(whole, "utf-8")


def failed(package: Path, config: Path) -> list[str]:
    """Run the tests of a configuration with this package, and name those that fail."""
    command = [sys.executable, "-B", "-m", "omniroute", "test", "--config", str(config), "--json"]
    done = subprocess.run(
        command, cwd=package, env={"PYTHONPATH": str(package)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return [each["name"] for each in json.loads(done.stdout)["tests"] if not each["passed"]]


@pytest.mark.parametrize("config", [EXAMPLES, HOUSE], ids=["examples", "mutated"])
def test_the_router_as_it_is_passes(copied: Path, config: Path) -> None:
    assert failed(copied, config) == []


@pytest.mark.parametrize(
    ("broken", "mutation"),
    [(each, each) for each in MUTATIONS],
    indirect=["broken"],
    ids=[each.name for each in MUTATIONS],
)
def test_a_broken_router_is_noticed(broken: Path, mutation: Mutation) -> None:
    assert mutation.noticed_by in failed(broken, mutation.config)


def test_the_examples_alone_notice_ten_ways() -> None:
    assert sum(each.config == EXAMPLES for each in MUTATIONS) >= 10
