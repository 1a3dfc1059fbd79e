"""What a request leaves behind is freed at once: nothing refers to itself, so the collector of cycles has no work.

Walking what is alive, again and again, to find what was left in circles took a fifth of the time of all requests.
"""

import asyncio
import gc
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack

import msgspec
import pytest

from omniroute.config.policy import Budget, Policy, Rate
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import Script, ScriptedUpstream, chat_answer, chat_stream
from tests.support.waiting import within

REQUESTS = 20
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


@pytest.fixture
def collected() -> Iterator[None]:
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


PAYING = Policy("p", rate=Rate(10_000, 10**9, 100), budgets=(Budget("team", 10**12),))


def asking(path: str, *, stream: bool) -> bytes:
    said = {"model": "p/m", "max_tokens": 5, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    body = json.dumps(said).encode()
    return f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def ask(gateway: RunningGateway, request: bytes, times: int) -> None:
    """Ask one after the other on one connection, without anything of asyncio's own that makes cycles."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    for _ in range(times):
        writer.write(request)
        head = (await within(reader.readuntil(b"\r\n\r\n"))).decode().lower()
        assert head.startswith("http/1.1 200")
        length = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), None)
        await within(reader.readuntil(b"0\r\n\r\n") if length is None else reader.readexactly(length))
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("policy", [None, PAYING], ids=["no policy", "policy"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("script", "stream"), [(chat_answer("Hallo"), False), (chat_stream(["Hal", "lo"]), True)], ids=["whole", "stream"]
)
@pytest.mark.usefixtures("collected")
async def test_a_request_leaves_nothing_to_the_collector(
    path: str, script: Script, stream: bool, policy: Policy | None
) -> None:
    async with AsyncExitStack() as open_:
        upstream = await open_.enter_async_context(ScriptedUpstream(default=script))
        config = msgspec.structs.replace(snapshot(provider("p", f"{upstream.url}/v1")), anonymous=policy)
        gateway = await open_.enter_async_context(running(config))
        request = asking(path, stream=stream)
        await ask(gateway, request, 5)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        await ask(gateway, request, REQUESTS)
        gc.collect()
        kinds = Counter(type(each).__qualname__ for each in gc.garbage)
    # The connection of the test itself, and of the upstream, may leave a few; each request would leave as many again.
    assert {kind: count for kind, count in kinds.items() if count >= REQUESTS} == {}
