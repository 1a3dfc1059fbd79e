"""Processes: the fake provider, a target, the load on it; what they take of the machine."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from targets import HERE, KEY, TARGETS

TICK = os.sysconf("SC_CLK_TCK")
GATEWAY_CORE, LOAD_CORE = "0", "1"
PROMPT = "The quick brown fox jumps over the lazy dog, and def f(x): return x + 1 is a function. "
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
AUTHORIZATION = {"authorization": f"Bearer {KEY}"}
Process = subprocess.Popen[bytes]
Row = dict[str, Any]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


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


def memory_kib(pid: int) -> int:
    """Proportional set size: pages that processes share count once."""
    total = 0
    for each in descendants(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def message(model: str, size: int, path: str) -> bytes:
    """A request for a model, with a prompt of so many characters."""
    said: dict[str, object] = {
        "model": model,
        "messages": [{"role": "user", "content": (PROMPT * (size // len(PROMPT) + 1))[:size]}],
        "stream": model.startswith("stream"),
    }
    return json.dumps(said | ({"max_tokens": 1000} if path == MESSAGES else {})).encode()


def load_command(mode: str, url: str, body: Path, **options: object) -> list[str]:
    command = ["taskset", "-c", LOAD_CORE, sys.executable, str(HERE / "load.py"), mode, url, "--body", str(body)]
    command += ["--header", f"authorization: Bearer {KEY}"]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    return command


class Target:
    """A running gateway, or the provider itself; ``cold`` is how long it took to its first answer, in seconds."""

    def __init__(self, name: str, port: int, process: Process | None, folder: Path, cold: float | None = None) -> None:
        self.name, self.port, self.process, self.folder, self.cold = name, port, process, folder, cold

    def load(
        self,
        mode: str,
        model: str,
        *,
        size: int = 250,
        path: str = CHAT,
        meanwhile: Callable[[], object] = lambda: None,
        **options: object,
    ) -> Row:
        """Put a load on it; the gateway's own CPU time is added to what the load saw.

        ``meanwhile`` is called again and again until the load is over.
        """
        body = self.folder / "body.json"
        body.write_bytes(message(model, size, path))
        command = load_command(mode, f"http://127.0.0.1:{self.port}{path}", body, **options)
        before = self.cpu()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as loading:
            while True:
                try:
                    said, trouble = loading.communicate(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    meanwhile()
        if loading.returncode:
            print(f"{self.name}: {trouble[-300:]}", file=sys.stderr)
            return {"bad": 1}
        row: Row = json.loads(said)
        row["cpu"] = self.cpu() - before
        return row

    def cpu(self) -> float:
        return cpu_seconds(self.process.pid) if self.process else 0.0

    def memory(self) -> int | None:
        """KiB."""
        return memory_kib(self.process.pid) if self.process else None

    def get(self, path: str) -> tuple[int, str]:
        """Give a page's status, and the configuration under which it was made."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers=AUTHORIZATION)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("x-omniroute-config", "")
        finally:
            connection.close()


@contextmanager
def provider() -> Iterator[str]:
    """The fake provider; gives its URL."""
    port = free_port()
    process = subprocess.Popen(["taskset", "-c", LOAD_CORE, sys.executable, str(HERE / "upstream.py"), str(port)])
    try:
        first_answer(port, process, 10)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def first_answer(port: int, process: Process, seconds: float) -> None:
    """Wait until a chat request is answered."""
    until = time.monotonic() + seconds
    headers = {**AUTHORIZATION, "content-type": "application/json"}
    while time.monotonic() < until:
        if process.poll() is not None:
            message_ = f"it ended with {process.returncode}"
            raise RuntimeError(message_)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with suppress(OSError, http.client.HTTPException):
            connection.request("POST", CHAT, message("whole", 250, CHAT), headers)
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.01)
    message_ = "it does not answer"
    raise RuntimeError(message_)


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
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
        try:
            first_answer(port, process, 120)
            yield Target(name, port, process, folder, time.monotonic() - began)
        except RuntimeError:
            print((folder / "log").read_text()[-2000:], file=sys.stderr)
            raise
        finally:
            end(process)


def end(process: Process) -> None:
    """Stop a process and all that it started."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, kind)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
