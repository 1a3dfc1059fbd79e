"""What looks like a secret is masked, and what does not is left alone."""

import time
from string import ascii_letters, digits

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.leaks import PREFIXES
from omniroute.observe.redact import redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJlLWhlcmU"

SECRETS = [
    ("Authorization: Bearer abcdef123456", "Authorization: Bearer ***"),
    ("proxy-authorization: Basic dXNlcjpwYXNz", "proxy-authorization: Basic ***"),
    ("authorization: a-token-of-some-kind", "authorization: ***"),
    ("got 'bearer 0123456789'", "got 'bearer ***'"),
    ("x-api-key: 0123456789abcdef", "x-api-key: ***"),
    ("X-Goog-Api-Key = 0123456789", "X-Goog-Api-Key = ***"),
    ('{"api_key": "hunter2hunter2"}', '{"api_key": "***"}'),
    (r'"{\"x-api-key\": \"hunter2hunter2\"}"', r'"{\"x-api-key\": \"***\"}"'),
    ("client_secret=hunter2hunter2&grant=x", "client_secret=***&grant=x"),
    ("refresh_token: hunter2hunter2, scope", "refresh_token: ***, scope"),
    (
        "https://api.example/v1beta/models?key=hunter2hunter2&alt=sse",
        "https://api.example/v1beta/models?key=***&alt=sse",
    ),
    ("https://api.example/x?alt=sse&key=hunter2hunter2", "https://api.example/x?alt=sse&key=***"),
    ("socks5://user:hunter2hunter2@proxy:1080", "socks5://user:***@proxy:1080"),
    ("Incorrect API key provided: sk-proj-abc_123-xyz. Find it", "Incorrect API key provided: *** Find it"),
    (f"token {JWT} expired", "token *** expired"),
    ("dQw4w9WgXcQdQw4w9WgXcQdQw4w9", "***"),
]

INNOCENT = [
    "gpt-5-mini-2025-08-07",
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
    "nebius/Qwen/Qwen3-Embedding-8B",
    "req_0123456789abcdef0123456789abcdef",
    "9f3ac1d27e0495b1d27e0495b1d27e04",
    "01JD8ZK3N4P5Q6R7S8T9V0W1X2",
    "input_tokens: 812, max_tokens=4096",
    '{"key": "alice", "key=": 1}',
    "http://10.0.0.7:8000/v1",
    "the api key is missing: send it as 'x-api-key: …'",
    "task-1234567890, risk-1234567890",
    "***",
    "",
]

pieces = st.sampled_from(
    [
        "Bearer ",
        "sk-",
        "?key=",
        "://",
        "api_key",
        "password",
        "eyJabcdefgh",
        "abcd1234",
        "A1b2" * 6,
        "***",
        *"""=:@"'\\ ./-é""",
    ]
)


@pytest.mark.parametrize(("text", "masked"), SECRETS)
def test_a_secret_is_masked_and_what_stands_around_it_is_not(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_key_that_tells_by_how_it_begins_is_masked(prefix: str) -> None:
    assert redact(f"model {prefix}0123456789abcdef.") == "model ***"


@settings(deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@settings(deadline=None)
@given(st.text(ascii_letters + digits, min_size=16, max_size=40))
def test_a_clients_key_of_ours_is_masked_wherever_it_stands(random: str) -> None:
    key = f"sk-omni-{random}"
    for text in (key, f"model '{key}' is not known", f"/v1/x?key={key}", f'{{"asked":"{key}"}}'):
        assert random not in redact(text)


def test_masking_takes_time_in_proportion_to_the_text() -> None:
    # Each of these makes a careless pattern try again from every place.
    for piece in ("a", "A1", "://", "api_key", "eyJ", "Bearer ", "key=", "\\", '"', "x:"):
        text = piece * 20_000
        assert len(redact(text)) <= len(text)


@pytest.mark.parametrize("piece", ["eyJ-", "eyJa", "://a:", "bearer ", "api_key ", "?key=", "sk-a", "aB0"])
def test_a_text_that_repeats_how_a_secret_begins_takes_no_longer_than_its_length(piece: str) -> None:
    def took(length: int) -> float:
        begin = time.process_time()
        redact(piece * (length // len(piece)))
        return time.process_time() - begin

    short = min(took(20_000) for _ in range(3))
    assert took(400_000) < 100 * max(short, 0.001)  # 20 times as long: not 400 times
