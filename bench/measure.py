"""Measures OmniRoute, nginx and LiteLLM in one run against a direct call; see README.md.

measure.py [--rounds 3] [--seconds 4] [--targets direct,nginx,omniroute,…] [--out bench/results] [--publish]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine import MESSAGES, Row, Target, provider, running
from report import Results, report
from targets import HERE, OMNIROUTE, TARGETS, TRANSLATING, large, present

ROOT = HERE.parent
PUBLISHED = ROOT / "docs" / "performance"
WHOLE_PROGRAMME = {"direct", "nginx", "omniroute", "litellm"}
"""The others are only asked for whole answers."""
HOLDING = {"nginx", "omniroute"}
HELD = 2_000
RAMP = 5.0
"""Seconds in which the held streams begin; each lasts 12 seconds."""
SLOW = 20
AT = 2.0
"""When a reload is asked for, in seconds since its streams began, which last 8 each."""


Note = Callable[..., None]


def measure(target: Target, seconds: float, upstream: str) -> Row:
    """One round of one target; CPU times are microseconds of the gateway alone, all its processes together."""
    idle = target.memory()
    target.load("closed", "whole", seconds=min(2.0, seconds))
    row: Row = {"bad": 0, "cold start s": target.cold, "MiB idle": mib(idle), "MiB after warm-up": mib(target.memory())}

    def note(got: Row, **figures: float | None) -> None:
        row["bad"] += int(got.get("bad", 0))
        row.update(figures)

    if target.name in HOLDING:
        row.update(held(target))  # before anything else has made room in the heap
    whole_answers(target, seconds, note)
    if target.name in WHOLE_PROGRAMME:
        streams(target, seconds, note)
    if target.name in TRANSLATING:
        translated(target, seconds, note)
    if target.name == "omniroute-large":
        row.update(reload(target, upstream))
    return row


def whole_answers(target: Target, seconds: float, note: Note) -> None:
    small = target.load("closed", "whole", seconds=seconds)
    cost = per(small, "requests")
    note(small, **{"CPU µs/request": cost, "requests/s per core": 1e6 / cost if cost else None})
    big = target.load("closed", "whole", size=100_000, seconds=seconds)
    note(big, **{"100 kB: CPU µs/request": per(big, "requests")})


def streams(target: Target, seconds: float, note: Note) -> None:
    rate = target.load("rate", "whole", seconds=seconds)
    note(rate, **{"p50 µs at 50/s": rate.get("p50_us"), "p99 µs at 50/s": rate.get("p99_us")})
    slow = target.load("stream", "stream-100-20", connections=SLOW, seconds=seconds)
    note(slow, **{"first event p50 µs": slow.get("first_p50_us"), "event delay p50 µs": slow.get("event_p50_us")})
    flood = target.load("stream", "stream-200-1", connections=50, seconds=seconds)
    figures = {"CPU µs/event, 1,000/s": per(slow, "events"), "CPU µs/event, flood": per(flood, "events")}
    note(flood, **figures, **{"events/s in the flood": flood.get("per_second")})


def translated(target: Target, seconds: float, note: Note) -> None:
    small = target.load("closed", "whole", path=MESSAGES, seconds=seconds)
    note(small, **{"translated: CPU µs/request": per(small, "requests")})
    if target.name in WHOLE_PROGRAMME:
        big = target.load("closed", "whole", path=MESSAGES, size=100_000, seconds=seconds)
        note(big, **{"translated, 100 kB: CPU µs/request": per(big, "requests")})
        flood = target.load("stream", "stream-200-1", path=MESSAGES, connections=50, seconds=seconds)
        note(flood, **{"translated: CPU µs/event, flood": per(flood, "events")})


def held(target: Target) -> Row:
    """Very many streams at once, an event a second each."""
    before = target.memory() or 0
    seen: list[int] = []
    got = target.load(
        "hold", "stream-12-1000", connections=HELD, seconds=RAMP, meanwhile=lambda: seen.append(target.memory() or 0)
    )
    return {
        "2,000 held: open at once": got.get("most"),
        "2,000 held: failed": got["bad"],
        "2,000 held: KiB each": (max(seen) - before) / HELD if seen else None,
    }


def reload(target: Target, upstream: str) -> Row:
    """Change a large configuration while slow streams run, and the same streams without that, to compare with."""

    def slow(meanwhile: Callable[[], object]) -> Row:
        return target.load("stream", "stream-400-20", connections=SLOW, seconds=1, meanwhile=meanwhile)

    calm = slow(lambda: None)
    began = time.monotonic()
    took: list[float] = []

    def change() -> None:
        if took or time.monotonic() - began < AT:
            return
        before = target.get("/healthz")[1]
        changed = time.monotonic()
        (target.folder / "omniroute.toml").write_text(large(upstream, 1))
        while target.get("/healthz")[1] == before:
            if time.monotonic() - changed > 5:
                message = "the reload was not taken up"
                raise RuntimeError(message)
            time.sleep(0.01)
        took.append(time.monotonic() - changed)

    busy = slow(change)
    return {
        "reload s": took[0] if took else None,
        "longest event delay ms, no reload": calm.get("event_max_us", 0) / 1000,
        "longest event delay ms, reload": busy.get("event_max_us", 0) / 1000,
    }


def per(row: Row, what: str) -> float | None:
    """CPU microseconds a request or an event; none where more than one in a hundred failed."""
    done: int = row.get(what) or 0
    asked: int = row.get("streams") or row.get("requests") or 0
    cpu: float = row.get("cpu") or 0.0
    return 1e6 * cpu / done if done and cpu and row["bad"] <= 0.01 * asked else None


def mib(kib: int | None) -> float | None:
    return None if kib is None else kib / 1024


def checks(folder: Path) -> dict[str, list[float]]:
    """How long ``omniroute check`` takes, in seconds, on the examples and on the large configuration."""
    written = folder / "large.toml"
    written.write_text(large("http://127.0.0.1:9"))
    found = {}
    for name, path in (("examples/", ROOT / "examples"), ("1,500 providers and 5,000 aliases", written)):
        took = []
        for _ in range(5):
            began = time.monotonic()
            done = subprocess.run([OMNIROUTE, "check", "--config", path, "-q"], capture_output=True, check=False)
            took.append(time.monotonic() - began)
            assert done.returncode == 0, done.stdout
        found[name] = took
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--publish", action="store_true", help="write docs/performance as well")
    options = parser.parse_args()
    names = [name for name in options.targets.split(",") if present(name)]
    results: Results = {name: [] for name in names}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="omniroute-bench-") as scratch, provider() as upstream:
        for number in range(options.rounds):
            for name in names:
                folder = Path(scratch) / f"{name}-{number}"
                folder.mkdir()
                with running(name, upstream, folder) as target:
                    results[name].append(measure(target, options.seconds, upstream))
                said = f"{time.monotonic() - began:4.0f} s: round {number + 1}, {name}, load average {os.getloadavg()[0]:.1f}"
                print(said, file=sys.stderr, flush=True)
        text = report(results, options.seconds, checks(Path(scratch)))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "latest.json").write_text(json.dumps(results, indent=1))
    (options.out / "latest.md").write_text(text)
    print(text)
    if options.publish:
        publish(options.out, text)


def publish(results: Path, text: str) -> None:
    """Write what belongs into the documentation; the picture where matplotlib is installed."""
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    drawing = HERE / "peers" / "plot" / "bin" / "python"
    if drawing.exists():
        command: list[str | Path] = [
            drawing,
            HERE / "plot.py",
            "--results",
            results / "latest.json",
            "--out",
            PUBLISHED / "bench.png",
        ]
        subprocess.run(command, check=True)
        text += "\n![The same figures, drawn](bench.png)\n"
    (PUBLISHED / "bench.md").write_text(f"# Measured\n\n`make bench ARGS=--publish` wrote this.\n\n{text}")


if __name__ == "__main__":
    main()
