"""Names that clients ask for: prefixes, bare names, and models that are gone; from TOML to the upstream."""

from collections.abc import AsyncIterator

import pytest

from omniroute.config.source import Source
from tests.support.client import Received, fetch
from tests.support.gateway import RunningGateway, running
from tests.support.upstream import ScriptedUpstream, chat_answer, chat_stream
from tests.support.written import loaded

SHIPPED = (
    Source(
        "catalogue/seeker.toml",
        '[providers.seeker]\nbase_url = "https://seeker.example/v1"\nauth = "none"\naliases = ["se"]\n'
        '[providers.seeker.models]\nv4 = { context = 1000 }\nv3 = { replaced_by = "v4" }\n',
        shipped=True,
    ),
)


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as made:
        yield made


@pytest.fixture
async def gateway(upstream: ScriptedUpstream) -> AsyncIterator[RunningGateway]:
    text = (
        f'[providers.seeker]\nbase_url = "{upstream.url}/seeker"\n'
        f'[providers.house]\nbase_url = "{upstream.url}/house"\nauth = "none"\n'
        "[providers.house.models]\nboth = {}\nown = {}\n"
        "[providers.seeker.models]\nboth = {}\n"
        '[aliases]\nsmart = "seeker/v3"\n'
    )
    made = loaded(text, shipped=SHIPPED).snapshot
    assert made is not None
    async with running(made) as running_gateway:
        yield running_gateway


async def ask(gateway: RunningGateway, model: str, path: str = "/v1/chat/completions", **more: object) -> Received:
    return await fetch(
        f"{gateway.url}{path}", {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    )


@pytest.mark.parametrize(
    ("asked", "path", "sent"),
    [
        ("se/v4", "/v1/chat/completions", ("/seeker/chat/completions", "v4")),
        ("se/org/unlisted", "/v1/chat/completions", ("/seeker/chat/completions", "org/unlisted")),
        ("v4", "/v1/providers/se/chat/completions", ("/seeker/chat/completions", "v4")),
        ("se/v4", "/v1/providers/seeker/chat/completions", ("/seeker/chat/completions", "v4")),
        ("own", "/v1/chat/completions", ("/house/chat/completions", "own")),
    ],
)
async def test_a_prefix_and_a_bare_name_reach_the_provider_that_is_meant(
    gateway: RunningGateway, upstream: ScriptedUpstream, asked: str, path: str, sent: tuple[str, str]
) -> None:
    answer = await ask(gateway, asked, path)
    assert answer.status == 200
    assert [(each.path, each.json()["model"]) for each in upstream.requests] == [sent]
    assert "x-omniroute-deprecated" not in answer.headers


async def test_a_bare_name_of_several_providers_is_refused_with_the_ways_to_say_it(
    gateway: RunningGateway, upstream: ScriptedUpstream
) -> None:
    answer = await ask(gateway, "both")
    error = answer.json()["error"]
    assert (answer.status, error["code"], upstream.requests) == (400, "ambiguous_model", [])
    assert error["message"].startswith("Ambiguous model 'both': say provider/model (seeker/both or house/both)")


async def test_a_name_of_nobody_is_unknown(gateway: RunningGateway) -> None:
    answer = await ask(gateway, "owm")
    assert (answer.status, answer.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("asked", ["seeker/v3", "se/v3", "v3", "smart"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_is_gone_is_served_by_the_one_in_its_place_and_the_answer_says_so(
    gateway: RunningGateway, upstream: ScriptedUpstream, asked: str, stream: bool
) -> None:
    upstream.default = chat_stream(["Hello."]) if stream else chat_answer("Hello.")
    answer = await ask(gateway, asked, stream=stream)
    assert (answer.status, answer.headers["x-omniroute-deprecated"]) == (200, "seeker/v3 -> seeker/v4")
    assert answer.headers["x-omniroute-target"] == "seeker/v4"
    assert upstream.requests[0].json()["model"] == "v4"


async def test_a_model_that_is_gone_is_listed_no_more(gateway: RunningGateway) -> None:
    listed = (await fetch(f"{gateway.url}/v1/models", method="GET")).json()["data"]
    names = {each["id"] for each in listed}
    assert {"seeker/v4", "seeker/both", "house/own", "smart"} <= names
    assert "seeker/v3" not in names
