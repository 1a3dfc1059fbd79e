"""Every recorded Chat Completions exchange, through a running gateway, by the official OpenAI SDK, over real sockets.

Each is asked twice, once of the replaying upstream itself and once through the gateway: what the SDK parses must be
the same, and so must the bytes that the upstream received.
"""

import base64
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.support.gateway import running
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import Chunk, Head, Last, Recorded, Script, ScriptedUpstream, answer

TRAFFIC = Path(__file__).parents[2] / "../shared/traffic/openai-chat"
RECORDS = sorted(TRAFFIC.glob("*.json"))
UNREADABLE = {"openai-chat-6aa6531851"}
"""Its own provider's SDK cannot read it either; it may sit on either side."""
OURS = {
    "model": "m",
    "messages": [{"role": "user", "content": "Hi"}],
    "stream_options": {"include_usage": True},
}
"""Asked where a record has no request; with usage, because some of those streams hold it."""
NOT_THE_CLIENTS_FAULT = {401: 502, 403: 502, 402: 502}
"""Our credential's troubles are told as ours."""

pytestmark = pytest.mark.skipif(not RECORDS, reason="the recorded traffic is not here")


def script(record: dict[str, Any]) -> Script:
    body = record["response_body"]
    data = base64.b64decode(body) if record["response_encoding"] == "base64" else body.encode()
    if not record["stream"]:
        return answer(data, record["status"], (("content-type", "application/json"),))
    cuts = [*range(0, len(data), 700), len(data)]
    return [Head(), *(Chunk(data[a:b]) for a, b in pairwise(cuts)), Last()]


def asked(record: dict[str, Any]) -> dict[str, Any]:
    body = record["request_body"] or OURS
    if record["stream"]:
        return {**body, "stream": True}
    return {key: value for key, value in body.items() if key != "stream_options"}


async def ask(url: str, body: dict[str, Any], model: str) -> dict[str, Any]:
    """Ask by the SDK; give what it parsed, or which error it raised."""
    messages, stream = body["messages"], body.get("stream", False)
    rest = {key: value for key, value in body.items() if key not in {"model", "messages", "stream"}}
    plain = openai.DefaultAsyncHttpxClient(verify=False)  # it need not load certificates for each test
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key="sk-client", max_retries=0, http_client=plain
    ) as client:
        got: list[Any] = []
        try:
            result = await client.chat.completions.create(
                model=model, messages=messages, stream=stream, extra_body=rest
            )
            got = [chunk.model_dump() async for chunk in result] if stream else [result.model_dump()]
        except openai.APIStatusError as error:
            return {"status": error.status_code, "error": error.body}
        except openai.APIError as error:
            return {"got": got, "error": type(error).__name__}
    return {"got": got}


@pytest.fixture(params=RECORDS, ids=lambda path: path.stem)
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text())
    return found


async def both(record: dict[str, Any], *, stream_usage: bool) -> tuple[dict[str, Any], dict[str, Any], list[Recorded]]:
    body = asked(record)
    async with ScriptedUpstream(default=script(record)) as upstream:
        replay = provider("replay", f"{upstream.url}/v1", stream_usage=stream_usage)
        async with running(snapshot(replay)) as gateway:
            direct = await ask(upstream.url, body, body["model"])
            through = await ask(gateway.url, body, f"replay/{body['model']}")
            return direct, through, upstream.requests


async def test_what_the_sdk_parses_is_what_it_parses_without_a_gateway(record: dict[str, Any]) -> None:
    direct, through, _ = await both(record, stream_usage=True)
    if record["id"] in UNREADABLE and "error" in direct:
        return
    if "status" in direct:
        assert through["status"] == NOT_THE_CLIENTS_FAULT.get(direct["status"], direct["status"])
        assert said(direct["error"]) in through["error"]["message"]
        return
    assert through == direct


async def test_the_upstream_receives_the_clients_bytes(record: dict[str, Any]) -> None:
    _, _, (direct, through) = await both(record, stream_usage=False)
    assert through.body == direct.body
    assert dict(through.headers)["content-type"] == "application/json"


async def test_usage_is_asked_for_where_the_client_did_not_and_nothing_else_changes(record: dict[str, Any]) -> None:
    _, _, (direct, through) = await both(record, stream_usage=True)
    wanted = json.loads(direct.body)
    if record["stream"]:
        wanted["stream_options"] = {**(wanted.get("stream_options") or {}), "include_usage": True}
    assert json.loads(through.body) == wanted


def said(error: Any) -> str:
    """The provider's own message."""
    return str(error.get("message", "") if isinstance(error, dict) else error or "")
