"""Carrying a request to an upstream and its answer back, as bytes or said in another format."""

import json
from typing import Any

import pytest

from omniroute.errors import Bug, Malformed
from omniroute.formats import CODECS
from omniroute.formats.codec import Place, Terms
from omniroute.formats.rethink import Rule
from omniroute.formats.shape import Shaping
from omniroute.formats.translate import Fit, Lossless, PassThrough, Restated, Translated, Translation, sayable
from omniroute.ir.parts import Signature
from omniroute.ir.signatures import pack
from omniroute.ir.usage import Usage
from omniroute.names import FailureKind, Format
from tests.support.answers import STREAMED, WHOLE, Call, Saying

TERMS = Terms("up", max_output=500)
PATCH = {"type": "custom", "name": "apply_patch", "description": "Patches."}
SAID = Saying("Hallo", [Call("apply_patch", {"input": "*** Begin"}, "call_9")])


def translation(wire: Format, **body: Any) -> Translation:
    codec = CODECS[wire]
    return Translation(codec, codec.ask(json.dumps({"model": "c", **body}).encode(), Place("c", stream=False)))


def messages(**more: Any) -> Translation:
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return translation(Format.ANTHROPIC_MESSAGES, **(body | more))


def carried(asked: Translation, wire: Format) -> Translated:
    made = asked.carrier(wire, TERMS, "req_1", 1_700_000_000_000_000)
    assert isinstance(made, Translated)
    return made


def test_a_request_that_fits_has_its_losses_and_no_refusal() -> None:
    fit = messages(top_k=5).fit(Format.OPENAI_CHAT)
    assert fit.refused is None
    assert [loss.path for loss in fit.losses] == ["sampling.top_k"]


def test_content_that_a_format_cannot_say_refuses_it_by_name() -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://x.invalid/a.png"}}
    fit = messages(messages=[{"role": "user", "content": [picture]}]).fit(Format.OLLAMA)
    assert fit.refused is not None
    assert fit.refused.startswith("ollama cannot say messages[0].parts[0]")


def test_a_feature_of_the_clients_own_format_refuses_every_other_by_name() -> None:
    fit = translation(Format.OPENAI_RESPONSES, input="hi", previous_response_id="resp_1").fit(Format.OPENAI_CHAT)
    assert fit.refused is not None
    assert "only a provider that speaks openai-responses" in fit.refused
    assert "'previous_response_id'" in fit.refused


@pytest.mark.parametrize("wire", [Format.OPENAI_COMPLETIONS, Format.OPENAI_SPEECH])
def test_nothing_is_translated_to_a_format_that_only_clients_speak(wire: Format) -> None:
    assert messages().fit(wire).refused == f"requests are not translated to {wire}"


def test_what_cannot_be_read_is_refused_when_it_has_to_be_read() -> None:
    asked = messages(messages=[{"role": "user", "content": 7}])
    asked.carrier(Format.ANTHROPIC_MESSAGES, TERMS, "req_1", 0).prepare()
    with pytest.raises(Malformed):
        asked.fit(Format.OPENAI_CHAT)


def test_a_request_is_read_once_and_written_once_for_each_format() -> None:
    asked = messages()
    assert asked.request is asked.request
    assert asked.spoken(Format.GEMINI) is asked.spoken(Format.GEMINI)


def test_where_both_speak_one_format_bytes_are_kept() -> None:
    asked = messages(thinking={"type": "enabled", "budget_tokens": 1.0})
    carrier = asked.carrier(Format.ANTHROPIC_MESSAGES, TERMS, "req_1", 0)
    assert isinstance(carrier, PassThrough)
    assert carrier.prepare().body == (
        b'{"model": "up", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], '
        b'"thinking": {"type": "enabled", "budget_tokens": 1.0}}'
    )
    body = json.dumps(WHOLE[Format.ANTHROPIC_MESSAGES](SAID)).encode()
    whole = carrier.whole(body)
    assert whole.body is body
    assert whole.answered.usage == Usage(input=21, output=7)
    assert (carrier.losses, carrier.url("m", False)) == ((), "/v1/messages")
    watch = carrier.watch(carrier.prepare())
    sent = "".join(STREAMED[Format.ANTHROPIC_MESSAGES](SAID)).encode()
    assert watch.feed(sent) + watch.close() == sent
    assert (watch.done, watch.usage) == (True, Usage(input=21, output=7))


@pytest.mark.parametrize("signature", ["", pack(Signature(Format.GEMINI, "AAAA"), Format.ANTHROPIC_MESSAGES)])
def test_thoughts_that_the_upstream_would_refuse_are_left_out_where_bytes_are_kept_otherwise(signature: str) -> None:
    own = {"type": "thinking", "thinking": "mine", "signature": "EqQBCkYI"}
    other = {"type": "thinking", "thinking": "theirs", "signature": signature}
    said = {"type": "text", "text": "hello"}
    asked = messages(
        messages=[
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [own, other, said]},
            {"role": "user", "content": "and?"},
        ],
        service_tier="auto",
    )
    carrier = asked.carrier(Format.ANTHROPIC_MESSAGES, TERMS, "req_1", 0)
    sent = json.loads(carrier.prepare().body)
    assert sent["messages"][1]["content"] == [own, said]
    assert (sent["model"], sent["service_tier"], sent["max_tokens"]) == ("up", "auto", 9)
    assert {loss.path.removesuffix(".signature") for loss in carrier.losses} == {"messages[1].parts[1]"}
    body = json.dumps(WHOLE[Format.ANTHROPIC_MESSAGES](SAID)).encode()
    assert carrier.whole(body).body is body


def test_a_whole_answer_is_said_in_the_clients_format_with_the_clients_names_for_tools() -> None:
    carrier = carried(translation(Format.OPENAI_RESPONSES, input="hi", tools=[PATCH]), Format.ANTHROPIC_MESSAGES)
    sent = json.loads(carrier.prepare().body)
    assert sent["tools"][0]["input_schema"]["required"] == ["input"]
    assert (sent["model"], sent["max_tokens"]) == ("up", 500)
    whole = carrier.whole(json.dumps(WHOLE[Format.ANTHROPIC_MESSAGES](SAID)).encode())
    assert whole.answered.complaint is None
    [call] = [item for item in json.loads(whole.body)["output"] if item["type"] == "custom_tool_call"]
    assert (call["name"], call["input"]) == ("apply_patch", "*** Begin")
    assert [loss.path for loss in carrier.losses] == ["tools[0].custom"]


def test_an_answer_that_is_none_is_a_complaint_and_nothing_for_the_client() -> None:
    whole = carried(messages(), Format.OPENAI_CHAT).whole(b"null")
    assert (whole.answered.trouble, whole.body) == (FailureKind.MALFORMED, b"")


def streamed(wire: Format, size: int, said: Saying = SAID) -> tuple[bytes, Any, Translated]:
    carrier = carried(translation(Format.OPENAI_RESPONSES, input="hi", tools=[PATCH], stream=True), wire)
    watch = carrier.watch(carrier.prepare())
    data = "".join(STREAMED[wire](said)).encode()
    out = b"".join(watch.feed(data[at : at + size]) for at in range(0, len(data), size))
    return out + watch.close(), watch, carrier


@pytest.mark.parametrize("wire", [Format.OPENAI_CHAT, Format.ANTHROPIC_MESSAGES, Format.GEMINI, Format.OLLAMA])
def test_a_stream_is_said_in_the_clients_format_wherever_its_bytes_are_cut(wire: Format) -> None:
    whole, watch, _ = streamed(wire, 1 << 20)
    assert (watch.started, watch.done, watch.usage) == (True, True, Usage(input=21, output=7))
    for size in (1, 7, 100):
        assert streamed(wire, size)[0] == whole
    if wire is not Format.OPENAI_CHAT:  # whose upstream takes a tool of free text as it is
        assert b'"type":"custom_tool_call"' in whole.replace(b" ", b"")
        assert b"*** Begin" in whole


def test_a_stream_that_breaks_is_learnt_of_and_said_by_whoever_ends_it() -> None:
    carrier = carried(messages(stream=True), Format.OPENAI_CHAT)
    watch = carrier.watch(carrier.prepare())
    first, *_ = [each for each in STREAMED[Format.OPENAI_CHAT](SAID) if "Ha" in each]
    sent = watch.feed(first.encode() + b"data: {never closed\n\n" + first.encode())
    assert sent.count(b"text_delta") == 1
    assert watch.trouble is FailureKind.MALFORMED
    assert watch.feed(first.encode()) == watch.close() == b""


def test_to_say_a_request_in_a_format_that_only_clients_speak_is_a_bug() -> None:
    with pytest.raises(Bug, match="spoken by clients only"):
        messages().spoken(Format.OPENAI_COMPLETIONS)


@pytest.mark.parametrize("wire", Format)
def test_of_a_request_that_nobody_has_seen_it_is_known_which_formats_could_say_it(wire: Format) -> None:
    written = wire in CODECS and CODECS[wire].render_request is not None
    assert sayable(wire) == (Fit() if written else Fit(refused=f"requests are not translated to {wire}"))


BRIEF = Shaping(system_message="Be brief.")
NO_TOOLS = Shaping(tool_filter="^$")
SHELL = {"type": "function", "function": {"name": "shell", "parameters": {"type": "object", "properties": {}}}}


def chat(**more: Any) -> Translation:
    return translation(Format.OPENAI_CHAT, **({"messages": [{"role": "user", "content": "hi"}]} | more))


def test_a_shaped_request_is_written_again_in_its_own_format_and_its_answer_passes_as_bytes() -> None:
    asked = chat(messages=[{"role": "system", "content": "Old."}, {"role": "user", "content": "hi"}], new_field=1.0)
    assert asked.fit(Format.OPENAI_CHAT, BRIEF) == Fit(tools=False)
    carrier = asked.under(BRIEF).carrier(Format.OPENAI_CHAT, TERMS, "req_1", 0)
    assert isinstance(carrier, Restated)
    assert json.loads(carrier.prepare().body) == {
        "model": "up",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "new_field": 1.0,
    }
    body = json.dumps(WHOLE[Format.OPENAI_CHAT](SAID)).encode()
    assert carrier.whole(body).body is body
    assert carrier.losses == ()


@pytest.mark.parametrize(("options", "shown"), [({}, False), ({"stream_options": {"include_usage": True}}, True)])
def test_usage_that_a_client_did_not_ask_for_is_hidden_of_a_shaped_stream_too(
    options: dict[str, Any], shown: bool
) -> None:
    carrier = chat(stream=True, **options).under(BRIEF).carrier(Format.OPENAI_CHAT, TERMS, "req_1", 0)
    prepared = carrier.prepare()
    assert json.loads(prepared.body)["stream_options"] == {"include_usage": True}
    watch = carrier.watch(prepared)
    passed = watch.feed("".join(STREAMED[Format.OPENAI_CHAT](SAID)).encode()) + watch.close()
    assert (b'"prompt_tokens"' in passed) is shown
    assert watch.usage == Usage(input=21, output=7)


def test_a_provider_that_does_not_understand_being_asked_for_usage_is_not() -> None:
    carrier = chat(stream=True).under(BRIEF).carrier(Format.OPENAI_CHAT, Terms("up", stream_usage=False), "req_1", 0)
    prepared = carrier.prepare()
    assert (b"stream_options" in prepared.body, prepared.hide_usage) == (False, False)


def test_a_request_is_shaped_before_its_tools_are_adapted_and_its_fit_is_judged() -> None:
    asked = translation(
        Format.OPENAI_RESPONSES, input="hi", tools=[PATCH, {"type": "file_search"}], tool_choice="required"
    )
    assert asked.fit(Format.ANTHROPIC_MESSAGES).refused is not None
    fit = asked.fit(Format.ANTHROPIC_MESSAGES, NO_TOOLS)
    assert (fit.refused, fit.losses) == (None, ())
    carrier = carried(asked.under(Shaping("Be brief.", "^apply")), Format.ANTHROPIC_MESSAGES)
    sent = json.loads(carrier.prepare().body)
    assert sent["system"] == [{"type": "text", "text": "Be brief."}]
    assert [tool["name"] for tool in sent["tools"]] == ["apply_patch"]
    assert [loss.path for loss in carrier.losses] == ["tools[0].custom"]


def test_a_request_that_a_shaping_changes_nothing_in_passes_as_the_clients_bytes() -> None:
    asked = chat(tools=[SHELL], seed=1.0)
    carrier = asked.under(Shaping(tool_filter="shell")).carrier(Format.OPENAI_CHAT, TERMS, "req_1", 0)
    assert type(carrier) is PassThrough
    assert b'"seed": 1.0' in carrier.prepare().body
    assert asked.fit(Format.OPENAI_CHAT, Shaping(tool_filter="shell")) == Fit()
    assert asked.fit(Format.OPENAI_CHAT, NO_TOOLS) == Fit(tools=False)


def test_a_format_without_a_place_for_instructions_refuses_a_combos_and_has_no_tools_to_filter() -> None:
    asked = translation(Format.OPENAI_COMPLETIONS, prompt="def f(")
    fit = asked.fit(Format.OPENAI_COMPLETIONS, BRIEF)
    assert fit.refused == "openai-completions has no place for a system message"
    assert asked.fit(Format.OPENAI_COMPLETIONS, Shaping(system_message="")).refused is None
    assert asked.fit(Format.OPENAI_COMPLETIONS, NO_TOOLS).refused is None
    kept = asked.under(NO_TOOLS).carrier(Format.OPENAI_COMPLETIONS, TERMS, "req_1", 0)
    assert kept.prepare().body == b'{"model": "up", "prompt": "def f("}'


def test_shapings_are_kept_apart_and_each_is_made_once() -> None:
    asked = chat(tools=[SHELL])
    assert asked.under(None) is asked
    assert asked.under(BRIEF) is asked.under(Shaping("Be brief."))
    assert (asked.request.system, len(asked.request.tools)) == ((), 1)
    assert asked.under(NO_TOOLS).request.tools == ()
    assert asked.under(BRIEF).request.tools == asked.request.tools


def test_in_its_own_format_a_tools_name_is_said_as_the_client_has_it() -> None:
    long = {"type": "function", "function": {"name": "x" * 100}}
    carrier = chat(tools=[long]).under(BRIEF).carrier(Format.OPENAI_CHAT, TERMS, "req_1", 0)
    assert json.loads(carrier.prepare().body)["tools"] == [long]


def test_of_a_request_that_nobody_has_seen_a_shaping_changes_nothing_that_is_known() -> None:
    assert sayable(Format.GEMINI, BRIEF) == sayable(Format.GEMINI) == Fit()


def test_where_nothing_may_be_lost_a_format_that_would_lose_a_setting_is_refused_by_name() -> None:
    request = messages(top_k=5, service_tier="auto")
    fit = Lossless(request.fit)(Format.OPENAI_CHAT)
    assert fit.refused is not None
    assert "on_loss" in fit.refused
    assert "openai-chat cannot keep" in fit.refused
    assert "sampling.top_k (" in fit.refused
    assert "extras.service_tier (" in fit.refused
    assert fit.losses == request.fit(Format.OPENAI_CHAT).losses


def test_where_nothing_may_be_lost_a_format_that_says_it_all_fits_and_another_refusal_stays() -> None:
    assert Lossless(messages().fit)(Format.OPENAI_CHAT) == messages().fit(Format.OPENAI_CHAT)
    assert Lossless(messages(top_k=5).fit)(Format.ANTHROPIC_MESSAGES) == Fit(tools=False)
    unsayable = Lossless(messages().fit)(Format.OPENAI_SPEECH)
    assert unsayable == messages().fit(Format.OPENAI_SPEECH)


def test_what_is_only_said_again_in_a_formats_own_words_is_no_loss_to_refuse() -> None:
    request = translation(
        Format.OPENAI_CHAT, messages=[{"role": "user", "content": "hi"}], max_tokens=5, n=1, reasoning_effort="low"
    )
    assert Lossless(request.fit)(Format.ANTHROPIC_MESSAGES).refused is None


def test_what_may_not_be_lost_is_what_a_shaping_leaves() -> None:
    request = translation(Format.OPENAI_CHAT, messages=[{"role": "user", "content": "hi"}], reasoning={"max_tokens": 0})
    lossless = Lossless(request.fit)
    assert lossless(Format.OLLAMA, Shaping("Be brief.")).refused is None
    kept = translation(Format.OPENAI_CHAT, messages=[{"role": "user", "content": "hi"}], reasoning_effort="low")
    assert Lossless(kept.fit)(Format.OLLAMA).refused is not None
    assert Lossless(kept.fit)(Format.OLLAMA, Shaping(thinking=Rule("auto"))).refused is None
