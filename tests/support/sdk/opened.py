"""Opens the official SDKs' asynchronous clients, so that each is closed again and loads no certificates."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anthropic
import httpx
import ollama
import openai
from google import genai
from google.genai import types

KEY = "sk-client"


def said(error: openai.APIError) -> str:
    """The server's own words of an error, without what the OpenAI SDK puts before them."""
    words = error.body.get("message") if isinstance(error.body, dict) else None
    return words if isinstance(words, str) else error.message


@asynccontextmanager
async def openai_client(url: str, retries: int, headers: Mapping[str, str]) -> AsyncIterator[openai.AsyncOpenAI]:
    """An OpenAI client."""
    plain = openai.DefaultAsyncHttpxClient(verify=False)
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key=KEY, max_retries=retries, http_client=plain, default_headers=headers
    ) as client:
        yield client


@asynccontextmanager
async def anthropic_client(
    url: str, retries: int, headers: Mapping[str, str]
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """An Anthropic client."""
    plain = anthropic.DefaultAsyncHttpxClient(verify=False)
    async with anthropic.AsyncAnthropic(
        base_url=url, api_key=KEY, max_retries=retries, http_client=plain, default_headers=headers
    ) as client:
        yield client


@asynccontextmanager
async def gemini_client(url: str, retries: int, headers: Mapping[str, str]) -> AsyncIterator[genai.Client]:
    """A Google client; it counts attempts, the first among them."""
    async with httpx.AsyncClient(verify=False, timeout=None) as plain:
        options = types.HttpOptions(
            base_url=url,
            headers=dict(headers),
            httpx_async_client=plain,
            client_args={"verify": False},
            retry_options=types.HttpRetryOptions(attempts=retries + 1, initial_delay=0.01, jitter=0.0),
        )
        client = genai.Client(api_key=KEY, vertexai=False, http_options=options)
        try:
            yield client
        finally:
            await client.aio.aclose()
            client.close()


@asynccontextmanager
async def ollama_client(url: str, headers: Mapping[str, str]) -> AsyncIterator[ollama.AsyncClient]:
    """An Ollama client; it never asks twice."""
    async with ollama.AsyncClient(url, verify=False, headers={"authorization": f"Bearer {KEY}", **headers}) as client:
        yield client
