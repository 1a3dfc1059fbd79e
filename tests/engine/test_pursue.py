"""Candidates are tried one after the other, each in its own format, until one has answered."""

from omniroute.names import FailureKind, Format
from tests.support.client import fetch
from tests.support.gateway import running
from tests.support.snapshots import combo, provider, snapshot, target
from tests.support.upstream import ScriptedUpstream, chat_answer, error_answer, json_answer

QUESTION = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "from anthropic"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 2},
}


async def test_a_combo_may_mix_formats_and_each_candidate_is_asked_in_its_own() -> None:
    async with ScriptedUpstream() as first, ScriptedUpstream() as second:
        claude = provider("claude", first.url, formats=(Format.ANTHROPIC_MESSAGES,))
        chat = provider("chat", f"{second.url}/v1")
        config = snapshot(claude, chat, combos=[combo("c", target(claude, "a"), target(chat, "b"))])
        first.then(json_answer(MESSAGE), error_answer("busy", 529))
        second.then(chat_answer("from chat"))
        async with running(config) as gateway:
            answers = [await fetch(f"{gateway.url}/v1/messages", QUESTION) for _ in range(2)]
            rows = await gateway.ended(2)
    assert [answer.json()["content"][0]["text"] for answer in answers] == ["from anthropic", "from chat"]
    assert answers[0].json() == MESSAGE
    assert [each.failure for each in rows[1].attempts] == [FailureKind.BUSY, None]
    assert [row.upstream_format for row in rows] == [Format.ANTHROPIC_MESSAGES, Format.OPENAI_CHAT]
    assert [request.path for request in (*first.requests, *second.requests)] == [
        "/v1/messages",
        "/v1/messages",
        "/v1/chat/completions",
    ]


async def test_when_all_have_failed_every_failure_is_told_in_the_clients_dialect() -> None:
    async with ScriptedUpstream(default=error_answer("down", 503)) as upstream:
        claude = provider("claude", upstream.url, formats=(Format.ANTHROPIC_MESSAGES,))
        chat = provider("chat", f"{upstream.url}/v1")
        config = snapshot(claude, chat, combos=[combo("c", target(claude, "a"), target(chat, "b"))])
        async with running(config) as gateway:
            answer = await fetch(f"{gateway.url}/v1/messages", QUESTION)
    assert (answer.status, answer.json()["type"]) == (502, "error")
    attempts = answer.json()["error"]["omniroute"]["attempts"]
    assert [each["target"] for each in attempts] == ["claude/a", "chat/b"]
