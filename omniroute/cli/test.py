"""``omniroute test``: the tests of a configuration, run without a network."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from omniroute.cli.course import as_json, told
from omniroute.cli.exits import Exit
from omniroute.cli.junit import Case, junit
from omniroute.cli.options import color_option, config_option
from omniroute.cli.report import refuse, write_file
from omniroute.cli.suite import Written, read_suite
from omniroute.config.render.cells import clean
from omniroute.config.snapshot import Snapshot
from omniroute.engine.coverage import KINDS, Coverage, coverage
from omniroute.engine.trial import Trial, run_test


class Result(msgspec.Struct, frozen=True):
    """A test that was run: where it is written, what came of it, in how many seconds, and the words for a failure."""

    written: Written
    trial: Trial
    seconds: float
    why: tuple[str, ...]


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@config_option
@click.option("-k", "word", metavar="WORD", default="", help="Only tests with this in their name, in any case.")
@click.option("--junit", "xml", type=click.Path(path_type=Path, dir_okay=False), help="Write the results as JUnit XML.")
@click.option(
    "--coverage-fail-under",
    "least",
    type=click.FloatRange(0, 100),
    default=0.0,
    metavar="PERCENT",
    help="Exit with 1 where tests reach less of the aliases, combos, targets and policies.",
)
@click.option("--json", "as_program", is_flag=True, help="Write JSON.")
@color_option
def test(config: Path, paths: tuple[Path, ...], color: str, as_program: bool, **asked: Any) -> None:
    """Run the tests of a configuration: its [[tests]], without a network.

    Tests stand in the files of the configuration, and beside them in *.test.toml, which `serve` never loads. With
    PATHS, only the tests in these files and directories are run, which may be elsewhere. What tests expect is decided
    by the code that serves. At the end, the aliases, combos, targets and policies are listed that no test reaches.
    """
    began = datetime.now(UTC)
    suite = read_suite(config, paths)
    snapshot = suite.reading.snapshot
    if snapshot is None:
        refuse(suite.reading, color, as_json=as_program)
    chosen = [each for each in suite.tests if asked["word"].lower() in each.test.name.lower()]
    if not chosen and (paths or asked["word"]):
        message = f"no test {'is written there' if paths else 'has this in its name'}"
        raise click.BadParameter(message, param_hint="PATHS" if paths else "-k")
    results = [_run(snapshot, each, began.timestamp()) for each in chosen]
    reached = coverage(suite.names, snapshot.policies, [one for each in results for one in each.trial.played])
    if asked["xml"] is not None:
        write_file(asked["xml"], junit([_case(each) for each in results], began))
    if as_program:
        click.echo(json.dumps(_json(results, reached), indent=2))
    else:
        click.echo("\n".join(_words(results, reached)))
    least: float = asked["least"]
    enough = reached.percent >= least
    if not enough:
        click.echo(f"tests reach less than {least:g} % of the configuration", err=True)
    sys.exit(Exit.FINE if enough and all(each.trial.passed for each in results) else Exit.PROBLEMS)


def _run(snapshot: Snapshot, written: Written, at: float) -> Result:
    """Run a test, and find the words for its failure."""
    began = time.perf_counter()
    trial = run_test(snapshot, written.test, at)
    return Result(written, trial, time.perf_counter() - began, tuple(_why(snapshot, trial)))


def _why(snapshot: Snapshot, trial: Trial) -> Iterator[str]:
    """Say why a test failed: what was expected, what happened, and what was decided."""
    yield from map(clean, trial.mistakes)
    for each in trial.differences:
        yield clean(f"{each.key}: expected {each.expected}; got {each.happened}")
    if trial.telling is not None:
        number = next(number for number, each in enumerate(trial.played, 1) if each is trial.telling)
        if len(trial.played) > 1:
            yield f"request {number} of {len(trial.played)}:"
        yield from told(snapshot, trial.telling)


def _words(results: Sequence[Result], reached: Coverage) -> Iterator[str]:
    """Tell each failure, and the sums."""
    failed = [each for each in results if not each.trial.passed]
    for each in failed:
        yield clean(f"{each.written.where}: failed: {each.written.test.name}")
        yield from (f"  {line}" for line in each.why)
        yield ""
    took = sum(each.seconds for each in results)
    yield f"{_many(len(results), 'test')}, {len(failed)} failed, in {took:.2f} s" if results else "there are no tests"
    counts = ((kind, *reached.counts(kind)) for kind in KINDS)
    parts = (f"{found} of {of} {KINDS[kind]}" for kind, found, of in counts if of or kind != "policy")
    yield f"reached: {', '.join(parts)} ({reached.percent:.0f} %)"
    for kind in KINDS:
        names = ", ".join(name for of, name in reached.untouched if of == kind)
        if names:
            yield clean(f"  reached by no test: {KINDS[kind]} {names}")


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _case(result: Result) -> Case:
    place = result.written.place
    return Case(result.written.test.name, place.source.name, place.span.start.line, result.seconds, result.why)


def _json(results: Sequence[Result], reached: Coverage) -> dict[str, Any]:
    return {
        "passed": sum(each.trial.passed for each in results),
        "failed": sum(not each.trial.passed for each in results),
        "tests": [_result(each) for each in results],
        "coverage": {
            "percent": round(reached.percent, 3),
            **{KINDS[kind]: dict(zip(("reached", "of"), reached.counts(kind), strict=True)) for kind in KINDS},
            "untouched": [{"kind": kind, "name": name} for kind, name in reached.untouched],
        },
    }


def _result(each: Result) -> dict[str, Any]:
    trial, place = each.trial, each.written.place
    return {
        "name": each.written.test.name,
        "file": place.source.name,
        "line": place.span.start.line,
        "passed": trial.passed,
        "mistakes": list(trial.mistakes),
        "differences": msgspec.to_builtins(trial.differences),
        "telling": as_json(trial.telling) if trial.telling is not None else None,
    }
