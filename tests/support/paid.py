"""The whole gateway from its TOML, with keys, limits and budgets, before an upstream that says what was used.

A request for ``house/large`` with ``CHAT`` may cost ``WORST`` or a little more, and costs ``COST`` with ``USED``.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from omniroute.names import Format
from omniroute.storage.report import PastRequest
from omniroute.storage.verify import verify
from tests.cli.command import written as written_file
from tests.cli.test_serve import serving as in_processes
from tests.gateway.test_assembly import Serving, serving
from tests.gateway.test_workers import OPTIONS, Pair
from tests.support.boards import taken
from tests.support.client import Connection, Received, ask, fetch
from tests.support.peer import Script
from tests.support.upstream import ScriptedUpstream, Until, chat_answer, usage_of
from tests.support.waiting import LIMIT, within
from tests.support.wires import ROOT, path_of

HI = "hi"
CHAT: dict[str, Any] = {"model": "house/large", "messages": [{"role": "user", "content": HI}], "max_tokens": 1000}
# literal table: one request in every format that clients speak, whose answer has a thousand tokens at most
REQUESTS: dict[Format, dict[str, Any]] = {
    Format.OPENAI_CHAT: {"messages": [{"role": "user", "content": HI}], "max_tokens": 1000},
    Format.OPENAI_RESPONSES: {"input": HI, "max_output_tokens": 1000},
    Format.OPENAI_COMPLETIONS: {"prompt": HI, "max_tokens": 1000},
    Format.ANTHROPIC_MESSAGES: {"messages": [{"role": "user", "content": HI}], "max_tokens": 1000},
    Format.GEMINI: {"contents": [{"parts": [{"text": HI}]}], "generationConfig": {"maxOutputTokens": 1000}},
    Format.OLLAMA: {"messages": [{"role": "user", "content": HI}], "options": {"num_predict": 1000}, "stream": False},
}

USED = usage_of(20, 500)
COST = 20 * 1_000 + 500 * 2_000
"""Nano-dollars that ``USED`` costs at ``house/large``."""
CHEAP = COST // 10
"""Nano-dollars that it costs at ``house/small``."""
WORST = 1000 * 2_000
"""Nano-dollars that the longest answer costs; the request itself comes on top."""
STREAM = {**CHAT, "stream": True}
ONE = "0.003 USD"
"""A limit with room for one request, and for none after it."""


def held_back(gate: asyncio.Event, script: Script = ()) -> Script:
    """An answer that waits for a gate."""
    return [Until(gate), *(script or chat_answer("Hello.", USED))]


def code_of(answer: Received) -> Any:
    """Our own code in an error of any format."""
    body = answer.json()
    error = body["error"] if isinstance(body["error"], dict) else body
    return (error["details"][0] if "details" in error else error["omniroute"])["code"]


def saying(text: str) -> dict[str, Any]:
    """Another request of the same length of answer."""
    return {**CHAT, "messages": [{"role": "user", "content": text}]}


@dataclass
class Paid:
    """A gateway, and the upstream behind it."""

    gateway: Serving
    upstream: ScriptedUpstream

    async def ask(self, body: object = CHAT, key: str = "alice", **headers: str) -> Received:
        """Send a chat request and read all of its answer."""
        return await fetch(f"{self.gateway.url}/v1/chat/completions", body, headers=shown(key, headers))

    async def speak(self, wire: Format, key: str = "alice", model: str = "house/large", **more: object) -> Received:
        """Send the request of a format."""
        stream = bool(more.get("stream"))
        body = {**REQUESTS[wire], "model": model, **more}
        return await fetch(self.gateway.url + path_of(wire, model, stream=stream), body, headers=shown(key))

    async def post(
        self, path: str, body: object, key: str = "alice", method: str = "POST", headers: Mapping[str, str] = {}
    ) -> Received:
        """Send a body anywhere, and read all of the answer."""
        return await fetch(self.gateway.url + path, body, shown(key, headers), method)

    async def send(self, body: object, key: str = "alice") -> Connection:
        """Send a chat request, and read nothing."""
        return await ask(f"{self.gateway.url}/v1/chat/completions", body, shown(key))

    async def begin(self, wire: Format, key: str = "alice") -> Connection:
        """Ask for a stream in this format, and read its headers."""
        body = {**REQUESTS[wire], "model": "house/large", "stream": True}
        connection = await ask(self.gateway.url + path_of(wire, "house/large", stream=True), body, shown(key))
        await within(connection.headers())
        return connection

    async def page(self, path: str) -> Any:
        """Read a page on runtime data."""
        answer = await fetch(self.gateway.url + path, headers=shown("watcher"), method="GET")
        assert answer.status == 200, answer.body
        return answer.json()

    async def budget(self, name: str = "team") -> dict[str, Any]:
        """Tell how a budget stands."""
        [found] = [each for each in (await self.page("/api/usage/budget"))["budgets"] if each["budget"] == name]
        assert isinstance(found, dict)
        return found

    async def stands(self, name: str = "team") -> tuple[int, int]:
        """Give what was spent of a budget, and what is held."""
        found = await self.budget(name)
        return found["spent_nano"], found["held_nano"]

    async def comes_to(self, spent: int, held: int = 0, name: str = "team") -> None:
        """Wait until a budget stands so."""
        async with asyncio.timeout(LIMIT):
            while await self.stands(name) != (spent, held):
                await asyncio.sleep(0.01)

    async def generation(self, number: int) -> None:
        """Wait until this configuration is in force."""
        async with asyncio.timeout(LIMIT):
            while (await self.page("/api/config/status"))["active"]["generation"] != number:
                await asyncio.sleep(0.02)

    async def closed(self) -> list[PastRequest]:
        """Stop the gateway; gives its rows, of which all sums hold."""
        if not self.gateway.task.done():
            await self.gateway.stop()
        assert verify(str(self.gateway.database), time.time_ns() // 1000).findings == ()
        return self.gateway.rows()


class Workers(Pair):
    """Two workers on one database, as people start them."""

    async def pay(self, body: object = CHAT, key: str = "alice", headers: Mapping[str, str] = {}) -> Received:
        """Send a chat request on a connection of its own, and read all of its answer."""
        given = shown(key, {"connection": "close", **headers})
        return await fetch(f"{self.gateway.url}/v1/chat/completions", body, given)

    async def stands(self) -> tuple[int, int]:
        """Give what was spent of the one budget, and what is held, as whichever worker tells it."""
        answer = await fetch(f"{self.gateway.url}/api/usage/budget", headers=shown("watcher"), method="GET")
        [found] = answer.json()["budgets"]
        return found["spent_nano"], found["held_nano"]

    async def comes_to(self, spent: int, held: int = 0) -> None:
        """Wait until it stands so."""
        async with asyncio.timeout(LIMIT):
            while await self.stands() != (spent, held):
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop in order."""
        self.gateway.process.terminate()
        code, printed = await self.gateway.ended()
        assert code == 0, printed

    def holds_true(self) -> None:
        """See that all sums hold, and, once the workers have stopped, that nothing is set aside."""
        assert verify(self.database, time.time_ns() // 1000).findings == ()
        assert taken(self.database) == 0


@asynccontextmanager
async def pair_of(folder: Path, toml: str) -> AsyncIterator[Workers]:
    """Serve a configuration with two workers."""
    async with in_processes(written_file(folder, toml), *OPTIONS, cwd=folder) as gateway:
        await gateway.listens()
        yield Workers(gateway, folder)


def shown(key: str, headers: Mapping[str, str] = {}) -> dict[str, str]:
    """The headers of a request with a key; none where it has no name."""
    return {**({"authorization": f"Bearer sk-{key}"} if key else {}), **headers}


def key(name: str, policy: str = "", scopes: str = '"inference"') -> str:
    """A key of this name, as TOML."""
    digest = sha256(f"sk-{name}".encode()).hexdigest()
    given = f'policy = "{policy}"\n' if policy else ""
    return f'[keys.{name}]\nsha256 = "{digest}"\nscopes = [{scopes}]\n{given}'


def written(
    upstream: ScriptedUpstream,
    policy: str = 'budgets = ["team"]',
    more: str = "",
    limit: str = ONE,
    provider: Format = Format.OPENAI_CHAT,
) -> str:
    """A configuration: two keys of a policy, one without, one that may look; two models of known prices, one without.

    ``more`` are further tables; its first lines belong to the budget ``team``.
    """
    return (
        f'[providers.house]\nbase_url = "{upstream.url}{ROOT[provider]}"\nformats = ["{provider}"]\nauth = "none"\n'
        '[providers.house.models.large]\nprice = { input = "1.00", output = "2.00" }\n'
        '[providers.house.models.small]\nprice = { input = "0.10", output = "0.20" }\n'
        "[providers.house.models.unpriced]\n"
        f"[policies.paid]\n{policy}\n"
        f"{key('alice', 'paid')}{key('bob', 'paid')}{key('free')}{key('watcher', scopes=chr(34) + 'status' + chr(34))}"
        f'[budgets.team]\nlimit = "{limit}"\n{more}'
    )


@asynccontextmanager
async def paid(
    folder: Path,
    policy: str = 'budgets = ["team"]',
    more: str = "",
    limit: str = ONE,
    provider: Format = Format.OPENAI_CHAT,
) -> AsyncIterator[Paid]:
    """Serve such a configuration; afterwards, all sums must hold."""
    async with ScriptedUpstream(default=chat_answer("Hello.", USED)) as upstream:
        async with serving(folder, written(upstream, policy, more, limit, provider)) as gateway:
            made = Paid(gateway, upstream)
            yield made
        await made.closed()
