"""The edge on a real port: headers, client keys, and the two kinds of inference paths."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from omniroute.config.snapshot import Key, Server
from omniroute.gateway.app import common_headers
from omniroute.names import Outcome, Scope
from tests.support.client import Received, ask, chat, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, key, provider, snapshot, target
from tests.support.upstream import ScriptedUpstream, chat_stream, error_answer
from tests.support.waiting import within

ALICE = key("alice", "sk-alice")
OLD = key("old", "sk-old", expires=1)
WATCHER = key("watcher", "sk-watcher", scopes=[Scope.STATUS])
KEYS = [ALICE, OLD, WATCHER]
CHAT = "/v1/chat/completions"


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as made:
        yield made


@pytest.fixture
async def gateway(upstream: ScriptedUpstream) -> AsyncIterator[RunningGateway]:
    house, other = provider("house", f"{upstream.url}/v1"), provider("other", f"{upstream.url}/v1")
    both = combo("both", target(house, "m"), target(other, "m"))
    async with running(snapshot(house, other, combos=[both])) as made:
        yield made


@pytest.fixture
async def keyed(upstream: ScriptedUpstream) -> AsyncIterator[RunningGateway]:
    config = snapshot(provider("house", f"{upstream.url}/v1"), keys=KEYS, server=Server(require_api_key=True))
    async with running(config) as made:
        yield made


# Headers.


async def test_every_response_carries_an_id_of_its_own_and_the_configuration(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.then(*[chat_stream(["x"])] * 3, error_answer("no", 400))
    asked = [
        ("POST", CHAT, chat("both", stream=True)),
        ("POST", CHAT, chat("both", stream=True)),
        ("POST", "/v1/providers/house/chat/completions", chat("m", stream=True)),
        ("POST", CHAT, chat("both")),
        ("POST", CHAT, chat("nobody/m")),
        ("POST", CHAT, b"{"),
        ("POST", "/v1/providers/nobody/chat/completions", chat("m")),
        ("POST", "/v1/chat/nothing", chat("m")),
        ("POST", "/v1/models", b""),
        ("GET", CHAT, b""),
        ("GET", "/healthz", b""),
        ("GET", "/readyz", b""),
        ("GET", "/metrics", b""),
        ("GET", "/v1/models", b""),
        ("GET", "/v1/models/both", b""),
        ("GET", "/v1/models/nobody", b""),
        ("GET", "/api/config/status", b""),
        ("GET", "/", b""),
    ]
    answers = [await fetch(gateway.url + path, body, method=method) for method, path, body in asked]
    assert {each.headers["x-omniroute-config"] for each in answers} == {"1-0123456789ab"}
    ids = [each.headers["x-request-id"] for each in answers]
    assert len(set(ids)) == len(asked)
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", each) for each in ids)
    assert {each.status for each in answers} == {200, 400, 404, 405}


async def test_an_errors_body_has_the_id_of_its_header(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.then(error_answer("no", 400))
    answers = [
        await fetch(gateway.url + CHAT, chat("house/m")),
        await fetch(gateway.url + CHAT, chat("nobody/m")),
        await fetch(f"{gateway.url}/nothing", method="GET"),
        await fetch(f"{gateway.url}/healthz"),
    ]
    for each in answers:
        assert each.json()["error"]["omniroute"]["request_id"] == each.headers["x-request-id"]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_says_who_gave_it_and_at_which_attempt(
    gateway: RunningGateway, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.then(error_answer("slow down", 429, (("retry-after", "9"),)))
    upstream.then(*[chat_stream(["x"])] if stream else [])
    answer = await fetch(gateway.url + CHAT, chat("both", stream=stream))
    assert answer.headers["x-omniroute-target"] == "other/m"
    assert answer.headers["x-omniroute-attempts"] == "2"
    assert "retry-after" not in answer.headers


async def test_where_all_were_busy_the_client_is_told_how_often_was_tried_and_when_to_come_again(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    upstream.then(*(error_answer("slow down", 429, (("retry-after", wait),)) for wait in ("9", "4")))
    answer = await fetch(gateway.url + CHAT, chat("both"))
    assert answer.status == 429
    assert (answer.headers["x-omniroute-attempts"], answer.headers["retry-after"]) == ("2", "4")
    assert "x-omniroute-target" not in answer.headers


async def test_a_model_whose_name_is_no_header_is_answered_all_the_same(gateway: RunningGateway) -> None:
    answer = await fetch(gateway.url + CHAT, chat("house/a\r\nx-injected: yes"))
    assert answer.status == 200
    assert "x-injected" not in answer.headers
    assert answer.headers["x-omniroute-target"] == "house/a%0D%0Ax-injected:%20yes"
    [row] = await gateway.ended()
    assert row.outcome is Outcome.OK


async def test_a_client_that_waits_to_be_told_to_send_its_body_is_told(gateway: RunningGateway) -> None:
    connection = await ask(gateway.url + CHAT, b"", {"expect": "100-continue", "content-length": "61"})
    assert await within(connection.reader.readuntil(b"\r\n\r\n")) == b"HTTP/1.1 100 Continue\r\n\r\n"
    body = b'{"model": "house/m", "messages": []}'
    connection.writer.write(body + b" " * (61 - len(body)))
    assert (await within(connection.headers())).status == 200
    await connection.close()


# Paths.


@pytest.mark.parametrize(
    ("provider_name", "model", "sent"),
    [
        ("house", "m", "m"),
        ("house", "house/m", "m"),
        ("house", "org/m", "org/m"),
        ("other", "m", "m"),
    ],
)
async def test_a_path_that_names_its_provider_needs_no_prefix(
    gateway: RunningGateway, upstream: ScriptedUpstream, provider_name: str, model: str, sent: str
) -> None:
    answer = await fetch(f"{gateway.url}/v1/providers/{provider_name}/chat/completions", chat(model))
    assert (answer.status, answer.headers["x-omniroute-target"]) == (200, f"{provider_name}/{sent}")
    assert upstream.requests[0].json()["model"] == sent
    [row] = await gateway.ended()
    assert (row.asked, row.provider) == (model, provider_name)


async def test_a_model_of_another_provider_than_the_paths_is_refused(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    answer = await fetch(f"{gateway.url}/v1/providers/house/chat/completions", chat("other/m"))
    assert (answer.status, answer.json()["error"]["code"]) == (400, "wrong_provider")
    assert "house/" in answer.json()["error"]["message"]
    assert upstream.requests == []


@pytest.mark.parametrize("name", ["huose", "", "house%2F..", "chat"])
async def test_a_provider_that_is_not_configured_is_not_found(gateway: RunningGateway, name: str) -> None:
    answer = await fetch(f"{gateway.url}/v1/providers/{name}/chat/completions", chat("m"))
    assert answer.status == 404
    assert answer.json()["error"]["omniroute"]["request_id"] == answer.headers["x-request-id"]


async def test_a_mistyped_provider_is_told_what_was_probably_meant(gateway: RunningGateway) -> None:
    answer = await fetch(f"{gateway.url}/v1/providers/huose/chat/completions", chat("m"))
    assert "did you mean 'house'?" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/providers/house/models", "/v1/providers/house", "/v1/chat/completions/"])
async def test_a_path_beside_those_of_the_tables_does_not_exist(gateway: RunningGateway, path: str) -> None:
    answer = await fetch(gateway.url + path, chat("m"))
    assert (answer.status, answer.json()["error"]["code"]) == (404, "not_found")
    assert gateway.exchanged == []


# Client keys.

GOOD, WRONG, EXPIRED, UNSCOPED = "sk-alice", "sk-bob", "sk-old", "sk-watcher"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"authorization": f"Bearer {GOOD}"}, 200, ""),
        ({"authorization": f"bearer {GOOD}"}, 200, ""),
        ({"x-api-key": GOOD}, 200, ""),
        ({"x-goog-api-key": GOOD}, 200, ""),
        ({}, 401, "invalid_api_key"),
        ({"authorization": "Bearer "}, 401, "invalid_api_key"),
        ({"authorization": f"Basic {GOOD}"}, 401, "invalid_api_key"),
        ({"authorization": f"Bearer {WRONG}"}, 401, "invalid_api_key"),
        ({"authorization": f"Bearer {WRONG}", "x-api-key": GOOD}, 401, "invalid_api_key"),
        ({"x-api-key": WRONG}, 401, "invalid_api_key"),
        ({"authorization": f"Bearer {EXPIRED}"}, 401, "invalid_api_key"),
        ({"authorization": f"Bearer {UNSCOPED}"}, 403, "forbidden"),
    ],
)
async def test_a_client_is_known_by_its_key(
    keyed: RunningGateway, upstream: ScriptedUpstream, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await fetch(keyed.url + CHAT, chat("house/m"), headers)
    assert answer.status == status
    [row] = await keyed.ended()
    assert (row.status, row.code) == (status, code)
    assert row.key == ("alice" if status == 200 else "")
    assert len(upstream.requests) == (status == 200)
    if code:
        assert answer.json()["error"]["code"] == code
    for each in (GOOD, WRONG, EXPIRED, UNSCOPED):
        assert each not in answer.body.decode() + repr(row)


async def test_a_clients_key_is_not_passed_on(keyed: RunningGateway, upstream: ScriptedUpstream) -> None:
    await fetch(keyed.url + CHAT, chat("house/m"), {"authorization": f"Bearer {GOOD}", "x-api-key": GOOD})
    assert GOOD not in repr(upstream.requests)


def scoped(*scopes: Scope) -> list[Key]:
    return [key("one", GOOD, scopes=scopes)]


async def seen(gateway: RunningGateway, path: str, presented: str | None) -> Received:
    return await fetch(gateway.url + path, b"", {"x-api-key": presented} if presented else {}, "GET")


@pytest.mark.parametrize("path", ["/metrics", "/api/config/status"])
async def test_what_shows_the_gateways_state_needs_a_key_with_the_scope_status(
    keyed: RunningGateway, path: str
) -> None:
    found = {each: (await seen(keyed, path, each)).status for each in (None, GOOD, WRONG, EXPIRED, UNSCOPED)}
    assert found == {None: 401, GOOD: 403, WRONG: 401, EXPIRED: 401, UNSCOPED: 200}


async def test_the_list_of_models_needs_the_scope_that_asking_them_needs(keyed: RunningGateway) -> None:
    for path in ("/v1/models", "/v1/models/house/m"):
        found = [(await seen(keyed, path, each)).status for each in (None, WRONG, UNSCOPED)]
        assert found == [401, 401, 403]
    assert (await seen(keyed, "/v1/models", GOOD)).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_for_everybody(keyed: RunningGateway, path: str) -> None:
    assert [(await seen(keyed, path, each)).status for each in (None, WRONG, UNSCOPED)] == [200, 200, 200]


async def test_where_no_key_is_required_a_status_page_still_needs_one_if_there_are_any(
    upstream: ScriptedUpstream,
) -> None:
    async with running(snapshot(provider("house", upstream.url), keys=KEYS)) as gateway:
        assert (await seen(gateway, "/v1/models", None)).status == 200
        assert [(await seen(gateway, "/metrics", each)).status for each in (None, WRONG)] == [401, 401]
    async with running(snapshot(provider("house", upstream.url))) as gateway:
        assert (await seen(gateway, "/metrics", None)).status == 200


# The small parts.


def test_the_common_headers_are_id_and_configuration() -> None:
    assert common_headers(b"7-abc", "req_1") == [(b"x-request-id", b"req_1"), (b"x-omniroute-config", b"7-abc")]


async def test_requests_of_many_clients_at_once_do_not_mix(gateway: RunningGateway, upstream: ScriptedUpstream) -> None:
    upstream.respond = lambda asked: chat_stream([asked.json()["model"]])
    names = [f"house/model-{number}" for number in range(50)]
    answers = await asyncio.gather(*(fetch(gateway.url + CHAT, chat(name, stream=True)) for name in names))
    assert [f"house/{each.text}" for each in answers] == names
