"""A Chat Completions request is read."""

from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Place, Terms
from omniroute.formats.openai_chat import CODEC
from omniroute.formats.openai_chat.request_read import read_request
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Message, Role, Sampling
from omniroute.names import Format
from tests.formats.openai_chat.passage import HI, read, returned

TERMS = Terms("m")
HELLO = (Message(Role.USER, (Text("hi"),)),)


def test_a_request_says_only_what_its_client_said() -> None:
    assert read() == GenerateRequest(Format.OPENAI_CHAT, "m", HELLO, usage_asked=False)


def test_settings_are_read() -> None:
    request = read(
        temperature=0.5,
        top_p=1,
        top_k=40,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        seed=7,
        max_completion_tokens=9,
        stop=["a"],
        user="u",
        parallel_tool_calls=False,
        stream=True,
        stream_options={"include_usage": True},
    )
    assert request.sampling == Sampling(0.5, 1, 40, 0.1, -0.1, 7)
    assert (request.max_output, request.stop, request.end_user) == (9, ("a",), "u")
    assert (request.parallel_tools, request.stream, request.usage_asked) == (False, True, True)
    assert request.extras is None


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": "warm", "seed": 1.5, "stop": [1], "user": 7, "parallel_tool_calls": "yes", "max_tokens": "9"},
        {"tool_choice": "sometimes", "metadata": {"a": None}, "logit_bias": {"1": 2}, "new": [1]},
    ],
)
def test_what_is_not_understood_is_kept_under_its_own_name(fields: dict[str, Any]) -> None:
    request = read(**fields)
    assert request.extras == fields
    assert request.sampling == Sampling()
    assert {name: returned(**fields)[name] for name in fields} == fields


@pytest.mark.parametrize(
    ("fields", "extras"),
    [
        ({"max_tokens": 5}, {"=max_tokens": 5}),
        ({"max_completion_tokens": 6}, None),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"=max_tokens": 5, "=max_completion_tokens": 6}),
        ({"stop": "a"}, {"=stop": "a"}),
        ({"n": 1, "modalities": ["text"], "logprobs": False, "store": False, "tools": []}, None),
        ({"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}, None),
        ({"stream_options": [1]}, None),
    ],
)
def test_what_is_only_said_otherwise_is_no_loss_and_is_put_back(fields: dict[str, Any], extras: Any) -> None:
    found = read(**fields).extras
    assert all(name.startswith("=") for name in found or ())
    assert extras is None or found == extras
    assert CODEC.render_request is not None
    body = returned(**fields)
    options = fields.get("stream_options")
    if isinstance(options, dict):
        assert body.pop("stream_options") == {"include_obfuscation": False}
        fields = {"stream": True}
    assert body == {"messages": [HI], **fields}


@pytest.mark.parametrize(
    ("fields", "pins"),
    [
        ({"n": 2}, ["n"]),
        ({"n": []}, ["n"]),
        ({"store": True}, ["store"]),
        ({"modalities": ["text", "audio"]}, ["modalities"]),
        ({"functions": [{"name": "f"}], "function_call": "auto"}, ["functions", "function_call"]),
        ({"plugins": [{"id": "web"}]}, ["plugins"]),
        ({"data_sources": [{}]}, ["data_sources"]),
        ({"web_search_options": {}}, ["web_search_options"]),
        ({"search_parameters": {}}, ["search_parameters"]),
        ({"web_search_options": {}, "tools": [{"type": "function", "function": {"name": "f"}}]}, []),
        ({"plugins": [], "functions": []}, []),
    ],
)
def test_what_only_this_format_can_do_is_a_pin_and_is_put_back(fields: dict[str, Any], pins: list[str]) -> None:
    assert [pin.feature for pin in read(**fields).pins] == pins
    assert returned(**fields) == {"messages": [HI], **fields}


def test_half_a_surrogate_pair_is_read_and_written() -> None:
    asked = CODEC.ask(b'{"model":"m","messages":[{"role":"user","content":"cut \\ud83d"}]}', Place())
    assert CODEC.render_request is not None
    assert CODEC.dress is not None
    body = CODEC.render_request(CODEC.read_request(asked)).body
    assert b"cut \\ud83d" in CODEC.dress(body, TERMS)


def test_a_body_that_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(Malformed, match="too deeply"):
        read_request(Asked("m", False, False, b"[" * 200_000, ()))
