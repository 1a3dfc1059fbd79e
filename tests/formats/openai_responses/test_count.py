"""Counting tokens."""

import json

import pytest

from omniroute.formats.openai_responses.count import count_body, count_url, read_count, render_count
from tests.formats.openai_responses.exchange import read, write


def test_a_request_is_asked_about_without_what_the_counter_refuses() -> None:
    body, _ = write(read(input="hi", tools=[], stream=True, store=False, temperature=1, instructions="x"))
    assert count_url("m") == "/responses/input_tokens"
    asked = json.loads(count_body(body, "up"))
    assert asked == {"model": "up", "input": [{"role": "user", "content": "hi"}], "instructions": "x"}


def test_a_count_is_read_again() -> None:
    assert json.loads(render_count(7)) == {"object": "response.input_tokens", "input_tokens": 7}
    assert read_count(render_count(7)) == 7


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"input_tokens":"7"}', b'{"input_tokens":true}', b'{"input_tokens":-1}']
)
def test_what_is_no_count_is_none(body: bytes) -> None:
    assert read_count(body) is None
