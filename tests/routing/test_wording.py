"""Words: one line for one thing, with its place."""

from omniroute.formats.translate import Fit, sayable
from omniroute.ir.loss import dropped
from omniroute.names import Capability
from omniroute.routing.explain import Asking, explain
from omniroute.routing.view import View
from omniroute.routing.wording import at, notes, words
from tests.routing.test_explain import ARRIVALS, TEXT, asked, told
from tests.routing.test_ruling import at as line
from tests.routing.test_ruling import told as told_to
from tests.support.loaded import loaded

WHOLE = """\
'clever' asked in openai-chat, streamed, about 9 tokens of input, session 's1'

Name:
  'clever' is an alias of 'smart'  (a.toml:24)
  'smart' is an alias of 'mixed'  (a.toml:23)
  'mixed' is a combo  (a.toml:27)

Combo 'mixed' chooses by weighted  (a.toml:28)
  Draws by weight: of two targets with the weights 3 and 1, the first gets three requests of four.
  - anthropic/claude-x, weight 2  (a.toml:30)
      'claude-x' fits 'claude-*', which stands for 'anthropic/claude-x'  (a.toml:25)
  - inner, weight 1  (a.toml:31)

Combo 'inner' chooses by priority  (a.toml:35)
  The order written.
  - house/tiny  (a.toml:36)
  - house/large  (a.toml:36)

Tried, in this order, until one answers:
  1. anthropic/claude-x  (a.toml:30)
     in anthropic-messages, translated
     with credential 'default'  (a.toml:2)
     sampling.seed dropped: there is no such thing
  2. house/tiny  (a.toml:36)
     in openai-chat, as the client asks
     with credential 'two'  (a.toml:9)
  3. house/large  (a.toml:36)
     in openai-chat, as the client asks
     with credential 'two'  (a.toml:9)

Credentials without a secret:
  'one' of provider 'house': there is no ONE  (a.toml:8)

Limits:
  attempts 2  (a.toml:33)
  total 660 s  (a.toml:31)
  connect 5 s for anthropic/claude-x, house/tiny, house/large  (default)
  first_byte 60 s for anthropic/claude-x, house/tiny, house/large  (default)
  first_token 120 s for anthropic/claude-x  (default)
  first_token 3 s for house/tiny, house/large  (a.toml:11)
  between_events 60 s for anthropic/claude-x, house/tiny, house/large  (default)
  wait for a credential that rests 4 s  (a.toml:39)
  failures that open a breaker 5  (default)
  time in which they are counted 30 s  (default)
  time that a breaker stays open 30 s  (default)
"""


def test_a_whole_explanation_reads_like_this() -> None:
    found = told(
        asked("clever", stream=True, session="s1", input_tokens=9),
        view=View(unusable={("house", "one"): "there is no ONE"}),
        fitting=lambda _wire, _shaping=None: Fit((dropped("sampling.seed", "there is no such thing"),)),
        seed=1,
    )
    assert words(found) == WHOLE


def test_what_is_left_out_has_its_reason_its_code_and_its_place() -> None:
    said = words(told(asked("house/tiny", needs=frozenset({Capability.IMAGES}))))
    assert "needs images" in said.splitlines()[0]
    reason = "the request needs images, which the model does not have"
    assert f"Left out:\n  house/tiny: {reason} [capability]  (a.toml:15)\n" in said
    problem = f"no target of 'house/tiny' can serve this request: house/tiny: {reason}"
    assert said.endswith(f"Nobody serves it (status 422): {problem}\n")
    assert "Tried" not in said
    assert "Limits" not in said


def test_a_name_without_a_combo_is_a_model_of_a_provider() -> None:
    assert "\n  'house/tiny' is model 'tiny' of provider 'house'  (a.toml:13)\n" in words(told(asked("house/tiny")))


def test_the_last_name_says_what_it_is() -> None:
    said = words(told(asked("old"), text=ARRIVALS))
    assert "  'old' is 'house/old', for provider 'house' alone lists it  (a.toml:8)\n" in said
    assert "  'house/old' is gone, and 'house/new' is in its place  (a.toml:8)\n" in said
    said = words(told(asked("ali/x"), text=ARRIVALS))
    assert "  'ali/x' is 'alibaba/x', for its prefix is another name of provider 'alibaba'  (catalogue/alibaba" in said


def test_what_becomes_of_the_request_is_said() -> None:
    said = words(told(asked("shaped"), text=ARRIVALS))
    assert "  its system prompt is the combo's  (a.toml:12)\n" in said
    assert "  its tools are those that the combo lets through  (a.toml:13)\n" in said


def test_a_name_that_stands_for_nothing_has_no_steps() -> None:
    said = words(told(asked("nobody")))
    assert "Name:" not in said
    assert said.count("\n") == 3


def test_weights_are_told_where_one_is_not_one() -> None:
    assert "weight" not in words(told(asked("inner")))


def test_control_characters_of_a_name_reach_nobodys_terminal() -> None:
    said = words(told(asked("x\x1b[2J\ny")))
    assert "\x1b" not in said
    assert "'x␛[2J␊y'" in said


def test_a_place_in_the_catalogue_is_said_to_be_shipped() -> None:
    origin = loaded(TEXT).origins.of("providers", "anthropic", "base_url")
    assert at(origin).startswith("  (catalogue/anthropic.toml:")
    assert at(origin).endswith(", shipped)")
    assert at(None) == "  (default)"


def test_notes_say_what_an_order_hangs_on() -> None:
    assert list(notes(told(asked("smart"), seed=4))) == [
        "combo 'mixed' draws anew for each request: this is what seed 4 draws"
    ]
    assert list(notes(told(asked("inner")))) == []


def test_notes_say_that_experience_is_missing() -> None:
    text = TEXT.replace('"weighted"', '"p2c"')
    found = loaded(text)
    said = list(notes(explain(found.snapshot, found.origins, Asking(asked("mixed"), sayable))))
    assert [each.partition(":")[0] for each in said] == [
        "combo 'mixed' draws anew for each request",
        "combo 'mixed' goes by what the gateway has done and learnt",
    ]


def test_who_has_no_room_is_said_to_come_behind_the_others() -> None:
    text = TEXT.replace("context = 1000", "max_concurrent = 1")
    made = told(asked("inner"), text=text, view=View(seated={"house/tiny": 1}))
    assert words(made).count("     behind those that have room, for it has none now\n") == 2


def test_it_is_put_into_words() -> None:
    said = words(told_to("house/large", "alice"))
    assert said.startswith("'house/large' asked in openai-chat, not streamed, with key 'alice'\n")
    named = line('policy = "engineers"')
    assert f"\nPolicy 'engineers' holds for key 'alice'  ({named})\n" in said
    assert f'  deny_models = ["x", "house/large"]  ({line("deny_models")})\n' in said
    assert said.endswith(f"policy 'engineers' denies 'house/large'  ({line('deny_models')})\n")
    assert "Policy 'guests' holds for whoever comes without a key" in words(told_to("house/small", ""))
    assert "its system prompt has words of the policy's" in words(told_to("pair", "alice"))


def test_what_is_counted_is_noted() -> None:
    assert any("budgets have room" in each for each in notes(told_to("pair", "alice")))
    assert list(notes(told_to("house/small", "bob"))) == []
