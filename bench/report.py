"""What was measured, as tables: all figures, and those that there are goals for."""

import os
import platform
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from machine import Row

Results = dict[str, list[Row]]
"""By target: a row a round."""
Figures = Callable[[Results], list[float]]
US, OUR = "omniroute", "CPU µs/request"


def of(target: str, figure: str) -> Figures:
    """A figure of a target, round by round."""
    return lambda results: [row[figure] for row in results.get(target, ()) if row.get(figure) is not None]


def ratio(figure: str, target: str = US, to: str = "nginx", same: str | None = None) -> Figures:
    """A target's figure, divided by another's of the same round."""
    return lambda results: [
        mine[figure] / theirs[same or figure] for mine, theirs in pairs(results, target, to, figure, same or figure)
    ]


def added(figure: str, to: str = "direct") -> Figures:
    """How much more our figure is than another target's in the same round; milliseconds of microseconds."""
    return lambda results: [
        (mine[figure] - theirs[figure]) / 1000 for mine, theirs in pairs(results, US, to, figure, figure)
    ]


def pairs(results: Results, target: str, to: str, figure: str, other: str) -> list[tuple[Row, Row]]:
    """Rows of two targets from the same rounds, where both have their figure."""
    both = zip(results.get(target, ()), results.get(to, ()), strict=False)
    return [(mine, theirs) for mine, theirs in both if mine.get(figure) and theirs.get(other)]


def later(results: Results) -> list[float]:
    """How much longer the longest delay of an event is where there is a reload."""
    name, said = "omniroute-large", "longest event delay ms, "
    reload, none = of(name, f"{said}reload")(results), of(name, f"{said}no reload")(results)
    return [mine - theirs for mine, theirs in zip(reload, none, strict=True)]


def bound(results: Results) -> list[float]:
    """How much more a request costs of a caller with a policy, its rates and seats and a budget."""
    return [mine[OUR] - theirs[OUR] for mine, theirs in pairs(results, US, "omniroute-bare", OUR, OUR)]


class Goal(NamedTuple):
    """A figure, the most that it may be, and whether instead it is the least."""

    work: str
    unit: str
    limit: float
    figures: Figures
    least: bool = False


# literal table: the goals that the project has set itself
GOALS = (
    Goal("CPU per small request, same format", "× nginx", 6, ratio(OUR)),
    Goal("the same", "µs", 120, of(US, OUR)),
    Goal("of that, a policy's rates and seats and a budget", "µs", 30, bound),
    Goal("the same, lighter than LiteLLM", "×", 100, ratio(OUR, "litellm", US), least=True),
    Goal("the same, 100 kB prompt", "× nginx", 5, ratio("100 kB: CPU µs/request")),
    Goal("the same", "µs", 350, of(US, "100 kB: CPU µs/request")),
    Goal("translated small request", "× nginx's untranslated", 10, ratio("translated: CPU µs/request", same=OUR)),
    Goal("the same", "µs", 200, of(US, "translated: CPU µs/request")),
    Goal("added latency at 50 requests/s, p50", "ms", 0.7, added("p50 µs at 50/s")),
    Goal("p99 beyond nginx's", "ms", 1, added("p99 µs at 50/s", "nginx")),
    Goal("added time to the first event, p50", "ms", 0.7, added("first event p50 µs")),
    Goal("relayed event, busy, same format", "µs", 15, of(US, "CPU µs/event, flood")),
    Goal("relayed event, busy, translated", "µs", 20, of(US, "translated: CPU µs/event, flood")),
    Goal("2,000 streams held: failed", "", 0, of(US, "2,000 held: failed")),
    Goal("2,000 streams held", "KiB each", 40, of(US, "2,000 held: KiB each")),
    Goal("idle memory", "MiB", 60, of(US, "MiB idle")),
    Goal("cold start to the first answer", "s", 0.8, of(US, "cold start s")),
    Goal("`--workers 2`, CPU per request", "× one worker's", 1.05, ratio(OUR, "omniroute-workers", US)),
    Goal(
        "1,500 providers and 5,000 aliases, CPU per request", "× a small one's", 1.05, ratio(OUR, "omniroute-large", US)
    ),
    Goal("its reload", "s", 2, of("omniroute-large", "reload s")),
    Goal("delay of an event by that reload", "ms", 20, later),
)


def report(results: Results, seconds: float, checks: dict[str, list[float]]) -> str:
    """Say what was measured, on what, how, and how it stands against the goals."""
    rounds = max(map(len, results.values()))
    took = "".join(f"| `omniroute check` on {name} | {spread(each)} s |\n" for name, each in checks.items())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}; {rounds} round{'s' * (rounds > 1)} of {seconds:g} s, one target after the other in each; "
        "median (minimum–maximum). The gateway has one core, the load and the fake provider share the other.\n\n"
        f"## Goals\n\n{goals(results)}\n\n## All figures\n\n{table(results)}\n\n| | |\n|---|---:|\n{took}"
    )


def goals(results: Results) -> str:
    """The goals as a table, a ratio being taken within each round."""
    lines = ["| work | goal | measured | |", "|---|---:|---:|---|"]
    for goal in GOALS:
        got = goal.figures(results)
        sign = "≥" if goal.least else "≤"
        wanted = f"{sign} {goal.limit:g} {goal.unit}".strip()
        if not got:
            lines.append(f"| {goal.work} | {wanted} | not measured | |")
            continue
        middle = statistics.median(got)
        met = middle >= goal.limit if goal.least else middle <= goal.limit
        lines.append(f"| {goal.work} | {wanted} | {spread(got)} | {'met' if met else 'missed'} |")
    return "\n".join(lines)


def table(results: Results) -> str:
    """Every figure, a line each, a column a target."""
    names = list(results)
    figures = list(dict.fromkeys(figure for rows in results.values() for row in rows for figure in row))
    figures.sort(key=lambda figure: figure == "bad")
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for figure in figures:
        cells = [spread(of(name, figure)(results)) for name in names]
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def spread(got: list[float]) -> str:
    """Median, minimum and maximum."""
    return f"{number(statistics.median(got))} ({number(min(got))}–{number(max(got))})" if got else ""


def number(value: float) -> str:
    """Three digits that count, and no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def processor() -> str:
    """The processor's own name for itself."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
