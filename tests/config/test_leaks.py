import pytest

from omniroute.config.leaks import BULLETS, looks_secret, redacted, seems_random

R = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"


@pytest.mark.parametrize(
    "text",
    [
        f"sk-{R}",
        f"sk-proj-{R}",
        f"sk_live_{R}",
        f"gsk_{R}",
        f"short-{R}",
        f"hf_{R}",
        f"r8_{R}",
        f"tgp_v1_{R}",
        f"fw_{R}",
        f"ghp_{R}",
        f"github_pat_{R}",
        f"glpat-{R}",
        f"AIza{R}",
        "AKIAIOSFODNN7EXAMPLE",
        f"xoxb-{R}",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.dBjftJeZ4CVPmB92K27u",
        "Bearer abcdefghijkl",
        "https://user:password@host.example/v1",
        f"https://host.example/v1?key=sk-{R}",
    ],
)
def test_keys_tokens_and_passwords_are_recognised(text: str) -> None:
    assert looks_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "env:OPENAI_API_KEY",
        "sk-a-very-long-name-without-any-digit",
        "openai/gpt-5",
        "https://host.example:8443/v1",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "file:/run/secrets/openai",
        "qwen3-32b",
        "Token budgets are counted for each request",
        "accounts/fireworks/models/llama-v3p1-405b-instruct",
    ],
)
def test_ordinary_values_are_let_be(text: str) -> None:
    assert not looks_secret(text)


def test_secrets_are_taken_out_of_a_sentence_and_nothing_else_is() -> None:
    assert redacted(f"alias `a` names `sk-{R}`, which") == f"alias `a` names `{BULLETS}`, which"
    assert redacted("https://user:password@host/v1") == f"https://{BULLETS}@host/v1"
    assert redacted("no sk-digits-at-all-in-this-word") == "no sk-digits-at-all-in-this-word"


def test_long_mixed_words_seem_random_and_sentences_do_not() -> None:
    assert seems_random("a8f3Kd93jD83hd72Hs9d")
    assert not seems_random("hunter2")
    assert not seems_random("an ordinary sentence with 2 numbers")
    assert not seems_random("abcdefghijklmnopqrstuvwxyz")
