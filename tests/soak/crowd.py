"""A crowd of clients and the upstreams behind the gateway, for hours: slow ones, ones that leave, repeats, cuts.

Always true: each request carries a tag of its own, by which its row is found whatever became of it.
"""

import asyncio
import json
import random
import socket
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from urllib.parse import urlsplit

from tests.support.client import ask, chat, request_bytes
from tests.support.upstream import (
    Chunk,
    Cut,
    Head,
    Last,
    Pause,
    Recorded,
    Reset,
    Script,
    ScriptedUpstream,
    chat_answer,
    chat_events,
    chat_stream,
    error_answer,
    usage_of,
)

KEYS = ("broad", "tight", "poor")
SEATS = 40
"""Requests that a key of the broad policy may have under way at once."""
SLOW, BUSY = 3, 36
"""Clients: such that take seconds for a long answer, and others."""
THINKING = 0.75
"""Seconds that a client takes at most between two requests."""
WORDS = [f"word {number} " for number in range(12)]
USAGE = usage_of(40, 20)
BIG = 64
"""Pieces of a long answer, of 16 KiB each."""


def configuration(urls: tuple[str, ...], mark: int) -> str:
    """Write a configuration with everything on; ``mark`` makes it another one than those before it."""
    providers = "".join(
        f'[providers.{name}]\nbase_url = "{url}/v1"\nformats = ["openai-chat"]\nauth = "none"\n'
        f'[providers.{name}.models.m]\nprice = {{ input = "0.50", output = "2.00" }}\nmax_output = 1000\n'
        for name, url in zip(("one", "two"), urls, strict=True)
    )
    keys = "".join(
        f'[keys.{key}]\nsha256 = "{sha256(key.encode()).hexdigest()}"\npolicy = "{key}"\n'
        f'scopes = ["inference", "status"]\n'
        for key in KEYS
    )
    return (
        f'{providers}{keys}[combos.both]\nstrategy = "round-robin"\ntargets = ["one/m", "two/m"]\n'
        "[policies.broad]\nbudgets = ['month', 'day']\n"
        f"rate = {{ requests_per_minute = 1_000_000, tokens_per_minute = 1_000_000_000, concurrent = {SEATS} }}\n"
        "[policies.tight]\nbudgets = ['month']\nrate = { requests_per_minute = 240, concurrent = 2 }\n"
        "[policies.poor]\nbudgets = ['month', 'pocket']\n"
        "[budgets.month]\nlimit = '1000000 USD'\n"
        f"[budgets.day]\nlimit = '{1000 + mark} USD'\nperiod = 'daily'\n"
        "[budgets.pocket]\nlimit = '0.02 USD'\nperiod = 'total'\n"
        '[cache]\nexact = { max_entries = 200, max_bytes = "1MiB", ttl = "20s" }\n'
        '[idempotency]\nwindow = "5s"\n'
    )


class Behind:
    """What the upstreams do, by their own dice: most answers are good, some fail, break off, or take long."""

    def __init__(self) -> None:
        self._dice = random.Random(1)

    def respond(self, asked: Recorded) -> Script:
        """Answer one request."""
        body = asked.json()
        if not body.get("stream"):
            return self._whole()
        if body.get("user") == "slow":
            return _long()
        return self._stream()

    def _whole(self) -> Script:
        fate = self._dice.random()
        if fate < 0.02:
            return error_answer("overloaded", 503)
        if fate < 0.04:
            return [Pause(0.02), Reset()]
        return [Pause(self._dice.uniform(0, 0.08)), *chat_answer("".join(WORDS), USAGE)]

    def _stream(self) -> Script:
        fate = self._dice.random()
        if fate < 0.02:
            return [Cut()]
        script = list(chat_stream(WORDS, USAGE, gap=self._dice.uniform(0.002, 0.02)))
        if fate < 0.06:
            return [*script[: self._dice.randrange(1, len(script))], Reset()]
        return script


def _long() -> Script:
    """A stream of a mebibyte."""
    role, word, finish = (f"data: {json.dumps(each)}\n\n".encode() for each in chat_events(["x" * 16_384]))
    return [Head(), Chunk(role), *[Chunk(word)] * BIG, Chunk(finish + b"data: [DONE]\n\n"), Last()]


@dataclass
class Crowd:
    """What became of the requests; ``sent`` are the tags of all that left here."""

    url: str
    sent: list[str] = field(default_factory=list)
    fates: Counter[str] = field(default_factory=Counter)
    strange: Counter[str] = field(default_factory=Counter)

    def tagged(self, key: str, more: Mapping[str, str] = {}) -> dict[str, str]:
        """Give the headers of a new request."""
        tag = f"n{len(self.sent)}"
        self.sent.append(tag)
        return {"authorization": f"Bearer {key}", "x-omniroute-tags": tag, **more}

    def told(self) -> str:
        """Sum it up."""
        return f"{len(self.sent)} requests; their clients saw {dict(sorted(self.fates.items()))}"

    async def busy(self, dice: random.Random, stop: asyncio.Event) -> None:
        """Ask one request after the other, each of a kind of its own."""
        while not stop.is_set():
            await asyncio.sleep(dice.uniform(0, THINKING))
            try:
                async with asyncio.timeout(60):
                    await self._one(dice)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                self.strange[type(error).__name__] += 1

    async def _one(self, dice: random.Random) -> None:
        key = dice.choices(KEYS, (8, 1, 1))[0]
        said = f"{dice.randrange(60)}" if dice.random() < 0.3 else f"{dice.random()}"
        once = dice.random() < 0.2
        stream, model = (True, "both") if once else (dice.random() < 0.6, dice.choice(("both", "one/m", "two/m")))
        body = chat(model, stream=stream) | {"messages": [{"role": "user", "content": said}]}
        path = "/v1/chat/completions"
        if not once and dice.random() < 0.25:
            path, body = "/v1/messages", {**body, "max_tokens": 100}
        more = {"idempotency-key": said} if once else {}
        connection = await ask(f"{self.url}{path}", body, self.tagged(key, more))
        try:
            if dice.random() < 0.15:
                with suppress(TimeoutError):
                    async with asyncio.timeout(dice.uniform(0, 0.15)):
                        await connection.headers()
                        await connection.rest()
                self.fates["left"] += 1
                return
            await connection.headers()
            received = await connection.rest()
        finally:
            await connection.close()
        whole = "whole" if received.complete else "cut"
        self.fates[f"{received.status} {whole}"] += 1
        if received.status not in {200, 402, 429, 502, 503} or not received.complete:
            self.strange[f"{received.status} {whole}: {received.body[-200:]!r}"] += 1

    async def slow(self, dice: random.Random, stop: asyncio.Event) -> None:
        """Read long answers by small bits, and leave some of them."""
        while not stop.is_set():
            async with asyncio.timeout(120):
                await self._sip(dice)
            await asyncio.sleep(dice.uniform(0, 1))

    async def _sip(self, dice: random.Random) -> None:
        loop, parts = asyncio.get_running_loop(), urlsplit(self.url)
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            connection.setblocking(False)
            await loop.sock_connect(connection, (parts.hostname, parts.port))
            body = chat("both", stream=True, user="slow", temperature=1)
            wanted = request_bytes(f"{self.url}/v1/chat/completions", body, self.tagged("broad"))
            await loop.sock_sendall(connection, wanted)
            left, end = dice.random() < 0.3, b""
            for _ in range(dice.randrange(20) if left else 10_000):
                got = await loop.sock_recv(connection, 16_384)
                if not got or (end := (end + got)[-5:]) == b"0\r\n\r\n":
                    break
                await asyncio.sleep(0.02)
        self.fates["slow, left" if left else "slow" if end == b"0\r\n\r\n" else "slow, cut"] += 1


async def cut_all(upstreams: tuple[ScriptedUpstream, ...], every: float, stop: asyncio.Event) -> None:
    """Break all connections of one upstream now and then, as a server does that is started anew."""
    for number in count():
        with suppress(TimeoutError):
            async with asyncio.timeout(every):
                await stop.wait()
        if stop.is_set():
            return
        for peer in list(upstreams[number % len(upstreams)].peers):
            peer.transport.abort()
        for each in upstreams:  # nobody reads what they remember
            each.requests.clear()
            each.disconnects.clear()
