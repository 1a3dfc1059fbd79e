"""Counting tokens."""

import json
from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.gemini import count


def test_a_request_for_counting_holds_all_that_would_be_sent() -> None:
    body = {"contents": [], "tools": []}
    for model, name in (("m", "models/m"), ("models/m", "models/m"), ("tunedModels/m", "tunedModels/m")):
        assert json.loads(count.count_body(body, model)) == {"generateContentRequest": {**body, "model": name}}
    assert body == {"contents": [], "tools": []}
    assert count.count_url("a b") == "/models/a%20b:countTokens"


@pytest.mark.parametrize(
    ("body", "tokens"),
    [(b'{"totalTokens": 13}', 13), (b'{"total_tokens":"13"}', 13), (b"{}", None), (b"[]", None), (b"no", None)],
)
def test_a_count_is_read(body: bytes, tokens: int | None) -> None:
    assert count.read_count(body) == tokens


def test_a_count_is_written() -> None:
    assert count.read_count(count.render_count(7)) == 7


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"contents": [1]}, {"contents": [1]}),
        ({"generateContentRequest": {"model": "models/m", "contents": []}}, {"model": "models/m", "contents": []}),
        ({"generate_content_request": {"contents": []}}, {"contents": []}),
    ],
)
def test_a_clients_request_for_counting_is_one_for_generating(body: Any, expected: Any) -> None:
    assert json.loads(count.read_count_request(json.dumps(body).encode(), "m")) == expected


@pytest.mark.parametrize("body", [b"[]", b"no", b'{"generateContentRequest": 3}'])
def test_what_cannot_be_counted_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        count.read_count_request(body, "m")
