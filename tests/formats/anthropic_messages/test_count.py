"""The endpoint that counts tokens: what is sent there, and what comes back."""

import json

import pytest

from omniroute.formats.anthropic_messages.count import count_body, count_url, read_count, render_count
from tests.formats.anthropic_messages.samples import COUNTS, NEEDS_TRAFFIC


def test_only_what_makes_the_prompt_is_counted() -> None:
    body = {"messages": [], "max_tokens": 5, "stream": True, "tools": [], "temperature": 1, "thinking": {"type": "x"}}
    assert json.loads(count_body(body, "m")) == {"model": "m", "messages": [], "tools": [], "thinking": {"type": "x"}}
    assert count_url("m") == "/v1/messages/count_tokens"


@pytest.mark.parametrize(
    ("body", "tokens"),
    [(b'{"input_tokens":7}', 7), (b"{}", None), (b'{"input_tokens":"7"}', None), (b"[]", None), (b"", None)],
)
def test_a_count_is_read(body: bytes, tokens: int | None) -> None:
    assert read_count(body) == tokens


def test_a_count_returns() -> None:
    assert render_count(7) == b'{"input_tokens":7}'


@NEEDS_TRAFFIC
def test_recorded_counts_are_read_and_their_requests_lose_nothing() -> None:
    for path in COUNTS.glob("*.json"):
        exchange = json.loads(path.read_text("utf-8"))
        body = exchange["request_body"]
        assert json.loads(count_body(body, body["model"])) == body
        assert (read_count(exchange["response_body"].encode()) is not None) == (exchange["status"] == 200)
