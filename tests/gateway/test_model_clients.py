"""The official clients list the gateway's models, each in its own format, and read what goes wrong."""

from collections.abc import AsyncIterator

import anthropic
import ollama
import openai
import pytest
from google import genai
from google.genai import errors, types

from omniroute.config.snapshot import Model, Server
from omniroute.names import Capability
from tests.support.gateway import RunningGateway, running
from tests.support.snapshots import combo, key, provider, snapshot, target

KEY = "sk-omni-alice"
LARGE = Model("org/large", 128_000, 8_000, frozenset({Capability.TOOLS}))
HOUSE = provider("house", models=[LARGE, *(Model(f"m{number}") for number in range(60))])
NAMES = ["both", "smart", "house/org/large", *(f"house/m{number}" for number in range(60))]


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    both = combo("both", target(HOUSE, "org/large"), target(HOUSE, "m1"))
    server = Server(require_api_key=True)
    config = snapshot(HOUSE, combos=[both], aliases={"smart": "both"}, keys=[key("alice", KEY)], server=server)
    async with running(config) as made:
        yield made


@pytest.mark.parametrize("prefix", ["/v1", "/v1/v1", ""])
async def test_with_openai(gateway: RunningGateway, prefix: str) -> None:
    base_url = gateway.url + prefix
    async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0) as client:
        assert [model.id async for model in client.models.list()] == NAMES
        model = await client.models.retrieve("house/org/large")
        assert (model.id, model.owned_by) == ("house/org/large", "house")
        with pytest.raises(openai.NotFoundError, match="'nobody'"):
            await client.models.retrieve("nobody")
    async with openai.AsyncOpenAI(base_url=base_url, api_key="wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()


async def test_with_anthropic(gateway: RunningGateway) -> None:
    async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        assert [model.id async for model in client.models.list()] == NAMES
        page = await client.models.list(limit=2, before_id="house/m1")
        assert ([model.id for model in page.data], page.has_more) == (["house/org/large", "house/m0"], True)
        model = await client.models.retrieve("house/org/large")
        assert (model.type, model.display_name, model.lifecycle) == ("model", "house/org/large", "active")
        assert (model.max_input_tokens, model.max_tokens, model.created_at.year) == (128_000, 8_000, 1970)
        with pytest.raises(anthropic.NotFoundError, match="'nobody'"):
            await client.models.retrieve("nobody")
        with pytest.raises(anthropic.BadRequestError, match="after_id"):
            await client.models.list(after_id="nobody")
    async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key="wrong", max_retries=0) as stranger:
        with pytest.raises(anthropic.AuthenticationError):
            await stranger.models.list()


@pytest.mark.parametrize("version", ["v1beta", "v1"])
async def test_with_google_genai(gateway: RunningGateway, version: str) -> None:
    options = types.HttpOptions(base_url=gateway.url, api_version=version)
    async with genai.Client(api_key=KEY, http_options=options).aio as client:
        listed = [model.name async for model in await client.models.list()]
        assert listed == [f"models/{name}" for name in NAMES]
        model = await client.models.get(model="house/org/large")
        assert (model.name, model.display_name) == ("models/house/org/large", "house/org/large")
        assert (model.input_token_limit, model.output_token_limit) == (128_000, 8_000)
        assert "generateContent" in (model.supported_actions or [])
        with pytest.raises(errors.ClientError, match="'nobody'") as missing:
            await client.models.get(model="nobody")
        assert (missing.value.code, missing.value.status) == (404, "NOT_FOUND")
    async with genai.Client(api_key="wrong", http_options=options).aio as stranger:
        with pytest.raises(errors.ClientError) as refused:
            await stranger.models.list()
        assert refused.value.code == 401


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_with_ollama(gateway: RunningGateway, prefix: str) -> None:
    client = ollama.AsyncClient(gateway.url + prefix, headers={"authorization": f"Bearer {KEY}"})
    listed = await client.list()
    assert [model.model for model in listed.models] == NAMES
    assert listed.models[0].digest is not None
    assert len(listed.models[0].digest) == 64
    shown = await client.show("house/org/large")
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo == {"general.architecture": "omniroute", "omniroute.context_length": 128_000}
    with pytest.raises(ollama.ResponseError, match="'nobody'") as missing:
        await client.show("nobody")
    assert missing.value.status_code == 404
    await client._client.aclose()
    stranger = ollama.AsyncClient(gateway.url, headers={"authorization": "Bearer wrong"})
    with pytest.raises(ollama.ResponseError, match="not known here"):
        await stranger.list()
    await stranger._client.aclose()
