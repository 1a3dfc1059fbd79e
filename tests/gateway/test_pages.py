"""The pages that can be read: health, metrics, models."""

import re
from collections.abc import AsyncIterator

import pytest

from omniroute import __version__
from omniroute.config.snapshot import Model, Server, Snapshot
from omniroute.gateway.pages import pages
from omniroute.names import Capability, Format, Scope
from omniroute.observe.events import Faulted
from tests.support.client import Received, ask, chat, fetch
from tests.support.gateway import RunningGateway, eyes, running
from tests.support.snapshots import combo, key, provider, snapshot, target
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


async def test_the_root_says_what_runs_here(gateway: RunningGateway) -> None:
    answer = await seen(gateway, "/")
    assert (answer.status, answer.body) == (200, b"OmniRoute is running\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/models", "/v1/v1/models"])
async def test_a_base_url_with_its_prefix_twice_or_not_at_all_finds_the_models(
    gateway: RunningGateway, path: str
) -> None:
    for rest in ("", "/smart"):
        assert (await seen(gateway, path + rest)).json() == (await seen(gateway, f"/v1/models{rest}")).json()


@pytest.mark.parametrize("path", ["/v1beta/models", "/api/tags", "/api/version", "/v1/models", "/models"])
async def test_model_pages_ask_for_a_key_where_one_is_needed(path: str) -> None:
    keys = [key("alice", "sk-omni-alice"), key("watch", "sk-omni-watch", scopes=[Scope.STATUS])]
    closed = snapshot(HOUSE, keys=keys, server=Server(require_api_key=True))
    async with running(closed) as gateway:
        assert (await seen(gateway, path)).status == 401
        for secret, status in (("sk-omni-alice", 200), ("sk-omni-watch", 403), ("sk-omni-nobody", 401)):
            answer = await fetch(gateway.url + path, headers={"x-api-key": secret}, method="GET")
            assert answer.status == status
            by_query = await seen(gateway, f"{path}?key={secret}")
            assert by_query.status == (status if path.startswith("/v1beta") else 401)
            assert secret.encode() not in by_query.body
        assert "sk-omni-" not in repr(gateway.events)


async def test_a_key_in_the_query_opens_inference_in_that_format_and_is_written_nowhere() -> None:
    echo = provider("echo", "embedded:echo", formats=(Format.GEMINI,))
    closed = snapshot(echo, keys=[key("alice", "sk-omni-alice")], server=Server(require_api_key=True))
    said = {"contents": [{"parts": [{"text": "good morning"}]}]}
    async with running(closed) as gateway:
        url = f"{gateway.url}/v1beta/models/echo/echo-1:generateContent"
        answer = await fetch(f"{url}?key=sk-omni-alice", said)
        assert (answer.status, "good morning" in answer.body.decode()) == (200, True)
        assert [(await fetch(each, said)).status for each in (url, f"{url}?key=sk-omni-bob")] == [401, 401]
        assert "sk-omni-" not in repr(await gateway.ended(3))


async def test_the_version_is_one_that_clients_can_compare(gateway: RunningGateway) -> None:
    answer = (await seen(gateway, "/api/version")).json()
    assert re.fullmatch(r"\d+\.\d+\.\d+", answer["version"])
    assert answer["omniroute"] == __version__


async def show(gateway: RunningGateway, body: object) -> Received:
    return await fetch(f"{gateway.url}/api/show", body)


async def test_a_model_is_shown_under_either_name_of_the_field(gateway: RunningGateway) -> None:
    answers = [await show(gateway, body) for body in ({"model": "smart"}, {"name": "smart", "verbose": True})]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["model_info"]["omniroute.context_length"] == 128_000  # that of small is unknown


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"[]", 400), (b'"\xff"', 400), (b"[" * 100_000, 400), ({}, 404), ({"model": "nobody"}, 404)],
)
async def test_what_cannot_be_shown_is_told_in_the_form_of_ollama(
    gateway: RunningGateway, body: object, status: int
) -> None:
    answer = await show(gateway, body)
    assert answer.status == status
    assert isinstance(answer.json()["error"], str)
    assert not any(isinstance(each, Faulted) for each in gateway.events)


async def test_a_question_longer_than_a_body_may_be_is_refused() -> None:
    async with running(snapshot(HOUSE, server=Server(max_body=30))) as gateway:
        answer = await show(gateway, {"model": "house/small", "verbose": True})
        assert answer.status == 413
        assert "server.max_body" in answer.body.decode()


async def test_a_client_that_leaves_while_it_asks_is_no_fault_of_ours(gateway: RunningGateway) -> None:
    connection = await ask(f"{gateway.url}/api/show", b"{", {"content-length": "9"})
    await connection.close()
    await seen(gateway, "/healthz")
    assert gateway.events == []


DIALECTS = [
    ("/v1/models/nobody", {}, "error.message"),
    ("/v1/models/nobody", {"anthropic-version": "2023-06-01"}, "error.message"),
    ("/v1/models?limit=x", {"anthropic-version": "2023-06-01"}, "error.message"),
    ("/v1beta/models/nobody", {}, "error.message"),
    ("/v1beta/models?pageSize=x", {}, "error.message"),
    ("/v1beta/nothing", {}, "error.message"),
    ("/api/nothing", {}, "error"),
]


@pytest.mark.parametrize(("path", "headers", "place"), DIALECTS)
async def test_errors_are_in_the_form_of_the_page(
    gateway: RunningGateway, path: str, headers: dict[str, str], place: str
) -> None:
    answer = await fetch(gateway.url + path, headers=headers, method="GET")
    assert answer.status in {400, 404}
    body = answer.json()
    assert ("type" in body) == ("anthropic-version" in headers)
    assert ("status" in body["error"]) == path.startswith("/v1beta")
    for step in place.split("."):
        body = body[step]
    assert isinstance(body, str)


@pytest.mark.parametrize("path", ["/healthz", "/", "/v1/models", "/nothing"])
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
    assert error["message"].startswith("there is nothing at /v2/chat; inference is at /v1/chat/completions, ")


async def test_a_bug_in_a_page_is_reported_without_its_words_and_told_as_ours(gateway: RunningGateway) -> None:
    def broken() -> bytes:
        raise ValueError("what a person must not see")

    application = pages(gateway.rt, eyes(metrics=broken))
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
