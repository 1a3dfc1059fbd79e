"""How much a request asks to think, as a policy has it, in every client's and every upstream's format."""

import itertools
import json
from typing import Any

import msgspec
import pytest

from omniroute.formats import CODECS
from omniroute.formats.codec import Terms, ThinkingMode
from omniroute.formats.rethink import Rule, adaptive, rethought
from omniroute.formats.shape import Shaping
from omniroute.formats.translate import Translation
from omniroute.ir.parts import Text, ToolResult
from omniroute.ir.request import GenerateRequest, Message, Role, Thinking, Tool
from omniroute.ir.thinking import EFFORTS
from omniroute.names import Format
from tests.support.corpus import NEEDS_TRAFFIC
from tests.support.turns import asked, turns

CHAT, RESPONSES, MESSAGES = Format.OPENAI_CHAT, Format.OPENAI_RESPONSES, Format.ANTHROPIC_MESSAGES
GEMINI, OLLAMA = Format.GEMINI, Format.OLLAMA
USER = {"role": "user", "content": "hi"}
PLAIN: dict[Format, dict[str, Any]] = {
    CHAT: {"model": "m", "messages": [USER]},
    RESPONSES: {"model": "m", "input": [USER], "store": False},
    MESSAGES: {"model": "m", "max_tokens": 9_000, "messages": [USER]},
    GEMINI: {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    OLLAMA: {"model": "m", "messages": [USER], "stream": False},
}
# literal table: how each format's clients ask to think
THINKS: dict[Format, list[dict[str, Any]]] = {
    CHAT: [{"reasoning_effort": "high"}, {"reasoning": {"max_tokens": 9}}, {"enable_thinking": True}],
    RESPONSES: [{"reasoning": {"effort": "high", "summary": "auto"}}],
    MESSAGES: [{"thinking": {"type": "enabled", "budget_tokens": 1_500}}, {"output_config": {"effort": "high"}}],
    GEMINI: [{"generationConfig": {"thinkingConfig": {"thinkingBudget": 9, "includeThoughts": True}}}],
    OLLAMA: [{"think": True}, {"think": "high"}],
}
EVERY = [(wire, more) for wire, each in THINKS.items() for more in each]
ABLE = Terms("m", 64_000, thinking=ThinkingMode.TOKENS)
WORDS = ("think", "reason", "effort")


def sent(
    wire: Format, body: dict[str, Any], rule: Rule, upstream: Format | None = None, terms: Terms = ABLE
) -> dict[str, Any]:
    """Give what an upstream is sent of a request."""
    translation = Translation(CODECS[wire], asked(wire, body)).under(Shaping(thinking=rule))
    carrier = translation.carrier(upstream or wire, terms, "req", 0)
    read: dict[str, Any] = json.loads(carrier.prepare().body)
    return read


def config(tokens: int) -> dict[str, Any]:
    return {"generationConfig": {"thinkingConfig": {"thinkingBudget": tokens}}}


# literal table: what each upstream is told of a budget of tokens, and of none
TOLD: dict[Format, tuple[dict[str, Any], dict[str, Any]]] = {
    CHAT: ({"reasoning_effort": "medium"}, {}),
    RESPONSES: ({"reasoning": {"effort": "medium"}}, {"reasoning": {"effort": "none"}}),
    MESSAGES: ({"thinking": {"type": "enabled", "budget_tokens": 4_096}}, {"thinking": {"type": "disabled"}}),
    GEMINI: (config(4_096), config(0)),
    OLLAMA: ({"think": True}, {"think": False}),
}


PAIRS = list(itertools.product(PLAIN, TOLD))


@pytest.mark.parametrize(("wire", "more"), EVERY)
def test_auto_takes_every_word_of_thinking_away(wire: Format, more: dict[str, Any]) -> None:
    for upstream in TOLD:
        body = json.dumps(sent(wire, PLAIN[wire] | more, Rule("auto"), upstream))
        assert not [word for word in WORDS if word in body.replace("reasoning.encrypted_content", "")]


@pytest.mark.parametrize(("wire", "upstream"), PAIRS)
@pytest.mark.parametrize("thinks", [False, True])
def test_custom_says_a_budget_in_every_upstreams_words(wire: Format, upstream: Format, thinks: bool) -> None:
    body = PLAIN[wire] | (THINKS[wire][0] if thinks else {})
    for tokens, told in zip((4_096, 0), TOLD[upstream], strict=True):
        found = sent(wire, body, Rule("custom", tokens), upstream)
        assert within(told, found)
        assert told or "reasoning_effort" not in found


def within(told: Any, found: Any) -> bool:
    """Say whether all that was to be told was."""
    if isinstance(told, dict):
        return all(name in found and within(value, found[name]) for name, value in told.items())
    return bool(told == found)


@pytest.mark.parametrize(("wire", "upstream"), PAIRS)
def test_how_a_format_words_the_configurations_wish_is_no_loss(wire: Format, upstream: Format) -> None:
    translation = Translation(CODECS[wire], asked(wire, PLAIN[wire]))
    assert translation.fit(upstream, Shaping(thinking=Rule("custom", 4_096))).losses == ()


@pytest.mark.parametrize("wire", PLAIN)
@pytest.mark.parametrize("mode", ["auto", "custom", "adaptive"])
def test_a_model_that_is_not_known_to_think_is_sent_the_clients_bytes(wire: Format, mode: Any) -> None:
    request = asked(wire, PLAIN[wire])
    translation = Translation(CODECS[wire], request).under(Shaping(thinking=Rule(mode, 4_096)))
    carrier = translation.carrier(wire, Terms(request.model), "req", 0)
    assert carrier.prepare().body is request.body


@pytest.mark.parametrize(("wire", "more"), EVERY)
def test_a_model_that_is_not_known_to_think_is_told_how_much_where_the_client_asks_it_to(
    wire: Format, more: dict[str, Any]
) -> None:
    able, unknown = (sent(wire, PLAIN[wire] | more, Rule("custom", 4_096), terms=each) for each in (ABLE, Terms("m")))
    assert able == unknown | {"max_tokens": able["max_tokens"]} if "max_tokens" in able else able == unknown


@pytest.mark.parametrize(
    "no", [{"reasoning_effort": "none"}, {"enable_thinking": False}, {"reasoning": {"max_tokens": 0}}]
)
def test_a_client_that_wants_no_thought_of_an_unknown_model_gets_none(no: dict[str, Any]) -> None:
    assert sent(CHAT, PLAIN[CHAT] | no, Rule("custom", 4_096), terms=Terms("m")) == PLAIN[CHAT] | no


def test_a_budget_stays_within_what_gemini_and_the_longest_output_allow() -> None:
    assert sent(GEMINI, PLAIN[GEMINI], Rule("custom", 65_536))["generationConfig"] == config(24_576)["generationConfig"]
    body = sent(MESSAGES, PLAIN[MESSAGES], Rule("custom", 65_536))
    assert body["thinking"]["budget_tokens"] == PLAIN[MESSAGES]["max_tokens"] // 2


def test_settings_that_exclude_thinking_give_way_to_it_and_are_named() -> None:
    body = PLAIN[MESSAGES] | {"temperature": 0.2}
    translation = Translation(CODECS[MESSAGES], asked(MESSAGES, body)).under(Shaping(thinking=Rule("custom", 4_096)))
    carrier = translation.carrier(MESSAGES, ABLE, "req", 0)
    assert "temperature" not in json.loads(carrier.prepare().body)
    assert [loss.path for loss in carrier.losses] == ["sampling.temperature"]


def test_a_call_that_was_made_without_a_thought_is_answered_without_one() -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "n", "input": {}}]}
    back = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "1"}]}
    body = PLAIN[MESSAGES] | {"messages": [USER, call, back]}
    assert "thinking" not in sent(MESSAGES, body, Rule("custom", 4_096))
    empty = PLAIN[MESSAGES] | {"messages": [USER, {"role": "assistant", "content": []}, back]}
    assert "thinking" not in sent(MESSAGES, empty, Rule("custom", 4_096))


@NEEDS_TRAFFIC
@pytest.mark.parametrize("rule", [Rule("auto"), Rule("custom", 0)])
def test_a_recorded_agent_that_may_not_think_does_not_ask_for_its_thoughts_to_be_edited(rule: Rule) -> None:
    body = turns("claude-code")[1].body
    assert [each["type"] for each in body["context_management"]["edits"]] == ["clear_thinking_20251015"]
    told = sent(MESSAGES, body, rule)
    assert "context_management" not in told
    assert told.get("thinking", {"type": "disabled"}) == {"type": "disabled"}
    assert told["messages"][0] == body["messages"][0]


@pytest.mark.parametrize(
    ("edits", "left"),
    [
        ([{"type": "clear_thinking_x"}, {"type": "clear_tool_uses_x"}], {"edits": [{"type": "clear_tool_uses_x"}]}),
        ("odd", {"edits": "odd"}),
        ([7], {"edits": [7]}),
    ],
)
def test_other_edits_are_kept(edits: Any, left: Any) -> None:
    body = PLAIN[MESSAGES] | THINKS[MESSAGES][0] | {"context_management": {"edits": edits}}
    assert sent(MESSAGES, body, Rule("auto"))["context_management"] == left


def request(messages: int = 1, tools: int = 0, text: str = "hi") -> GenerateRequest:
    said = [Message(Role.USER, (Text("before"),))] * (messages - 2) + [Message(Role.USER, (Text(text),))]
    last = [Message(Role.USER, (ToolResult("c", ()),))] if messages > 1 else []
    return GenerateRequest(CHAT, "m", (*said, *last), tools=tuple(Tool(f"t{each}") for each in range(tools)))


@pytest.mark.parametrize(
    ("asked_for", "share"),
    [
        (request(), 1.0),
        (request(10, 3, "x" * 2_000), 1.0),
        (request(11), 1.5),
        (request(tools=4), 1.5),
        (request(text="x" * 2_001), 1.3),
        (request(11, 4, "x" * 2_001), 2.3),
        (GenerateRequest(CHAT, "m", ()), 1.0),
    ],
)
def test_adaptive_grows_with_what_is_to_be_worked_on(asked_for: GenerateRequest, share: float) -> None:
    assert adaptive(asked_for, "low") == round(EFFORTS["low"] * share)
    told = rethought(asked_for, Rule("adaptive", effort="low")).thinking
    assert told == Thinking(enabled=True, budget=round(EFFORTS["low"] * share), ruled=True)


def test_adaptive_ends_at_the_greatest_effort_and_none_is_none() -> None:
    assert adaptive(request(11, 4, "x" * 2_001), "max") == EFFORTS["max"]
    assert rethought(request(11), Rule("adaptive", effort="none")).thinking == Thinking(enabled=False, ruled=True)


@pytest.mark.parametrize("rule", [Rule("auto"), Rule("custom", 9, asked_only=True)])
def test_a_request_that_says_nothing_of_thinking_is_given_back_itself(rule: Rule) -> None:
    one = request()
    assert rethought(one, rule) is one


def test_members_that_were_not_understood_go_too_and_the_wish_to_see_thoughts_stays() -> None:
    one = msgspec.structs.replace(
        request(), thinking=Thinking(visible=True), extras={"thinking_budget": 5, "=think": 1, "verbosity": "low"}
    )
    told = rethought(one, Rule("custom", 9))
    assert (told.thinking, told.extras) == (Thinking(True, None, 9, True, ruled=True), {"verbosity": "low"})
    assert rethought(msgspec.structs.replace(one, thinking=None), Rule("auto")).extras == {"verbosity": "low"}
