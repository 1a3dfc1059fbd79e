"""A request is read: its one prompt is what a user says, and what only this format can do is a pin."""

import json
from typing import Any

import pytest

from omniroute.errors import Malformed
from omniroute.formats.codec import Asked, Place
from omniroute.formats.openai_completions.head import ask
from omniroute.formats.openai_completions.request_read import read_request
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Message, Role, Sampling
from omniroute.names import Format

SAID = (Message(Role.USER, (Text("Once"),)),)


def read(**body: Any) -> GenerateRequest:
    return read_request(ask(json.dumps({"model": "m", "prompt": "Once", **body}).encode(), Place()))


def test_the_least_request_says_only_what_it_says() -> None:
    assert read() == GenerateRequest(Format.OPENAI_COMPLETIONS, "m", SAID, usage_asked=False)
    assert read(prompt=["Once"]) == read(n=1, best_of=1, echo=False, suffix="", stop=None, user=None) == read()


def test_settings_are_read_and_others_kept_by_name() -> None:
    request = read(
        temperature=0,
        top_p=0.5,
        presence_penalty=1,
        frequency_penalty=-1,
        seed=7,
        stop="a",
        max_tokens=9,
        user="u",
        stream=True,
        stream_options={"include_usage": True},
        logprobs=2,
        logit_bias={"5": 1},
    )
    assert request.sampling == Sampling(0, 0.5, None, 1, -1, 7)
    assert (request.stop, request.max_output, request.end_user) == (("a",), 9, "u")
    assert (request.stream, request.usage_asked, request.pins) == (True, True, ())
    assert request.extras == {"logprobs": 2, "logit_bias": {"5": 1}}
    assert read(stop=["a", "b"]).stop == ("a", "b")


@pytest.mark.parametrize(
    ("body", "feature"),
    [
        ({"prompt": None}, "prompt: none"),
        ({"prompt": []}, "prompt: none"),
        ({"prompt": ["a", "b"]}, "prompt: several"),
        ({"prompt": [1, 2]}, "prompt: token ids"),
        ({"prompt": [[1], [2]]}, "prompt: token ids"),
        ({"suffix": "end"}, "suffix"),
        ({"echo": True}, "echo"),
        ({"n": 2}, "n"),
        ({"best_of": 3}, "best_of"),
    ],
)
def test_what_only_this_format_can_do_binds_the_request_to_it(body: dict[str, Any], feature: str) -> None:
    request = read(**body)
    assert [pin.feature for pin in request.pins] == [feature]
    assert request.extras == (body if body != {"prompt": None} else None)
    assert request.messages == (() if "prompt" in body else SAID)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": 1}, "prompt"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": True}, "top_p"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": [1]}, "stop"),
        ({"stop": {}}, "stop"),
        ({"user": 7}, "user"),
    ],
)
def test_what_cannot_be_understood_is_malformed_and_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Malformed) as raised:
        read(**body)
    assert raised.value.param == param


def test_a_body_that_is_no_object_is_malformed() -> None:
    with pytest.raises(Malformed):
        read_request(Asked("m", False, False, b"[]", ()))
