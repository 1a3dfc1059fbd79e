"""The pages that can be read: health, metrics, models."""

from collections.abc import AsyncIterator

import pytest

from omniroute.config.snapshot import Model, Snapshot
from omniroute.gateway.pages import Eyes, pages
from omniroute.names import Capability
from omniroute.observe.events import Faulted
from tests.support.client import Received, ask, chat, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import ScriptedUpstream, Stall
from tests.support.waiting import eventually, within

LARGE = Model("org/large", context=128_000, capabilities=frozenset({Capability.TOOLS, Capability.IMAGES}))
HOUSE = provider("house", models=[LARGE, Model("small")])


def config() -> Snapshot:
    both = combo("both", target(HOUSE, "org/large"), target(HOUSE, "small"))
    aliases = {"smart": "both", "gpt-*": "house/*"}
    return snapshot(HOUSE, provider("other"), combos=[both], aliases=aliases)


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    async with running(config()) as made:
        yield made


async def seen(gateway: RunningGateway, path: str) -> Received:
    return await fetch(gateway.url + path, method="GET")


async def test_a_running_process_is_healthy_and_ready(gateway: RunningGateway) -> None:
    assert (await seen(gateway, "/healthz")).json() == {"status": "ok"}
    ready = await seen(gateway, "/readyz")
    assert (ready.status, ready.json()) == (200, {"status": "ready", "generation": 1, "config": "0123456789ab"})


async def test_a_stopping_process_is_healthy_and_not_ready() -> None:
    upstream = ScriptedUpstream(default=[Stall()])
    async with upstream, running(snapshot(provider("p", upstream.url))) as gateway:
        connection = await ask(f"{gateway.url}/v1/chat/completions", chat("p/m"))
        await eventually(lambda: upstream.requests)
        gateway.server.stop()
        ready = await seen(gateway, "/readyz")
        assert (ready.status, ready.json()["status"]) == (503, "stopping")
        assert (await seen(gateway, "/healthz")).status == 200
        await connection.close()


async def test_metrics_are_in_the_form_that_they_say(gateway: RunningGateway) -> None:
    answer = await seen(gateway, "/metrics")
    assert (answer.headers["content-type"], answer.body) == ("text/plain; charset=utf-8", b"# metrics\n")


async def test_the_status_is_what_the_reloader_says(gateway: RunningGateway) -> None:
    gateway.swap(config())
    assert (await seen(gateway, "/api/config/status")).json() == {"active": {"generation": 2}}


async def test_combos_aliases_and_models_are_listed_once_each_and_patterns_are_not(gateway: RunningGateway) -> None:
    listed = (await seen(gateway, "/v1/models")).json()
    assert listed["object"] == "list"
    common = {"object": "model", "created": 1_700_000_000}
    assert listed["data"] == [
        {"id": "both", **common, "owned_by": "combo", "targets": ["house/org/large", "house/small"]},
        {"id": "smart", **common, "owned_by": "alias", "root": "both"},
        {
            "id": "house/org/large",
            **common,
            "owned_by": "house",
            "context_length": 128_000,
            "capabilities": ["images", "tools"],
        },
        {"id": "house/small", **common, "owned_by": "house"},
    ]


@pytest.mark.parametrize("name", ["both", "smart", "house/org/large", "house%2Forg%2Flarge", "house/small"])
async def test_one_of_them_is_found_by_its_name_slashes_and_all(gateway: RunningGateway, name: str) -> None:
    listed = (await seen(gateway, "/v1/models")).json()["data"]
    answer = await seen(gateway, f"/v1/models/{name}")
    assert answer.status == 200
    assert answer.json() == next(each for each in listed if each["id"] == name.replace("%2F", "/"))


@pytest.mark.parametrize("name", ["nobody", "house", "house/", "", "gpt-4", "house/huge"])
async def test_a_name_that_is_not_listed_is_not_found(gateway: RunningGateway, name: str) -> None:
    answer = await seen(gateway, f"/v1/models/{name}")
    assert (answer.status, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert f"'{name}'" in answer.json()["error"]["message"]


async def test_an_alias_that_stands_before_a_model_is_listed_in_its_place() -> None:
    async with running(snapshot(HOUSE, aliases={"house/small": "house/org/large"})) as gateway:
        listed = (await seen(gateway, "/v1/models")).json()["data"]
        one = (await seen(gateway, "/v1/models/house/small")).json()
    assert [(each["id"], each["owned_by"]) for each in listed] == [
        ("house/small", "alias"),
        ("house/org/large", "house"),
    ]
    assert one["root"] == "house/org/large"


async def test_the_list_is_of_the_configuration_in_force(gateway: RunningGateway) -> None:
    gateway.swap(snapshot(provider("house", models=[Model("new")])))
    listed = (await seen(gateway, "/v1/models")).json()["data"]
    assert [each["id"] for each in listed] == ["house/new"]


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/nothing"])
async def test_an_answer_to_head_has_headers_and_no_body(gateway: RunningGateway, path: str) -> None:
    connection = await ask(gateway.url + path, b"", {"connection": "close"}, "HEAD")
    answer = await connection.headers()
    assert answer.status == (404 if path == "/nothing" else 200)
    assert int(answer.headers["content-length"]) > 0
    assert await within(connection.reader.read()) == b""
    await connection.close()


async def test_a_path_that_does_not_exist_is_told_where_inference_is(gateway: RunningGateway) -> None:
    answer = await seen(gateway, "/v2/chat")
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (404, "not_found")
    assert error["message"] == "there is nothing at /v2/chat; inference is at /v1/chat/completions"


async def test_a_bug_in_a_page_is_reported_without_its_words_and_told_as_ours(gateway: RunningGateway) -> None:
    def broken() -> bytes:
        raise ValueError("what a person must not see")

    application = pages(gateway.rt, Eyes(dict, broken, "text/plain"))
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [], "omniroute.request_id": "req_1"}
    await application({**scope, "query_string": b""}, None, send)  # type: ignore[arg-type]  # nothing is received
    assert sent[0]["status"] == 500
    assert b'"internal_error"' in sent[1]["body"]  # type: ignore[operator]  # it is bytes
    [fault] = [each for each in gateway.events if isinstance(each, Faulted)]
    assert (fault.request_id, fault.what) == ("req_1", "ValueError")
    assert "must not see" not in repr((sent, gateway.events))
