"""Where the gateway's time goes for one request: samples it under load, draws a flame graph, sums up by stage.

    flame.py [--seconds 6] [--work small|big|translated|stream] [--out docs/performance]

The gateway runs in this process, on uvloop, with everything on; the provider and the load are processes of their own.
A timer of CPU time (``ITIMER_PROF``) notes the main thread's stack at every tick of the kernel's clock, one to four
milliseconds. What C code takes is noted at the Python frame that called it.
"""

import argparse
import asyncio
import html
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import uvloop
from machine import CHAT, MESSAGES, load_command, message, provider
from targets import HERE, gateway, small

from omniroute.gateway.assembly import Process, Started, serve

WORKS: dict[str, tuple[str, str, str, int]] = {
    "small": ("closed", "whole", CHAT, 250),
    "big": ("closed", "whole", CHAT, 100_000),
    "translated": ("closed", "whole", MESSAGES, 250),
    "stream": ("stream", "stream-200-1", CHAT, 250),
}
# literal table: the innermost frame of these files (and functions) decides whose time it is; the first that fits
STAGES: tuple[tuple[str, str], ...] = (
    ("uvicorn/", "server: parse and write HTTP"),
    ("gateway/", "edge: route, headers, body"),
    ("engine/admission", "admit"),
    ("engine/toll", "limits and budgets"),
    ("limits/", "limits and budgets"),
    ("engine/understand", "understand"),
    ("formats/", "read and write the format"),
    ("ir/", "read and write the format"),
    ("routing/", "plan and judge"),
    ("engine/health", "learn"),
    ("upstream/", "ask upstream"),
    ("engine/attempt", "attempt"),
    ("engine/pursue", "attempt"),
    ("engine/reply", "attempt"),
    ("engine/patience", "attempt"),
    ("engine/record", "settle and report"),
    ("observe/", "settle and report"),
    ("storage/", "settle and report"),
    ("engine/", "engine, other"),
)
Stack = tuple[str, ...]


class Sampler:
    """Counts the stacks that a timer finds."""

    def __init__(self) -> None:
        self.stacks: Counter[Stack] = Counter()
        self.micros = 0.0
        """CPU time of the main thread while it sampled."""

    def note(self, _signal: int, frame: FrameType | None) -> None:
        names: list[str] = []
        while frame is not None:
            code = frame.f_code
            names.append(f"{short(code.co_filename)}:{code.co_qualname}")
            frame = frame.f_back
        self.stacks[tuple(reversed(names))] += 1

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self.note)
        self.micros -= time.thread_time() * 1e6
        signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.micros += time.thread_time() * 1e6


def short(name: str) -> str:
    """Name a file from its package on."""
    for mark in ("site-packages/", "omniroute/omniroute/", "/omniroute/", "lib/python3", "/bench/"):
        _, found, rest = name.rpartition(mark)
        if found:
            return rest if mark != "lib/python3" else "python/" + rest.partition("/")[2]
    return name


def stage(stack: Stack) -> str:
    """Say whose time a sample is: that of the innermost frame which is somebody's."""
    for name in reversed(stack):
        for mark, whose in STAGES:
            if name.startswith(mark):
                return whose
    return "event loop and sockets"


def draw(stacks: Counter[Stack], title: str) -> str:
    """Draw a flame graph as SVG: width is CPU time, each row what the one below it called."""
    root: dict[str, Any] = {"n": sum(stacks.values()), "in": {}}
    for stack, times in stacks.items():
        node = root
        for name in stack:
            node = node["in"].setdefault(name, {"n": 0, "in": {}})
            node["n"] += times
    boxes: list[str] = []
    deepest = 0
    waiting: list[tuple[dict[str, Any], float, int]] = [(root, 0.0, 0)]
    while waiting:
        node, left, depth = waiting.pop()
        deepest = max(deepest, depth)
        for name, child in sorted(node["in"].items()):
            width = 1200 * child["n"] / root["n"]
            if width >= 0.5:
                share = 100 * child["n"] / root["n"]
                colour = sum(map(ord, name.partition(":")[0]))
                label = html.escape(name[: int(width / 6)] if width > 30 else "")
                boxes.append(
                    f'<g transform="translate({left:.1f},{depth * 16 + 24})"><title>{html.escape(name)} {share:.1f} %'
                    f'</title><rect width="{width:.1f}" height="15" fill="hsl({colour % 60},80%,{62 + colour % 20}%)"/>'
                    f'<text x="2" y="11">{label}</text></g>'
                )
                waiting.append((child, left, depth + 1))
            left += width
    height = (deepest + 2) * 16 + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 {height}" font-family="monospace" font-size="10">'
        f'<text x="2" y="14" font-size="12">{html.escape(title)}</text>{"".join(boxes)}</svg>\n'
    )


class Measured:
    """One gateway in this process, under load with the sampler on."""

    def __init__(self, work: str, seconds: float, folder: Path) -> None:
        self.mode, self.model, self.path, self.size = WORKS[work]
        self.seconds, self.folder = seconds, folder
        self.sampler = Sampler()
        self.counted = 0
        """Requests, or events."""
        self._loading: asyncio.Task[None] | None = None

    async def serve(self, upstream: str) -> None:
        """Serve until the load is over."""
        gateway(small)(0, upstream, self.folder)
        process = Process(
            self.folder / "omniroute.toml",
            {**os.environ, "BENCH_KEY": "sk-upstream"},
            port=0,
            database=str(self.folder / "bench.db"),
            log_level="error",
        )
        await serve(process, sys.stderr, self._announced)
        if self._loading is not None:
            await self._loading

    def _announced(self, started: Started) -> None:
        self._loading = asyncio.get_running_loop().create_task(self._load(started.address))

    async def _load(self, address: str) -> None:
        """Warm up, measure, and stop the gateway."""
        body = self.folder / "body.json"
        body.write_bytes(message(self.model, self.size, self.path))
        try:
            await self._asked(load_command(self.mode, f"{address}{self.path}", body, seconds=1))
            self.sampler.start()
            row = await self._asked(load_command(self.mode, f"{address}{self.path}", body, seconds=self.seconds))
            self.sampler.stop()
            self.counted = row.get("requests") or row["events"]
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    async def _asked(self, command: list[str]) -> dict[str, Any]:
        asked = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        said, _ = await asked.communicate()
        row: dict[str, Any] = json.loads(said)
        if row["bad"]:
            print(f"{row['bad']} requests failed", file=sys.stderr)
        return row


def by_stage(stacks: Counter[Stack]) -> Counter[str]:
    found = Counter[str]()
    for stack, times in stacks.items():
        found[stage(stack)] += times
    return found


def print_functions(stacks: Counter[Stack], each: float, most: int) -> None:
    """Print the functions that take most; ``each`` is what a sample stands for, in microseconds of one request."""
    own, within = Counter[str](), Counter[str]()
    for stack, times in stacks.items():
        own[stack[-1]] += times
        for name in set(stack):
            within[name] += times
    print("µs by function: with what it calls, and its own")
    for name, times in within.most_common(most):
        print(f"  {name:70} {each * times:6.1f} {each * own[name]:6.1f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--work", choices=WORKS, default="small")
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "performance")
    parser.add_argument("--functions", type=int, default=0, help="print so many functions")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="omniroute-flame-") as scratch,
        provider() as upstream,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        measured = Measured(options.work, options.seconds, Path(scratch))
        runner.run(measured.serve(upstream))
    stacks, micros = measured.sampler.stacks, measured.sampler.micros / measured.counted
    total = sum(stacks.values())
    print(f"{options.work}: {measured.counted:,} requests or events, {total:,} samples; {micros:.1f} µs of the main")
    print("thread's CPU for each, by stage:")
    for name, times in by_stage(stacks).most_common():
        print(f"  {name:32} {micros * times / total:6.1f}  {100 * times / total:4.1f} %")
    if options.functions:
        print_functions(stacks, micros / total, options.functions)
    options.out.mkdir(parents=True, exist_ok=True)
    title = f"OmniRoute, {options.work}: CPU time of the main thread, {total} samples"
    (options.out / f"flame-{options.work}.svg").write_text(draw(stacks, title))


if __name__ == "__main__":
    main()
