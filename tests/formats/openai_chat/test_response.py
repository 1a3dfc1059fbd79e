"""A whole Chat Completions answer: usage, and whether it is an answer at all."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.openai_chat.response import answer, read_usage
from omniroute.ir.complaint import Complaint
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind
from tests.formats.samples import NEEDS_TRAFFIC, expected, own, recorded

CHOICES = [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]


def answered(**members: Any) -> Any:
    return answer(json.dumps({"model": "m", "choices": CHOICES} | members).encode())


def test_usage_is_read() -> None:
    found = answered(usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})
    assert (found.usage, found.complaint, found.trouble) == (Usage(input=3, output=2), None, None)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None}, "none", [1], 7, {"prompt_tokens": "3"}])
def test_usage_that_tells_nothing_is_unknown_and_not_zero(usage: object) -> None:
    found = answered(usage=usage)
    assert found.usage is None
    assert found.complaint is None


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2}, Usage(3, 2)),
        ({"prompt_tokens": 3.0, "completion_tokens": 2.0}, Usage(3, 2)),
        ({"prompt_tokens": 3, "completion_tokens": None, "total_tokens": 3}, Usage(3, 0)),
        ({"completion_tokens": 2}, Usage(0, 2)),
        ({"prompt_tokens": -3, "completion_tokens": 2}, Usage(0, 2)),
        ({"prompt_tokens": True, "completion_tokens": 2}, Usage(0, 2)),
        ({"prompt_tokens": 1e300, "completion_tokens": 2}, Usage(0, 2)),
        ({"prompt_tokens": float("nan"), "completion_tokens": 2}, Usage(0, 2)),
    ],
)
def test_numbers_are_read_leniently_and_never_below_zero(reported: dict[str, Any], usage: Usage) -> None:
    assert read_usage(reported) == usage


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 60}}, Usage(40, 0, cache_read=60)),
        ({"prompt_tokens_details": {"cached_tokens": None}, "prompt_cache_hit_tokens": 60}, Usage(40, 0, 60)),
        ({"prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40}, Usage(40, 0, cache_read=60)),
        ({"cached_tokens": 60}, Usage(40, 0, cache_read=60)),
        ({"num_cached_tokens": 60}, Usage(40, 0, cache_read=60)),
        ({"prompt_cache_hit_tokens": 0, "cached_tokens": 60}, Usage(100, 0)),
        ({"prompt_cache_hit_tokens": "60", "cached_tokens": 50}, Usage(50, 0, cache_read=50)),
        ({"prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 30}}, Usage(40, 0, 60, audio_in=30)),
        ({"prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 90}}, Usage(40, 0, 60, audio_in=40)),
        ({"prompt_tokens_details": {"cached_tokens": 0}, "cached_tokens": 60}, Usage(100, 0)),
        ({"prompt_tokens_details": None}, Usage(100, 0)),
        ({"prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 39}}, Usage(1, 0, 60, 39)),
        ({"prompt_tokens_details": {"cached_tokens": 158}}, Usage(0, 0, cache_read=100)),
        ({"prompt_tokens_details": {"cached_tokens": 90, "cache_write_tokens": 90}}, Usage(0, 0, 10, 90)),
        ({"prompt_tokens_details": {"cache_write_tokens": 400}}, Usage(0, 0, cache_write=100)),
    ],
)
def test_the_classes_of_input_add_up_to_the_prompt(reported: dict[str, Any], usage: Usage) -> None:
    found = read_usage({"prompt_tokens": 100, "completion_tokens": 0} | reported)
    assert found == usage
    assert found.prompt == 100


@pytest.mark.parametrize(
    ("completion", "total", "details", "output", "reasoning"),
    [
        (212, 218, {"reasoning_tokens": 198}, 212, 198),
        (26, 228, {"reasoning_tokens": 196}, 222, 196),
        (0, 66, {"reasoning_tokens": 60}, 60, 60),
        (6, 40, None, 34, 28),
        (6, 40, {"reasoning_tokens": None}, 34, 28),
        (6, 40, {"reasoning_tokens": 0}, 6, 0),
        (6, 40, {"reasoning_tokens": 5}, 6, 5),
        (6, None, {"reasoning_tokens": 9}, 6, 6),
        (6, 12, {"reasoning_tokens": 9}, 6, 6),
        (6, 3, None, 6, 0),
    ],
)
def test_reasoning_is_a_part_of_the_output(
    completion: int, total: int | None, details: dict[str, Any] | None, output: int, reasoning: int
) -> None:
    prompt = 6
    reported = {"prompt_tokens": prompt, "completion_tokens": completion, "completion_tokens_details": details}
    assert read_usage(reported | {"total_tokens": total}) == Usage(prompt, output, reasoning=reasoning)


def test_sound_is_a_part_of_the_output() -> None:
    reported = {"completion_tokens": 20, "completion_tokens_details": {"audio_tokens": 12, "text_tokens": 8}}
    assert read_usage(reported) == Usage(0, 20, audio_out=12)
    reported["completion_tokens_details"] = {"audio_tokens": 90}
    assert read_usage(reported) == Usage(0, 20, audio_out=20)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the answer is empty"),
        (b"  \n", "the answer is empty"),
        (b"<html></html>", "the answer is not a JSON object"),
        (b'{"choices": [{}]', "the answer is not a JSON object"),
        (b"[]", "the answer is not a JSON object"),
        (b"{}", "the answer has no choices"),
        (b'{"choices": []}', "the answer has no choices"),
        (b'{"choices": null}', "the answer has no choices"),
        (b'{"choices": "none"}', "the answer has no choices"),
        (b"[" * 50_000 + b"]" * 50_000, "the answer is not a JSON object"),
    ],
)
def test_what_is_no_answer_gets_a_complaint_of_ours(body: bytes, message: str) -> None:
    found = answer(body)
    assert found.complaint == Complaint(message=message)
    assert found.trouble is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'{"error": {"message": "no", "code": 429}}', Complaint(status=429, code="429", message="no")),
        (b'{"error": "no", "choices": [{}]}', Complaint(message="no")),
        (b'{"error": {"type": "t"}, "choices": [{}], "model": 1}', Complaint(type="t")),
        (b'{"object": "error", "message": "no", "type": "t", "code": 400}', Complaint(400, "400", "t", None, "no")),
    ],
)
def test_an_answer_that_says_it_is_an_error_is_one(body: bytes, complaint: Complaint) -> None:
    found = answer(body)
    assert found.complaint == complaint
    assert found.trouble is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": [{}]}',
        b'{"choices": [{"text": "old"}], "error": null, "extra": {"a": 1}}',
        b'{"choices": [7], "model": 3, "object": []}',
        b'{"choices": [{"message": {"content": "cut \\ud83d"}}], "model": ""}',
        b'{"choices": [{"message": {"content": "\xff"}}], "usage": {"prompt_tokens": NaN}}',
        b'{"choices": [{"logprob": -Infinity}], "error": {}}',
    ],
)
def test_anything_else_with_a_choice_passes(body: bytes) -> None:
    found = answer(body)
    assert (found.usage, found.complaint) == (None, None)


def test_our_own_answers_give_what_is_expected() -> None:
    for case in own("response.json"):
        found = answer((case / "response.json").read_bytes())
        wanted = expected(case)
        if wanted["complaint"]:
            assert found.complaint is not None
            assert msgspec.to_builtins(found.complaint) == wanted["complaint"] | {"status": None}
            continue
        assert found.complaint is None
        assert found.usage == msgspec.convert(wanted["usage"], Usage | None)


@NEEDS_TRAFFIC
def test_recorded_answers_are_answers_and_their_usage_adds_up() -> None:
    bodies = [each for each in recorded() if each.status == 200 and not each.stream]
    assert len(bodies) > 30
    for each in bodies:
        found = answer(each.response)
        reported = json.loads(each.response)["usage"]
        assert found.complaint is None
        assert found.usage is not None
        assert found.usage.prompt == reported["prompt_tokens"]
        assert found.usage.prompt + found.usage.output == reported["total_tokens"]


@NEEDS_TRAFFIC
def test_recorded_errors_of_any_status_are_no_answers() -> None:
    bodies = [each for each in recorded() if each.status != 200]
    assert bodies
    for each in bodies:
        found = answer(each.response)
        assert found.complaint is not None
        assert found.complaint.message
        assert found.trouble is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
COUNTS = st.none() | st.integers(-5, 500) | st.floats(-5, 500) | ANYTHING
USAGE = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"), COUNTS)
    | {
        "prompt_tokens_details": st.dictionaries(st.sampled_from(["cached_tokens", "cache_write_tokens"]), COUNTS),
        "completion_tokens_details": st.dictionaries(st.just("reasoning_tokens"), COUNTS),
    },
)


@given(USAGE | ANYTHING)
@settings(max_examples=300, deadline=None)
def test_whatever_is_reported_the_classes_are_not_negative_and_reasoning_is_output(reported: object) -> None:
    usage = read_usage(reported)
    if usage is not None:
        assert min(msgspec.structs.astuple(usage)) >= 0
        assert usage.reasoning <= usage.output


@given(
    st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(["choices", "usage", "model", "error", "object"]), ANYTHING | USAGE).map(
        lambda value: json.dumps(value).encode()
    )
)
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_give_an_answer_or_a_complaint(body: bytes) -> None:
    found = answer(body)
    assert answer(body) == found
    assert msgspec.json.encode(found)
