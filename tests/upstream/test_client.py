"""The gateway's upstream client: which implementation carries which URL."""

import json
from typing import Any

import pytest

from omniroute.upstream.client import Client, unix_time
from omniroute.upstream.place import origins_of
from omniroute.upstream.port import Outgoing, Phase, SendError
from tests.support.upstream import ScriptedUpstream, answer
from tests.support.waiting import eventually

ASKED = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()


async def ask(client: Client, url: str) -> Any:
    answered = await client.send(Outgoing(url, (), ASKED, 120.0, 120.0))
    return await answered.read(100_000)


async def test_embedded_urls_are_answered_here_by_the_clock_that_was_given() -> None:
    client = Client(now=lambda: 1_700_000_000.9)
    assert json.loads(await ask(client, "embedded:echo/chat/completions"))["created"] == 1_700_000_000
    await client.aclose()


async def test_other_urls_go_over_the_network() -> None:
    client = Client()
    async with ScriptedUpstream(answer(b"hello")) as upstream:
        assert await ask(client, upstream.url) == b"hello"
        assert upstream.requests[0].body == ASKED
        await client.aclose()


async def test_pruning_closes_idle_connections_to_what_is_not_configured_any_more() -> None:
    client = Client()
    async with ScriptedUpstream(answer(b"a")) as kept, ScriptedUpstream(answer(b"b")) as gone:
        for upstream in (kept, gone):
            await ask(client, f"{upstream.url}/v1")
        client.prune(origins_of(["embedded:echo", f"{kept.url}/another/path"]))
        await eventually(lambda: gone.disconnects)
        await ask(client, f"{kept.url}/v1")
        assert kept.connections == 1
        await client.aclose()


@pytest.mark.parametrize("url", ["embedded:echo/chat/completions", "http://127.0.0.1:1/"])
async def test_a_closed_client_sends_nothing(url: str) -> None:
    client = Client()
    await client.aclose()
    with pytest.raises(SendError) as caught:
        await ask(client, url)
    assert caught.value.phase is Phase.CONNECT


def test_the_clock_counts_from_1970() -> None:
    assert 1_700_000_000 < unix_time() < 4_000_000_000
