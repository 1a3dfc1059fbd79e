"""A stream is followed beside its bytes; what only we asked for is hidden, and a missing end is added."""

import json
from typing import Any

import pytest

from omniroute.formats.openai_completions.watch import CompletionsWatch
from omniroute.ir.complaint import Complaint
from omniroute.ir.usage import Usage
from tests.formats.openai_completions.samples import expected, own

DONE = b"data: [DONE]\n\n"


def record(**value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


WORDS = record(choices=[{"text": "a", "index": 0, "finish_reason": "stop"}])
USAGE = record(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2})


@pytest.mark.parametrize("sample", own("stream.sse"), ids=lambda sample: sample.name)
def test_a_watch_learns_what_is_expected(sample: Any) -> None:
    wanted = expected(sample.name)
    watch = CompletionsWatch(False)
    watch.feed(sample.body)
    watch.close()
    usage = None if wanted["usage"] is None else Usage(**wanted["usage"])
    assert (watch.usage, watch.done) == (usage, wanted["done"])
    complaint = wanted["complaint"]
    assert watch.complaint == (None if complaint is None else Complaint(**complaint))
    assert watch.trouble == wanted["trouble"]


@pytest.mark.parametrize(("hide", "passed"), [(False, WORDS + USAGE + DONE), (True, WORDS + DONE)])
def test_usage_that_only_we_asked_for_is_hidden(hide: bool, passed: bytes) -> None:
    watch = CompletionsWatch(hide)
    assert watch.feed(WORDS + USAGE + DONE) + watch.close() == passed
    assert (watch.usage, watch.done) == (Usage(1, 2), True)


def test_an_end_that_is_missing_is_added_where_the_answer_is_complete() -> None:
    watch = CompletionsWatch(True)
    assert watch.feed(WORDS + USAGE) + watch.close() == WORDS + DONE
    assert watch.done
    watch = CompletionsWatch(False)
    assert watch.feed(record(choices=[{"text": "a"}])) + watch.close() == record(choices=[{"text": "a"}])
    assert watch.complaint is not None
