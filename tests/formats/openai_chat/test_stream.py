"""A streamed Chat Completions answer, followed while its bytes are passed on."""

import json
from typing import Any

import pytest

from omniroute.formats.framing import LONGEST_RECORD
from omniroute.formats.openai_chat.stream import ChatWatch
from omniroute.ir.complaint import Complaint
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind

DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def record(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> bytes:
    return record({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} | more)


TEXT = chunk({"content": "hi"})
STOP = chunk({}, "stop")
LAST = record({"choices": [], "usage": USAGE})


def watched(*pieces: bytes, hide_usage: bool = False) -> tuple[ChatWatch, bytes]:
    watch = ChatWatch(hide_usage)
    relayed = b"".join(watch.feed(piece) for piece in pieces)
    return watch, relayed + watch.close()


@pytest.mark.parametrize(
    "opening",
    [
        chunk({"content": "hi"}),
        chunk({"role": "assistant", "content": "hi"}),
        chunk({"refusal": "no"}),
        chunk({"reasoning": "hm"}),
        chunk({"reasoning_content": "hm"}),
        chunk({"content": None, "tool_calls": [{"index": 0, "function": {"name": "f"}}]}),
        chunk({"function_call": {"name": "f"}}),
        chunk({"audio": {"id": "a"}}),
        chunk({"something_new": "x"}),
        chunk({}, "stop"),
        chunk(None, "stop"),
        record({"choices": [{"index": 0, "finish_reason": {"odd": 1}}]}),
        record({"choices": [{"index": "a", "delta": {"content": "hi"}}]}),
        record({"choices": [7, {"delta": {"content": "hi"}}]}),
    ],
)
def test_an_answer_starts_with_what_means_something_to_a_reader(opening: bytes) -> None:
    watch = ChatWatch(hide_usage=False)
    assert watch.feed(opening) == opening
    assert watch.started
    assert not watch.done


@pytest.mark.parametrize(
    "opening",
    [
        b": keep-alive\n\n",
        b"\n\n",
        b"event: ping\n\n",
        b"data:\n\n",
        chunk({"role": "assistant"}),
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "", "tool_calls": []}),
        chunk({}),
        chunk(None),
        chunk({}, ""),
        record({"choices": [{"index": 0}]}),
        record({"choices": []}),
        record({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
        record({"choices": None}),
        record({"choices": "none"}),
        record({"choices": [{"delta": "text"}]}),
        record({}),
        LAST,
    ],
)
def test_an_answer_has_not_started_with_what_means_nothing(opening: bytes) -> None:
    watch = ChatWatch(hide_usage=False)
    assert watch.feed(opening) == opening
    assert not watch.started
    assert watch.complaint is None


def test_an_answer_is_done_with_its_done_record_and_nothing_behind_it_passes() -> None:
    watch, relayed = watched(TEXT + STOP + LAST + DONE + TEXT, TEXT)
    assert relayed == TEXT + STOP + LAST + DONE
    assert watch.started
    assert watch.done
    assert watch.usage == Usage(3, 2)
    assert watch.complaint is None


def test_usage_is_hidden_where_the_client_did_not_ask() -> None:
    watch, relayed = watched(TEXT + STOP + LAST + DONE, hide_usage=True)
    assert relayed == TEXT + STOP + DONE
    assert watch.usage == Usage(3, 2)


@pytest.mark.parametrize("choices", [{"choices": None}, {}])
def test_usage_is_hidden_where_choices_are_missing_rather_than_empty(choices: dict[str, None]) -> None:
    watch, relayed = watched(TEXT, STOP, record(choices | {"usage": USAGE}), DONE, hide_usage=True)
    assert relayed == TEXT + STOP + DONE
    assert watch.usage == Usage(3, 2)


def test_usage_beside_choices_is_not_hidden() -> None:
    stop = chunk({}, "stop", usage=USAGE)
    watch, relayed = watched(TEXT, stop, DONE, hide_usage=True)
    assert relayed == TEXT + stop + DONE
    assert watch.usage == Usage(3, 2)


def test_empty_choices_without_usage_are_not_hidden() -> None:
    first = record({"choices": [], "usage": None})
    assert watched(first, TEXT, STOP, DONE, hide_usage=True)[1] == first + TEXT + STOP + DONE


def test_the_last_usage_that_tells_something_counts() -> None:
    early = chunk({"content": "a"}, usage=USAGE | {"completion_tokens": 1})
    watch, _ = watched(early, STOP, LAST, record({"choices": [], "usage": {}}), DONE)
    assert watch.usage == Usage(3, 2)


@pytest.mark.parametrize("piece", [b'data: {"choices": [\n\n', b"data: hello\n\n", b"data: 7\n\n", b"data: []\n\n"])
def test_a_record_that_cannot_be_read_ends_the_stream(piece: bytes) -> None:
    watch, relayed = watched(TEXT + piece + TEXT, DONE)
    assert relayed == TEXT
    assert watch.complaint == Complaint(message="a record of the stream is not a JSON object")
    assert watch.trouble is FailureKind.MALFORMED
    assert not watch.done


def test_a_record_longer_than_the_gateway_takes_ends_the_stream() -> None:
    watch, relayed = watched(TEXT, b"data: ", b"x" * LONGEST_RECORD, b"\n\n", DONE)
    assert relayed == TEXT
    assert watch.complaint == Complaint(message="a record of the stream is longer than the gateway takes")
    assert watch.trouble is FailureKind.MALFORMED


@pytest.mark.parametrize(
    ("piece", "complaint"),
    [
        (
            record({"error": {"message": "m", "type": "t", "code": "c", "status_code": 400}}),
            Complaint(400, "c", "t", None, "m"),
        ),
        (record({"error": "m"}), Complaint(message="m")),
        (record({"error": {"message": "m", "code": 502}, "choices": []}), Complaint(502, "502", message="m")),
        (chunk({"content": ""}, "error", error={"message": "m"}), Complaint(message="m")),
        (record({"object": "error", "message": "m", "code": 400}), Complaint(400, "400", message="m")),
        (b'event: error\ndata: {"message": "m"}\n\n', Complaint(message="m")),
        (b"event: error\ndata: it broke\n\n", Complaint(message="it broke")),
        (b"event: error\n\n", Complaint()),
    ],
)
def test_an_error_in_the_stream_ends_it_in_the_upstreams_words(piece: bytes, complaint: Complaint) -> None:
    watch, relayed = watched(TEXT, piece + TEXT, DONE)
    assert relayed == TEXT
    assert watch.complaint == complaint
    assert watch.trouble is None
    assert not watch.done


@pytest.mark.parametrize("nothing", [None, "", {}, [], False])
def test_an_error_that_says_nothing_is_none(nothing: object) -> None:
    piece = chunk({"content": "hi"}, error=nothing)
    watch, relayed = watched(piece, STOP, DONE)
    assert relayed == piece + STOP + DONE
    assert watch.done


@pytest.mark.parametrize("pieces", [[], [TEXT], [chunk({"role": "assistant"})], [LAST], [b": note\n\n"]])
def test_a_stream_that_ends_too_early_is_cut(pieces: list[bytes]) -> None:
    watch, relayed = watched(*pieces)
    assert relayed == b"".join(pieces)
    assert watch.complaint == Complaint(message="the stream ended before the answer was complete")
    assert watch.trouble is FailureKind.CUT
    assert not watch.done


def test_one_of_two_choices_without_its_finish_is_cut() -> None:
    other = record({"choices": [{"index": 1, "delta": {"content": "x"}}]})
    watch, relayed = watched(TEXT, other, STOP)
    assert relayed == TEXT + other + STOP
    assert watch.trouble is FailureKind.CUT


def test_choices_without_an_index_are_told_apart_by_their_place() -> None:
    both = record({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}, {"delta": {"content": "b"}}]})
    assert watched(both)[0].trouble is FailureKind.CUT
    assert watched(record({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}))[0].done


def test_a_missing_done_record_is_added_where_every_choice_is_finished() -> None:
    watch, relayed = watched(TEXT, STOP, LAST)
    assert relayed == TEXT + STOP + LAST + DONE
    assert watch.done
    assert watch.complaint is None


@pytest.mark.parametrize(
    ("left", "passed"),
    [
        (b"data: [DONE]", DONE),
        (b"data: [DONE]\n", DONE),
        (STOP[:-2], STOP + DONE),
        (STOP[:-1], STOP + DONE),
    ],
)
def test_a_last_record_without_its_empty_line_is_passed_on_with_it(left: bytes, passed: bytes) -> None:
    watch, relayed = watched(TEXT, left)
    assert relayed == TEXT + passed
    assert watch.done


@pytest.mark.parametrize("left", [STOP[:-4], b"data: [DO", b"data: hi", b"da", b": no", b"event: e"])
def test_a_record_that_ends_in_the_middle_is_dropped(left: bytes) -> None:
    assert watched(TEXT, left)[1] == TEXT
    watch, relayed = watched(TEXT, STOP, left)
    assert relayed == TEXT + STOP + DONE
    assert watch.done


def test_a_stream_cut_after_the_mere_name_of_an_error_was_cut() -> None:
    watch, relayed = watched(TEXT, b"event: error")
    assert relayed == TEXT
    assert watch.trouble is FailureKind.CUT


def test_an_error_as_the_last_record_is_one_without_its_empty_line_too() -> None:
    for left in (b'data: {"error": {"message": "m"}}', b"event: error\ndata: m"):
        watch, relayed = watched(TEXT, STOP, left)
        assert relayed == TEXT + STOP
        assert watch.complaint == Complaint(message="m")


def test_nothing_more_comes_once_the_stream_has_ended() -> None:
    watch, _ = watched(TEXT, STOP, DONE)
    assert watch.feed(TEXT) == b""
    assert watch.close() == b""
    watch, _ = watched(TEXT)
    assert watch.feed(TEXT) == b""
    assert watch.close() == b""
    assert watch.trouble is FailureKind.CUT


@pytest.mark.parametrize(
    "piece",
    [
        b'data: {"choices": [{"index": 0, "delta": {"content": "\\ud83d"}}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"content": "\xff"}}], "model": "\\ud83d"}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": NaN}]}\n\n',
        b'data: {"choices": [{"index": 0.0, "delta": {"content": "a"}}], "model": 7, "object": null}\n\n',
        b'data: {"choices": [{"index": 1.5, "delta": {"content": "a"}}], "usage": "none"}\n\n',
    ],
)
def test_oddities_that_clients_can_live_with_pass(piece: bytes) -> None:
    watch, relayed = watched(piece, STOP, DONE)
    assert relayed == piece + STOP + DONE
    assert watch.started
    assert watch.usage is None
