"""Every client format × every upstream format: one conversation with a tool, and what the upstream is asked of it."""

from typing import Any

import pytest

from omniroute.names import Format
from tests.support.answers import Saying, script
from tests.support.gateway import running
from tests.support.sdk import AGAIN, ASK, RESULT, SYSTEM, question
from tests.support.snapshots import provider, snapshot
from tests.support.upstream import ScriptedUpstream
from tests.support.wellformed import faults
from tests.support.wires import ROOT, UPSTREAMS, path_of, results, tools, words


def limit(wire: Format, body: dict[str, Any]) -> int | None:
    """The longest answer that a request allows."""
    within = {Format.GEMINI: "generationConfig", Format.OLLAMA: "options"}.get(wire)
    names = ("max_completion_tokens", "max_tokens", "max_output_tokens", "maxOutputTokens", "num_predict")
    settings = body[within] if within else body
    return next((settings[name] for name in names if name in settings), None)


def instructions(wire: Format, body: dict[str, Any]) -> str:
    """The system prompt of a request."""
    if wire is Format.ANTHROPIC_MESSAGES:
        return words(body["system"])
    if wire is Format.GEMINI:
        return words(body["systemInstruction"]["parts"])
    if wire is Format.OPENAI_RESPONSES and "instructions" in body:
        return words(body["instructions"])
    first = (body["input"] if wire is Format.OPENAI_RESPONSES else body["messages"])[0]
    assert first["role"] in {"system", "developer"}
    return words(first["content"])


def last_words(wire: Format, body: dict[str, Any]) -> str:
    """What the user said last."""
    if wire is Format.GEMINI:
        return str(body["contents"][-1]["parts"][-1]["text"])
    last = (body["input"] if wire is Format.OPENAI_RESPONSES else body["messages"])[-1]
    assert last["role"] == "user"
    content = last["content"]
    return content if isinstance(content, str) else str(content[-1]["text"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", UPSTREAMS, ids=str)
@pytest.mark.parametrize("client", UPSTREAMS, ids=str)
async def test_an_upstream_is_asked_what_the_client_asked(client: Format, wire: Format, stream: bool) -> None:
    said = script(wire, Saying("It is mild."), stream=stream)
    async with ScriptedUpstream(default=said) as upstream:
        house = provider("house", upstream.url + ROOT[wire], formats=frozenset({wire}))
        async with running(snapshot(house, aliases={"m": "house/org/m"})) as gateway:
            heard = await ASK[client](gateway.url, question(client, "m", stream=stream), stream=stream, strict=True)
    assert (heard.text, heard.error) == ("It is mild.", None)
    [asked] = upstream.requests
    body = asked.json()
    assert asked.target == path_of(wire, "org/m", stream=stream)
    assert body.get("model") == (None if wire is Format.GEMINI else "org/m")
    assert faults(wire, body) == []
    assert tools(wire, body) == {"weather"}
    [result] = results(wire, body)
    assert RESULT in result
    assert instructions(wire, body) == SYSTEM
    assert last_words(wire, body) == AGAIN
    assert limit(wire, body) == 500


@pytest.mark.parametrize("wire", UPSTREAMS, ids=str)
def test_a_request_that_no_sdk_could_send_has_faults(wire: Format) -> None:
    good = question(wire, "m", stream=False)
    if wire is Format.GEMINI:
        del good["model"]
    assert faults(wire, good) == []
    place = {Format.GEMINI: "contents", Format.OPENAI_RESPONSES: "input"}.get(wire, "messages")
    turn = {"role": "nobody", "parts": 7, "content": 7}
    assert faults(wire, {**good, place: 7 if wire is Format.OLLAMA else [*good[place], turn]})
