"""Measures OmniRoute, nginx and LiteLLM in one run against a direct call; see README.md.

measure.py [--rounds 3] [--seconds 4] [--targets direct,nginx,omniroute,litellm] [--out bench/results]
"""

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TICK = os.sysconf("SC_CLK_TCK")
KEY = "sk-bench-0123456789"
GATEWAY_CORE, LOAD_CORE = "0", "1"
PROMPT = "The quick brown fox jumps over the lazy dog, and def f(x): return x + 1 is a function. "
MODELS = ("whole", "stream-100-20", "stream-200-1")
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
TRANSLATING = {"omniroute", "litellm"}
"""Targets that answer in Anthropic's format what the provider says in OpenAI's."""
Row = dict[str, Any]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def omniroute(port: int, upstream: str, folder: Path) -> list[str]:
    """The gateway, with key check, routing, usage rows and metrics on."""
    (folder / "omniroute.toml").write_text(
        "[server]\nrequire_api_key = true\n"
        f'[providers.bench]\nbase_url = "{upstream}/v1"\nformats = ["openai-chat"]\napi_key = "env:BENCH_KEY"\n'
        + "".join(
            f'[providers.bench.models."{model}"]\nprice = {{ input = "0.10", output = "0.40" }}\n' for model in MODELS
        )
        + "[aliases]\n"
        + "".join(f'{model} = "bench/{model}"\n' for model in MODELS)
        + f'[keys.bench]\nsha256 = "{sha256(KEY.encode()).hexdigest()}"\n'
    )
    command = [str(Path(sys.executable).parent / "omniroute"), "serve", "--config", str(folder / "omniroute.toml")]
    return [*command, "--port", str(port), "--database", str(folder / "bench.db"), "--log-level", "error"]


def nginx(port: int, upstream: str, folder: Path) -> list[str]:
    """nginx as a plain proxy: a static key check, keep-alive both ways, no buffering."""
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events { worker_connections 8192; }\n"
        f"http {{ access_log off; {temporary} client_body_buffer_size 256k; client_max_body_size 64m;\n"
        " keepalive_requests 100000000;\n"
        f" upstream provider {{ server {upstream.removeprefix('http://')}; keepalive 256; keepalive_requests 100000000; }}\n"
        f' map $http_authorization $known {{ default 0; "Bearer {KEY}" 1; }}\n'
        f" server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ if ($known = 0) {{ return 401; }}\n"
        '  proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }\n'
    )
    return ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def litellm(port: int, upstream: str, folder: Path) -> list[str]:
    """LiteLLM's proxy: one worker, no database, a master key, as its production page advises."""
    models = [
        f'  - {{model_name: "{model}", litellm_params: {{model: "openai/{model}", api_base: "{upstream}/v1", api_key: "x"}}}}\n'
        for model in MODELS
    ]
    settings = (
        f"general_settings: {{master_key: {KEY}}}\nlitellm_settings: {{request_timeout: 600, telemetry: false}}\n"
    )
    (folder / "litellm.yaml").write_text("model_list:\n" + "".join(models) + settings)
    binary = HERE / "peers" / "litellm" / "bin" / "litellm"
    return [str(binary), "--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port)]


TARGETS: dict[str, Callable[[int, str, Path], list[str]] | None] = {
    "direct": None, "nginx": nginx, "omniroute": omniroute, "litellm": litellm,
}  # fmt: skip


def descendants(pid: int) -> list[int]:
    """A process and all that it started."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_seconds(pid: int) -> float:
    total = 0
    for each in descendants(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def memory_mib(pid: int) -> float:
    """Proportional set size: pages that processes share count once."""
    total = 0
    for each in descendants(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(total / 1024, 1)


class Target:
    """A running gateway, or the provider itself."""

    def __init__(self, name: str, port: int, process: "subprocess.Popen[bytes] | None", folder: Path) -> None:
        self.name, self.port, self.process, self.folder = name, port, process, folder

    def load(self, mode: str, model: str, *, size: int = 250, path: str = CHAT, **options: object) -> Row:
        """Put a load on it; the gateway's own CPU time is added to what the load saw."""
        body = self.folder / "body.json"
        prompt = (PROMPT * (size // len(PROMPT) + 1))[:size]
        message = {
            "model": model,
            "messages": [{"role": "user", "content": prompt}],
            "stream": model.startswith("stream"),
        } | ({"max_tokens": 1000} if path == MESSAGES else {})
        body.write_text(json.dumps(message))
        command = ["taskset", "-c", LOAD_CORE, sys.executable, str(HERE / "load.py"), mode]
        command += [f"http://127.0.0.1:{self.port}{path}", "--body", str(body)]
        command += ["--header", f"authorization: Bearer {KEY}"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        before = cpu_seconds(self.process.pid) if self.process else 0.0
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            return {"error": done.stderr[-300:]}
        row: Row = json.loads(done.stdout)
        row["cpu"] = (cpu_seconds(self.process.pid) if self.process else 0.0) - before
        return row


@contextmanager
def provider() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(["taskset", "-c", LOAD_CORE, sys.executable, str(HERE / "upstream.py"), str(port)])
    try:
        wait_for(port, process, 10)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, process: "subprocess.Popen[bytes]", seconds: float) -> float:
    """Wait until a port answers; gives how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if process.poll() is not None:
            message = f"it ended with {process.returncode}"
            raise RuntimeError(message)
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return time.monotonic() - began
        except OSError:
            time.sleep(0.02)
    message = "it does not listen"
    raise RuntimeError(message)


@contextmanager
def running(name: str, upstream: str, folder: Path) -> Iterator[Target]:
    """Start a target, and end it."""
    make = TARGETS[name]
    if make is None:
        yield Target(name, int(upstream.rpartition(":")[2]), None, folder)
        return
    port = free_port()
    command = ["taskset", "-c", GATEWAY_CORE, *make(port, upstream, folder)]
    environment = {**os.environ, "BENCH_KEY": "sk-upstream", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR",
                   "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            wait_for(port, process, 90)
            yield Target(name, port, process, folder)
        finally:
            end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Stop a process and all that it started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, kind)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)


def measure(target: Target, seconds: float) -> Row:
    """One round of one target; CPU times are microseconds of the gateway alone."""
    target.load("closed", "whole", seconds=min(2.0, seconds))
    idle = memory_mib(target.process.pid) if target.process else None
    small = target.load("closed", "whole", seconds=seconds)
    big = target.load("closed", "whole", size=100_000, seconds=seconds)
    rate = target.load("rate", "whole", seconds=seconds)
    slow = target.load("stream", "stream-100-20", connections=20, seconds=seconds)
    flood = target.load("stream", "stream-200-1", connections=50, seconds=seconds)
    loads = [small, big, rate, slow, flood]
    translated: list[Row] = [{}, {}, {}]
    if target.name in TRANSLATING:
        translated = [
            target.load("closed", "whole", path=MESSAGES, seconds=seconds),
            target.load("closed", "whole", path=MESSAGES, size=100_000, seconds=seconds),
            target.load("stream", "stream-200-1", path=MESSAGES, connections=50, seconds=seconds),
        ]
    return {
        "CPU µs/request": per(small, "requests"),
        "requests/s per core": 1e6 / per(small, "requests") if per(small, "requests") else None,
        "100 kB: CPU µs/request": per(big, "requests"),
        "p50 µs at 50/s": rate.get("p50_us"),
        "p99 µs at 50/s": rate.get("p99_us"),
        "first event p50 µs": slow.get("first_p50_us"),
        "event delay p50 µs": slow.get("event_p50_us"),
        "CPU µs/event, 1,000/s": per(slow, "events"),
        "CPU µs/event, flood": per(flood, "events"),
        "events/s in the flood": flood.get("per_second"),
        "translated: CPU µs/request": per(translated[0], "requests"),
        "translated, 100 kB: CPU µs/request": per(translated[1], "requests"),
        "translated: CPU µs/event, flood": per(translated[2], "events"),
        "MiB after warm-up": idle,
        "bad": sum(int(each.get("bad", 0)) for each in (*loads, *translated)),
    }


def per(row: Row, what: str) -> float | None:
    """CPU microseconds a request or an event."""
    return 1e6 * row["cpu"] / row[what] if row.get(what) and row.get("cpu") else None


def table(results: dict[str, list[Row]]) -> str:
    """Medians over the rounds, a line a figure, a column a target; the spread is minimum to maximum."""
    names = list(results)
    figures = list(next(iter(results.values()))[0])
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for figure in figures:
        cells = []
        for name in names:
            got = [row[figure] for row in results[name] if row.get(figure) is not None]
            cells.append(f"{statistics.median(got):,.4g} ({min(got):,.3g}–{max(got):,.3g})" if got else "")
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def checks(folder: Path) -> str:
    """How long ``omniroute check`` takes on the examples, and on a configuration with 1,500 providers."""
    large = folder / "large.toml"
    large.write_text(
        "".join(
            f'[providers.p{n}]\nbase_url = "http://10.0.0.1:{n + 1000}/v1"\nformats = ["openai-chat"]\n'
            f'api_key = "env:KEY_{n}"\n[providers.p{n}.models.m]\ncontext = 8192\n'
            f'[combos.c{n}]\ntargets = ["p{n}/m", "p{(n + 1) % 1500}/m"]\n'
            for n in range(1500)
        )
    )
    lines = []
    for name, path in (("examples/", ROOT / "examples"), ("1,500 providers", large)):
        took = []
        for _ in range(5):
            began = time.monotonic()
            binary = Path(sys.executable).parent / "omniroute"
            done = subprocess.run([binary, "check", "--config", path, "-q"], capture_output=True, check=False)
            took.append(time.monotonic() - began)
            assert done.returncode == 0, done.stdout
        lines.append(f"`omniroute check` on {name}: {statistics.median(took):.2f} s ({min(took):.2f}–{max(took):.2f})")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--targets", default="direct,nginx,omniroute,litellm")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args()
    names = [name for name in options.targets.split(",") if present(name)]
    results: dict[str, list[Row]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="omniroute-bench-") as scratch, provider() as upstream:
        for number in range(options.rounds):
            for name in names:
                folder = Path(scratch) / f"{name}-{number}"
                folder.mkdir()
                with running(name, upstream, folder) as target:
                    results[name].append(measure(target, options.seconds))
                print(f"round {number + 1}: {name}", file=sys.stderr, flush=True)
        report = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        report += f"{options.rounds} rounds of {options.seconds:g} s; median (minimum–maximum)\n\n{table(results)}\n\n"
        report += checks(Path(scratch)) + "\n"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "latest.json").write_text(json.dumps(results, indent=1))
    (options.out / "latest.md").write_text(report)
    print(report)


def present(name: str) -> bool:
    """Whether a target can be started here; what is left out is said."""
    there = {"nginx": shutil.which("nginx"), "litellm": (HERE / "peers" / "litellm" / "bin" / "litellm").exists()}.get(
        name, True
    )
    if not there:
        print(f"left out: {name} is not installed (bench/README.md says how)", file=sys.stderr)
    return bool(there)


main()
