"""What is refused before anything is sent: unknown names, what no target can say, what cannot be read."""

from collections.abc import AsyncIterator

import pytest

from omniroute.names import Format, Outcome
from tests.support.client import fetch
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import key, provider, snapshot
from tests.support.upstream import ScriptedUpstream

RESPONSES = {"model": "p/m", "input": "hi"}


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as made:
        yield made


@pytest.fixture
async def gateway(upstream: ScriptedUpstream) -> AsyncIterator[RunningGateway]:
    made = provider("p", f"{upstream.url}/v1", formats=(Format.OPENAI_CHAT,))
    async with running(snapshot(made, keys=[key("alice", "sk-alice")])) as running_gateway:
        yield running_gateway


@pytest.mark.parametrize(
    ("more", "feature"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"store": True}, "store"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}, "file_search"),
    ],
)
async def test_what_only_one_format_can_do_is_refused_with_the_features_name(
    gateway: RunningGateway, upstream: ScriptedUpstream, more: dict[str, object], feature: str
) -> None:
    answer = await fetch(f"{gateway.url}/v1/responses", RESPONSES | more, {"authorization": "Bearer sk-alice"})
    assert answer.status == 422
    error = answer.json()["error"]
    assert (error["code"], feature in error["message"], "p/m" in error["message"]) == ("no_fitting_target", True, True)
    [row] = await gateway.ended()
    assert (row.outcome, row.key, row.asked, row.code) == (Outcome.REFUSED, "alice", "p/m", "no_fitting_target")
    assert upstream.requests == []


async def test_what_cannot_be_read_is_only_refused_where_it_must_be_read(gateway: RunningGateway) -> None:
    odd = {"model": "p/m", "max_tokens": 1, "messages": [{"role": "user", "content": 7}]}
    answer = await fetch(f"{gateway.url}/v1/messages", odd)
    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_nothing_is_asked_for_by_a_path_that_names_no_model(gateway: RunningGateway) -> None:
    answer = await fetch(f"{gateway.url}/v1beta/models/:generateContent", {"contents": []})
    assert (answer.status, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
