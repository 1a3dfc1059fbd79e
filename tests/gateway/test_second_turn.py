"""A second turn: what a client was given to keep comes back to the provider that signed it, whatever lies between.

The upstream thinks, signs, and calls a tool. The client, by its official SDK, sends back what it heard, just as that
SDK's documentation says, with the tool's result; the upstream must find its own signature, unchanged, in its own place.
"""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from omniroute.names import Format
from tests.support.answers import JSON, Call, Saying, messages_whole, responses_whole
from tests.support.answers import gemini_whole as gemini_answer
from tests.support.gateway import running
from tests.support.peer import Script
from tests.support.sdk import question
from tests.support.sdk.heard import NONE
from tests.support.sdk.opened import anthropic_client, gemini_client, openai_client
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import ScriptedUpstream, answer
from tests.support.wellformed import faults
from tests.support.wires import ROOT, results

THOUGHT, RESULT = "Let me see.", "18 degrees"
SAID = Saying("", [Call("weather", {"city": "Oslo"})])
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBwcm92aWRlcg=="


def anthropic_signed() -> dict[str, Any]:
    whole = messages_whole(SAID)
    whole["content"].insert(0, {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE})
    return whole


def responses_signed() -> dict[str, Any]:
    whole = responses_whole(SAID)
    summary = [{"type": "summary_text", "text": THOUGHT}]
    item = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": SIGNATURE}
    whole["output"].insert(0, item)
    return whole


def gemini_signed() -> dict[str, Any]:
    whole = gemini_answer(SAID)
    parts = whole["candidates"][0]["content"]["parts"]
    parts[0]["thoughtSignature"] = SIGNATURE
    parts.insert(0, {"text": THOUGHT, "thought": True})
    return whole


def anthropic_place(body: dict[str, Any]) -> Any:
    turn = next(each for each in body["messages"] if each["role"] == "assistant" and signed(each))
    kinds = [block["type"] for block in turn["content"]]
    assert kinds == ["thinking", "tool_use"]
    return turn["content"][0]["signature"]


def responses_place(body: dict[str, Any]) -> Any:
    kinds = [item.get("type", "message") for item in body["input"]]
    at = kinds.index("reasoning")
    assert kinds[at : at + 3] == ["reasoning", "function_call", "function_call_output"]
    return body["input"][at]["encrypted_content"]


def gemini_place(body: dict[str, Any]) -> Any:
    turn = next(each for each in body["contents"] if each["role"] == "model" and signed(each))
    [call] = [part for part in turn["parts"] if "functionCall" in part]
    return call["thoughtSignature"]


def signed(turn: dict[str, Any]) -> bool:
    return SIGNATURE in json.dumps(turn)


@dataclass(frozen=True)
class Signer:
    """An upstream that signs: its answer, and where in a request its signature must be."""

    answer: Callable[[], dict[str, Any]]
    place: Callable[[dict[str, Any]], Any]


SIGNERS = {
    Format.ANTHROPIC_MESSAGES: Signer(anthropic_signed, anthropic_place),
    Format.OPENAI_RESPONSES: Signer(responses_signed, responses_place),
    Format.GEMINI: Signer(gemini_signed, gemini_place),
}


async def anthropic_turns(url: str) -> None:
    asked = question(Format.ANTHROPIC_MESSAGES, "m", stream=False)
    asked |= {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000}
    async with anthropic_client(url, 0, NONE) as client:
        heard = await client.messages.create(**asked)
        [call] = [block for block in heard.content if block.type == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": RESULT}
        turns = [{"role": "assistant", "content": heard.content}, {"role": "user", "content": [result]}]
        await client.messages.create(**{**asked, "messages": [*asked["messages"], *turns]})


async def responses_turns(url: str) -> None:
    asked = question(Format.OPENAI_RESPONSES, "m", stream=False)
    asked |= {"include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"}}
    async with openai_client(url, 0, NONE) as client:
        heard = await client.responses.create(**asked)
        [call] = [item for item in heard.output if item.type == "function_call"]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": RESULT}
        await client.responses.create(**{**asked, "input": [*asked["input"], *heard.output, result]})


async def chat_turns(url: str) -> None:
    asked = question(Format.OPENAI_CHAT, "m", stream=False)
    async with openai_client(url, 0, NONE) as client:
        heard = (await client.chat.completions.create(**asked)).choices[0].message
        [call] = heard.tool_calls or ()
        turns = [heard, {"role": "tool", "tool_call_id": call.id, "content": RESULT}]
        await client.chat.completions.create(**{**asked, "messages": [*asked["messages"], *turns]})


async def gemini_turns(url: str) -> None:
    asked = question(Format.GEMINI, "m", stream=False)
    settings = {"tools": asked["tools"], "thinking_config": {"include_thoughts": True}}
    async with gemini_client(url, 0, NONE) as client:
        heard = await client.aio.models.generate_content(model="m", contents=asked["contents"], config=settings)
        result = {"functionResponse": {"name": "weather", "response": {"output": RESULT}}}
        turns = [(heard.candidates or [])[0].content, {"role": "user", "parts": [result]}]
        contents = [*asked["contents"], *turns]
        await client.aio.models.generate_content(model="m", contents=contents, config=settings)


TURNS = {
    Format.ANTHROPIC_MESSAGES: anthropic_turns,
    Format.OPENAI_RESPONSES: responses_turns,
    Format.OPENAI_CHAT: chat_turns,
    Format.GEMINI: gemini_turns,
}

# Chat Completions has a place for one provider's signatures only, which that provider documents.
WAYS = [(client, wire) for client in TURNS for wire in SIGNERS if client is not Format.OPENAI_CHAT] + [
    (Format.OPENAI_CHAT, Format.GEMINI)
]


@asynccontextmanager
async def signing(wire: Format) -> AsyncIterator[tuple[str, ScriptedUpstream]]:
    """A gateway in front of an upstream that signs."""
    said: Script = answer(json.dumps(SIGNERS[wire].answer()).encode(), headers=JSON)
    async with ScriptedUpstream(default=said) as upstream:
        house = provider("house", upstream.url + ROOT[wire], formats=frozenset({wire}))
        async with running(snapshot(house, aliases={"m": "house/m"})) as gateway:
            yield gateway.url, upstream


@pytest.mark.parametrize(("client", "wire"), WAYS, ids=str)
async def test_a_signature_comes_back_to_its_provider(client: Format, wire: Format) -> None:
    async with signing(wire) as (url, upstream):
        await TURNS[client](url)
    first, second = (request.json() for request in upstream.requests)
    assert not signed(first)
    assert SIGNERS[wire].place(second) == SIGNATURE
    assert RESULT in results(wire, second)[-1]
    for item in second["input"] if wire is Format.OPENAI_RESPONSES else ():
        if item.get("type") == "reasoning":
            # The SDK's type demands an id, which only a client of the same format has; without `store` none is needed.
            item.setdefault("id", "rs_1")
    assert faults(wire, second) == []
