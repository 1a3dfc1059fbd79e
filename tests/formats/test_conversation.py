"""All turns of one conversation are known for one, those of another for another, and no caller's for another's."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.codec import Asked
from omniroute.formats.conversation import LONGEST_OPENING, WINDOW, Conversation, Sticky, conversation_of
from omniroute.names import Format
from tests.support.corpus import NEEDS_TRAFFIC
from tests.support.turns import AGENTS, asked, turns

CHAT, RESPONSES, MESSAGES = Format.OPENAI_CHAT, Format.OPENAI_RESPONSES, Format.ANTHROPIC_MESSAGES
GEMINI, OLLAMA = Format.GEMINI, Format.OLLAMA
STYLES = [{"separators": (",", ":")}, {"separators": (", ", ": ")}]
NAMING = ("metadata", "prompt_cache_key")


def chat(*messages: dict[str, Any], **more: Any) -> Asked:
    return asked(CHAT, {"model": "m", "messages": list(messages), **more})


def said(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def guess(request: Asked, caller: str = "alice") -> str:
    found = conversation_of(request, caller)
    assert found.named is None
    assert found.guess is not None
    return str(found.guess)


USER, ANSWER, MORE = said("user", "Sort this."), said("assistant", "Done."), said("user", "Thanks.")
TOLD = said("system", "You are kind.")


@NEEDS_TRAFFIC
@pytest.mark.parametrize("style", STYLES, ids=["close", "wide"])
@pytest.mark.parametrize("agent", AGENTS)
def test_every_turn_of_a_recorded_conversation_has_the_same_fingerprint(agent: str, style: dict[str, Any]) -> None:
    wire = AGENTS[agent][0]
    first, second = (
        asked(wire, {name: value for name, value in turn.body.items() if name not in NAMING}, **style)
        for turn in turns(agent)
    )
    assert guess(first) == guess(second)
    assert conversation_of(second, "alice").session == guess(first)


@NEEDS_TRAFFIC
@pytest.mark.parametrize("agent", AGENTS)
def test_another_question_to_the_same_agent_is_another_conversation(agent: str) -> None:
    wire = AGENTS[agent][0]
    body = {name: value for name, value in turns(agent)[0].body.items() if name not in NAMING}
    other = json.loads(json.dumps(body).replace("what 2+2 is", "what 3+3 is"))
    assert other != body
    same = guess(asked(wire, body)) == guess(asked(wire, other))
    assert same is (agent == "codex")  # its instructions are longer than what is looked at, but it names conversations


@NEEDS_TRAFFIC
def test_recorded_agents_name_their_conversations_in_the_body() -> None:
    for agent, name in (
        ("claude-code", "7152b074-b89a-4aae-a632-3456fed9a1ce"),
        ("codex", "01a205d5-8587-74b0-9c0d-aae42fb88e73"),
    ):
        for turn in turns(agent):
            assert conversation_of(turn.asked, "alice") == Conversation(name, f"alice/{name}")


@pytest.mark.parametrize(
    ("wire", "more", "named"),
    [
        (CHAT, {"prompt_cache_key": "k 1"}, "k 1"),
        (RESPONSES, {"conversation": "conv_1"}, "conv_1"),
        (RESPONSES, {"conversation": {"id": "conv_1"}}, "conv_1"),
        (MESSAGES, {"metadata": {"user_id": "user_a1_account__session_0b-1c-2d-3e"}}, "0b-1c-2d-3e"),
        (MESSAGES, {"metadata": {"user_id": json.dumps({"device": "d", "session_id": "0b-1c-2d"})}}, "0b-1c-2d"),
        (MESSAGES, {"metadata": {"user_id": json.dumps({"device": "d", "session_id": "0b"})}}, None),
        (MESSAGES, {"metadata": {"user_id": "u1"}}, None),
        (MESSAGES, {"metadata": {"other": "x_session_0b-1c-2d-3e"}}, None),
        (CHAT, {"prompt_cache_key": ""}, None),
        (CHAT, {"prompt_cache_key": "x" * 257}, None),
        (CHAT, {"prompt_cache_key": None}, None),
        (CHAT, {"metadata": {"session": "s"}}, None),
    ],
)
def test_the_body_may_name_the_conversation(wire: Format, more: dict[str, Any], named: str | None) -> None:
    turns_of = {"input": [USER]} if wire is RESPONSES else {"messages": [USER]}
    found = conversation_of(asked(wire, {"model": "m", **turns_of, "max_tokens": 1, **more}), "alice")
    assert found.named == named
    assert found.session == (f"alice/{named}" if named else None)


def test_what_the_headers_say_counts_more_than_the_body() -> None:
    assert conversation_of(chat(USER, prompt_cache_key="k"), "a", "h") == Conversation("h", "a/h")


@pytest.mark.parametrize(
    ("sticky", "expected"),
    [("auto", ("a/s", True)), ("explicit", ("a/s", False)), ("off", (None, False))],
)
def test_staying_can_be_left_to_clients_or_switched_off(sticky: Sticky, expected: tuple[str | None, bool]) -> None:
    named = conversation_of(chat(USER), "a", "s", sticky)
    assert (named.named, named.session) == ("s", expected[0])
    assert (conversation_of(chat(USER, ANSWER, MORE), "a", None, sticky) != Conversation()) is expected[1]


def test_a_request_that_begins_a_conversation_is_remembered_and_not_steered() -> None:
    first = conversation_of(chat(TOLD, USER), "alice")
    assert (first.session, first.guess is None) == (None, False)
    second = conversation_of(chat(TOLD, USER, ANSWER, MORE), "alice")
    assert (second.session, second.guess) == (str(first.guess), str(first.guess))


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        {"content": "Done: {'a': [{}]}, {}", "refusal": None, "role": "assistant"},
        {"content": [{"type": "text", "text": "Done."}, {"type": "text", "text": "So."}], "role": "assistant"},
        {"content": None, "role": "assistant", "tool_calls": [{"id": "c", "function": {"arguments": '{"role":1}'}}]},
    ],
)
def test_an_answer_may_begin_with_its_content(answer: dict[str, Any]) -> None:
    assert guess(chat(TOLD, USER)) == guess(chat(TOLD, USER, answer, MORE))


def test_a_long_answer_that_ends_with_its_role_is_not_taken_for_the_first_turn_again_and_again() -> None:
    long = {"content": "x" * LONGEST_OPENING, "role": "assistant"}
    assert guess(chat(TOLD, USER, long, MORE)) == guess(chat(TOLD, USER, long, MORE, ANSWER, USER))


def test_calls_and_thoughts_end_the_first_turn_of_responses() -> None:
    first = guess(asked(RESPONSES, {"model": "m", "input": [USER]}))
    for item in (
        {"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"},
        {"arguments": "{}", "call_id": "c", "name": "n", "type": "function_call"},
        {"id": "rs_1", "type": "reasoning", "summary": []},
        {"type": "message", "id": "m_1", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
    ):
        later = [USER, item, {"type": "function_call_output", "call_id": "c", "output": "1"}]
        assert guess(asked(RESPONSES, {"model": "m", "input": later})) == first


def test_parts_may_stand_before_the_role_of_gemini() -> None:
    user = {"parts": [{"text": "Sort."}], "role": "user"}
    called = {"parts": [{"text": "So."}, {"functionCall": {"name": "f", "args": {}}}], "role": "model"}
    back = {"parts": [{"functionResponse": {"name": "f", "response": {}}}], "role": "user"}
    told = {"systemInstruction": {"parts": [{"text": "Be kind."}]}}
    assert guess(asked(GEMINI, {"contents": [user], **told})) == guess(
        asked(GEMINI, {"contents": [user, called, back], **told})
    )


def test_markers_that_move_do_not_change_the_fingerprint() -> None:
    def turn(*places: int) -> Asked:
        mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
        blocks = [{"type": "text", "text": f"Block {n}.", **(mark if n in places else {})} for n in range(4)]
        more = [said("assistant", "Done."), said("user", "Thanks.")] if places != (3,) else []
        system = [{"type": "text", "text": "Be kind.", **mark}]
        return asked(
            MESSAGES, {"model": "m", "max_tokens": 1, "system": system, "messages": [said("user", blocks), *more]}
        )

    assert guess(turn(3)) == guess(turn()) == guess(turn(0, 1))


@pytest.mark.parametrize(
    "other",
    [
        chat(said("system", "You are rude."), USER),
        chat(TOLD, said("user", "Sort that.")),
        asked(CHAT, {"model": "n", "messages": [TOLD, USER]}),
    ],
    ids=["instructions", "words", "model"],
)
def test_other_instructions_words_or_models_are_another_conversation(other: Asked) -> None:
    assert guess(other) != guess(chat(TOLD, USER))


def test_words_that_differ_behind_a_long_beginning_which_is_the_same_are_told_apart() -> None:
    same = said("system", "You are an agent. " * 700), said("user", "<context>" + "x" * 1_000)
    one, two = (guess(chat(*same, said("user", words))) for words in ("Sort this.", "Sort that."))
    assert one != two


def test_a_first_turn_longer_than_what_is_looked_at_is_known_by_its_beginning() -> None:
    long = said("user", "word " * WINDOW)
    one, two = conversation_of(chat(long), "a"), conversation_of(chat(long, ANSWER, MORE), "a")
    assert one == two
    assert one.session == one.guess is not None


@pytest.mark.parametrize(
    ("wire", "body"),
    [
        (RESPONSES, {"model": "m", "input": [USER], "previous_response_id": "resp_1"}),
        (RESPONSES, {"model": "m", "prompt": {"id": "p"}}),
        (Format.OPENAI_COMPLETIONS, {"model": "m", "prompt": "Once"}),
        (OLLAMA, {"model": "m"}),
    ],
)
def test_what_shows_no_beginning_is_no_conversation(wire: Format, body: dict[str, Any]) -> None:
    assert conversation_of(asked(wire, body), "a") == Conversation()


@given(st.binary(max_size=300), st.sampled_from(["messages", "input"]))
@settings(max_examples=200, deadline=None)
def test_no_content_is_refused(content: bytes, name: str) -> None:
    body = {"model": "m", name: content.decode("latin-1"), "max_tokens": 1}
    wire = RESPONSES if name == "input" else CHAT
    request = asked(wire, body) if name == "input" else chat(said("user", body[name]))
    conversation_of(request, "a")


KEYS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True) | st.just("")
IDS = st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1, max_size=40) | st.sampled_from(
    ["a/b", "#", "/", "a#b"]
)


@given(KEYS, KEYS, st.none() | IDS, st.none() | IDS, st.integers(0, 2))
@settings(max_examples=300, deadline=None)
def test_two_callers_never_share_a_conversation(
    one: str, two: str, mine: str | None, theirs: str | None, later: int
) -> None:
    request = chat(TOLD, USER, *[ANSWER, MORE] * later)
    keys = [
        {each.session, each.guess and str(each.guess)} - {None}
        for each in (conversation_of(request, one, mine), conversation_of(request, two, theirs))
    ]
    assert keys[0]
    assert keys[1]
    assert keys[0].isdisjoint(keys[1]) is ((one, mine) != (two, theirs))
