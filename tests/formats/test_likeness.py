"""Which requests are alike but for their last question; and that any other difference keeps them apart."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.errors import Malformed
from omniroute.formats import CODECS
from omniroute.formats.codec import Place
from omniroute.formats.likeness import COMPARED, LONGEST, Likeness, likeness, reworded
from omniroute.formats.translate import Translation
from omniroute.names import Format
from tests.support.laws import often

QUESTION = "How do I boil an egg?"
OTHER = "What is the way to cook eggs in water?"
TOOL = {"name": "look", "description": "Looks.", "parameters": {"type": "object", "properties": {"x": {}}}}
TURNS = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]

BODIES: dict[Format, dict[str, Any]] = {
    Format.OPENAI_CHAT: {
        "model": "p/m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            *TURNS,
            {"role": "user", "content": [{"type": "text", "text": "Kindly:"}, {"type": "text", "text": QUESTION}]},
        ],
        "tools": [{"type": "function", "function": TOOL}],
        "tool_choice": "auto",
        "temperature": 0,
        "top_p": 0.5,
        "seed": 7,
        "max_completion_tokens": 100,
        "response_format": {"type": "json_object"},
        "stop": ["x"],
        "stream": True,
        "user": "u",
        "house_option": {"deep": [1]},
    },
    Format.OPENAI_RESPONSES: {
        "model": "p/m",
        "instructions": "Be brief.",
        "input": [*TURNS, {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]}],
        "tools": [{"type": "function", **TOOL}],
        "store": False,
        "top_p": 0.5,
        "text": {"format": {"type": "json_object"}},
        "max_output_tokens": 100,
    },
    Format.ANTHROPIC_MESSAGES: {
        "model": "p/m",
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [*TURNS, {"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
        "max_tokens": 100,
        "top_k": 5,
        "metadata": {"user_id": "u"},
    },
    Format.GEMINI: {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi."}]},
            {"role": "model", "parts": [{"text": "Hello."}]},
            {"role": "user", "parts": [{"text": QUESTION}]},
        ],
        "generationConfig": {"temperature": 0, "topP": 0.5, "maxOutputTokens": 100},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    },
    Format.OLLAMA: {
        "model": "p/m",
        "messages": [*TURNS, {"role": "user", "content": QUESTION}],
        "options": {"temperature": 0, "num_ctx": 4096},
        "format": "json",
        "stream": False,
    },
}
PLACES = {Format.GEMINI: Place("p/m", stream=False)}


def alike(wire: Format, body: object, naming: tuple[str, ...] = ("alice",)) -> Likeness | None:
    codec = CODECS[wire]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    asked = codec.ask(raw, PLACES.get(wire, Place()))
    return likeness(asked, Translation(codec, asked), naming)


def chat(content: object, **more: object) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **more}


def compared(wire: Format, body: object, naming: tuple[str, ...] = ("alice",)) -> Likeness:
    found = alike(wire, body, naming)
    assert found is not None
    return found


def asking(wire: Format, question: str) -> dict[str, Any]:
    return json.loads(json.dumps(BODIES[wire]).replace(json.dumps(QUESTION), json.dumps(question)))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path to every value within a body."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inside:
        yield (*path, name)
        yield from places(each, (*path, name))


def at(body: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        body = body[step]
    return body


@pytest.mark.parametrize("wire", BODIES)
def test_requests_that_differ_in_their_last_question_are_compared_by_it(wire: Format) -> None:
    first, second = compared(wire, asking(wire, QUESTION)), compared(wire, asking(wire, OTHER))
    assert (first.text, second.text) == (QUESTION, OTHER)
    assert first.partition == second.partition


@pytest.mark.parametrize("wire", BODIES)
@settings(max_examples=often(60), deadline=None)
@given(data=st.data())
def test_whatever_else_differs_keeps_requests_apart(wire: Format, data: st.DataObject) -> None:
    """A value changed, left out or added, anywhere but in the last question, whose words differ as well."""
    body = asking(wire, data.draw(st.sampled_from([QUESTION, OTHER])))
    paths = [path for path in places(body) if at(body, path) not in (QUESTION, OTHER)]
    path = data.draw(st.sampled_from(paths))
    changed = deepcopy(body)
    holder, name = at(changed, path[:-1]), path[-1]
    how = data.draw(st.sampled_from(["change", "drop", "add"]))
    if how == "change":
        new = data.draw(st.sampled_from(["zz", 3, None, True, [], {"zz": 1}, at(body, path)]))
        holder[name] = new
    elif how == "drop":
        del holder[name]
    elif isinstance(holder, dict):
        holder["zz"] = 1
    else:
        holder.insert(name, deepcopy(holder[name]))
    if json.dumps(changed) == json.dumps(body):
        return
    try:
        found = alike(wire, changed)
    except Malformed:
        return
    original = compared(wire, body)
    assert found is None or found.partition != original.partition


@given(st.tuples(st.text(max_size=3), st.text(max_size=3)), st.tuples(st.text(max_size=3), st.text(max_size=3)))
def test_what_names_the_asker_keeps_requests_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    body = chat(QUESTION)
    same = compared(Format.OPENAI_CHAT, body, one).partition == compared(Format.OPENAI_CHAT, body, other).partition
    assert same == (one == other)


def test_a_plain_text_as_input_is_compared() -> None:
    first = compared(Format.OPENAI_RESPONSES, {"model": "m", "input": QUESTION})
    assert first.text == QUESTION
    assert first.partition == compared(Format.OPENAI_RESPONSES, {"model": "m", "input": OTHER}).partition


def test_a_streamed_request_is_never_compared_to_one_that_is_not() -> None:
    asked = [compared(Format.OPENAI_CHAT, chat(QUESTION, stream=stream)).partition for stream in (True, False)]
    assert asked[0] != asked[1]
    codec = CODECS[Format.GEMINI]
    raw = json.dumps(BODIES[Format.GEMINI]).encode()
    streams = set()
    for stream in (True, False):
        asked_gemini = codec.ask(raw, Place("p/m", stream=stream))
        found = likeness(asked_gemini, Translation(codec, asked_gemini), ())
        assert found is not None
        streams.add(found.partition)
    assert len(streams) == 2


def test_the_same_words_in_another_format_are_not_compared() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 5}
    asked = [alike(wire, body, (wire,)) for wire in (Format.OPENAI_CHAT, Format.ANTHROPIC_MESSAGES)]
    assert asked[0] is not None
    assert asked[1] is not None
    assert asked[0].partition != asked[1].partition


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 2 + 2?", "What is 2 + 3?"),
        ("Convert 5 miles into km", "Convert 15 miles into km"),
        ("From 3 to 9", "From 9 to 3"),
        ("Delete /srv/a please", "Delete /srv/b please"),
        ("What does x_1 mean?", "What does x_2 mean?"),
        ("Is a < b?", "Is a > b?"),
        ("Write to a@example.org", "Write to b@example.org"),
    ],
)
def test_numbers_and_signs_have_to_be_the_same(one: str, other: str) -> None:
    partitions = {compared(Format.OPENAI_CHAT, chat(each)).partition for each in (one, other)}
    assert len(partitions) == 2


def test_the_words_around_a_number_may_differ() -> None:
    one, other = "What was built in 1889?", "Which thing did they build in 1889, please"
    assert len({compared(Format.OPENAI_CHAT, chat(each)).partition for each in (one, other)}) == 1


def test_behind_what_an_embedding_surely_sees_all_has_to_be_the_same() -> None:
    long = "word " * (COMPARED // 5)
    one, same, other = (
        compared(Format.OPENAI_CHAT, chat(each)) for each in (f"{long}tail", f"{long[:-5]}more tail", f"{long}else")
    )
    assert one.text == long == other.text
    assert one.partition == same.partition != other.partition


def test_a_letter_is_not_cut_apart() -> None:
    text = "x" + "é" * COMPARED
    assert compared(Format.OPENAI_CHAT, chat(text)).text == text[: COMPARED // 2]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


@pytest.mark.parametrize(
    "body",
    [
        chat(QUESTION, temperature=0.5),
        chat(QUESTION, n=2),
        chat(QUESTION, store=True),
        chat(""),
        chat(" \n"),
        chat("x" * (LONGEST + 1)),
        chat([{"type": "text", "text": QUESTION}, IMAGE]),
        chat([IMAGE, {"type": "text", "text": QUESTION}]),
        chat([]),
        chat([{"type": "text", "text": QUESTION}, {"type": "text", "text": QUESTION}]),
        chat("user"),
        {"model": "m", "messages": []},
        {"model": "m", "messages": [*TURNS]},
        {"model": "m", "messages": [{"role": "system", "content": QUESTION}]},
        {
            "model": "m",
            "messages": [
                {"role": "user", "content": QUESTION},
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "c", "content": "1"},
            ],
        },
        {"model": "m", "messages": [{"role": "user", "content": 5}]},
        b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"a","x":' + b"9" * 5_000 + b"}]}",
        b'{"model":"m","messages":[{"role":"user","content":"a","x":' + b"[" * 700 + b"]" * 700 + b"}]}",
    ],
)
def test_what_is_not_compared(body: object) -> None:
    assert alike(Format.OPENAI_CHAT, body) is None


def test_completions_are_not_compared_because_they_go_on_with_the_words_themselves() -> None:
    assert alike(Format.OPENAI_COMPLETIONS, {"model": "m", "prompt": QUESTION}) is None


def test_a_member_that_stands_twice_is_not_lost() -> None:
    def twice(first: str) -> bytes:
        return b'{"model":"m","messages":[{"role":"user","x":"%s","x":"b","content":"%s"}]}' % (
            first.encode(),
            QUESTION.encode(),
        )

    assert compared(Format.OPENAI_CHAT, twice("a")).partition != compared(Format.OPENAI_CHAT, twice("c")).partition


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is it safe?", "Is it not safe?"),
        ("Enable it now", "Disable it now"),
        ("Can I?", "Can't I?"),
        ("from Rome to Paris", "from Paris to Rome"),
        ("yes", "no"),
        ("no", ""),
        ("?", "!"),
        ("I feel 🙂", "I feel 🙁"),
        ("a a b", "a b"),
        ("今天北京的天气怎么样", "今天上海的天气怎么样"),
    ],
)
def test_texts_that_differ_by_one_word_or_in_order_only_are_told_apart(one: str, other: str) -> None:
    assert not reworded(one, other)
    assert not reworded(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello there", "hello,  THERE!"),
        ("?", "?"),
        ("How do I boil an egg?", "What is the way to boil an egg?"),
        ("boil an egg", "to boil an egg now"),
        ("a b c", "x b z"),
    ],
)
def test_texts_in_the_same_or_in_other_words_may_be_compared(one: str, other: str) -> None:
    assert reworded(one, other)
    assert reworded(other, one)


WORDS = st.lists(st.sampled_from("abc"), max_size=6)


@given(WORDS, st.integers(0, 6), st.sampled_from(["insert", "drop", "put", "swap"]), st.sampled_from("abcd"))
def test_no_change_of_one_word_is_ever_taken_for_a_rewording(words: list[str], where: int, how: str, word: str) -> None:
    changed = list(words)
    if how == "insert":
        changed.insert(where, word)
    elif how == "swap":
        changed.reverse()
    elif where < len(changed):
        changed[where : where + 1] = [] if how == "drop" else [word]
    assert reworded(" ".join(words), " ".join(changed)) is (changed == words)
