"""A plan with its reasons: the plan is the planner's, and every reason names its line."""

from collections.abc import Mapping

import pytest

from omniroute.config.origins import Origin
from omniroute.errors import Forbidden, Malformed
from omniroute.formats.shape import Shaping
from omniroute.formats.translate import Fit, sayable
from omniroute.ir.facts import Facts
from omniroute.ir.loss import dropped
from omniroute.names import Capability, Format, ProviderName, Strategy
from omniroute.routing.explain import BY_CHANCE, BY_EXPERIENCE, Asking, explain
from omniroute.routing.explanation import Explanation
from omniroute.routing.plan import Fitting, make_plan
from omniroute.routing.strategies import STRATEGIES
from omniroute.routing.view import View
from tests.routing.test_ruling import at as line
from tests.routing.test_ruling import told as told_to
from tests.support.loaded import Configuration, line_of, loaded

TEXT = """\
[providers.anthropic]
api_key = "env:ANTHROPIC_API_KEY"

[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
credentials = [
  { name = "one", api_key = "env:ONE" },
  { name = "two", api_key = "env:TWO" },
]
timeouts = { first_token = "3s" }

[providers.house.models.tiny]
context = 1000
capabilities = ["tools"]

[providers.sound]
base_url = "http://10.0.0.8:8000/v1"
formats = ["openai-completions"]
auth = "none"

[aliases]
smart = "mixed"
clever = "smart"
"claude-*" = "anthropic/claude-*"

[combos.mixed]
strategy = "weighted"
targets = [
  { model = "claude-x", weight = 2 },
  { model = "inner", timeouts = { total = "11m" } },
]
max_attempts = 2

[combos.inner]
targets = ["house/tiny", "house/large"]

[resilience.cooldown]
wait = "4s"
"""


def asked(name: str, **facts: object) -> Facts:
    return Facts(**{"asked": name, "format": Format.OPENAI_CHAT, "stream": False, **facts})  # type: ignore[arg-type]  # a test names the facts that it changes


def told(
    facts: Facts, *, view: View | None = None, fitting: Fitting = sayable, seed: int = 0, text: str = TEXT
) -> Explanation:
    found = loaded(text)
    return explain(found.snapshot, found.origins, Asking(facts, fitting, seed, view or View()))


def at(part: str, text: str = TEXT) -> str:
    return f"a.toml:{line_of(text, part)}"


def test_each_step_from_a_name_to_what_it_stands_for_has_its_line() -> None:
    found = told(asked("clever"))
    assert [(hop.name, hop.alias, hop.to, str(hop.origin)) for hop in found.way] == [
        ("clever", "clever", "smart", at("clever =")),
        ("smart", "smart", "mixed", at("smart =")),
    ]
    [arrival] = found.arrivals
    assert (arrival.name, arrival.kind, arrival.to, str(arrival.origin)) == (
        "mixed",
        "combo",
        "mixed",
        at("[combos.mixed]"),
    )


def test_a_name_that_fits_a_pattern_says_which() -> None:
    [hop] = told(asked("claude-sonnet")).way
    assert (hop.name, hop.alias, hop.to) == ("claude-sonnet", "claude-*", "anthropic/claude-sonnet")
    assert str(hop.origin) == at('"claude-*"')


@pytest.mark.parametrize("seed", range(8))
def test_the_candidates_are_those_of_the_plan_that_serve_would_make(seed: int) -> None:
    found, facts = loaded(TEXT), asked("smart", stream=True)
    plan = make_plan(found.snapshot, facts, View(), sayable, seed)
    said = explain(found.snapshot, found.origins, Asking(facts, sayable, seed))
    assert [(each.target, each.credential, each.format) for each in said.candidates] == [
        (each.target.id, each.credential.name, each.format) for each in plan.candidates
    ]
    assert {each.combo for each in said.combos} == {"mixed", "inner"}
    assert said.question.seed == seed
    assert said.config == found.snapshot.id


def test_combos_say_how_they_choose_and_among_what() -> None:
    outer, inner = told(asked("smart")).combos
    assert (outer.combo, outer.strategy, str(outer.origin)) == ("mixed", "weighted", at('strategy = "weighted"'))
    assert outer.rule.startswith("Draws by weight")
    assert [(each.name, each.weight, str(each.origin)) for each in outer.steps] == [
        ("anthropic/claude-x", 2, at('"claude-x"')),
        ("inner", 1, at('"inner"')),
    ]
    assert [hop.alias for hop in outer.steps[0].way] == ["claude-*"]
    assert (inner.strategy, str(inner.origin)) == ("priority", at("[combos.inner]"))


def test_every_strategy_says_what_its_order_hangs_on() -> None:
    fixed = {Strategy.PRIORITY, Strategy.COST_OPTIMIZED, Strategy.CONTEXT_OPTIMIZED}
    assert fixed | BY_CHANCE | BY_EXPERIENCE == set(STRATEGIES)
    assert not fixed & (BY_CHANCE | BY_EXPERIENCE)


def test_a_candidate_says_where_it_is_listed_and_what_it_is_asked_with() -> None:
    found = {(each.target, each.credential): each for each in told(asked("smart")).candidates}
    tiny = found["house/tiny", "two"]
    assert (tiny.format, tiny.own, str(tiny.origin)) == ("openai-chat", True, at('["house/tiny"'))
    assert str(tiny.credential_origin) == at('"env:TWO"')
    claude = found["anthropic/claude-x", "default"]
    assert (claude.format, claude.own) == ("anthropic-messages", False)


def test_losses_are_those_that_the_planner_was_told() -> None:
    loss = dropped("sampling.seed", "nobody knows it")
    found = told(asked("claude-x"), fitting=lambda _wire, _shaping=None: Fit((loss,)))
    assert found.candidates[0].losses == (loss,)


ARRIVALS = """\
[providers.alibaba]
api_key = "env:DASHSCOPE_API_KEY"

[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
auth = "none"
models = { new = {}, old = { replaced_by = "new" } }

[combos.shaped]
targets = ["house/new"]
system_message = "Be brief."
tool_filter = "^safe_"
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("house/new", [("house/new", "model", "house/new", "new = {}")]),
        ("new", [("new", "bare", "house/new", "new = {}")]),
        (
            "old",
            [("old", "bare", "house/old", "old = {"), ("house/old", "gone", "house/new", "replaced_by")],
        ),
    ],
)
def test_what_the_last_name_is_has_its_line(name: str, expected: list[tuple[str, str, str, str]]) -> None:
    found = told(asked(name), text=ARRIVALS)
    assert [(each.name, each.kind, each.to, str(each.origin)) for each in found.arrivals] == [
        (*each[:3], at(each[3], ARRIVALS)) for each in expected
    ]
    assert [each.target for each in found.candidates] == ["house/new"]


def test_a_prefix_that_is_another_name_of_a_provider_is_told_with_where_it_is_so() -> None:
    [arrival] = told(asked("ali/qwen"), text=ARRIVALS).arrivals
    assert (arrival.name, arrival.kind, arrival.to) == ("ali/qwen", "prefix", "alibaba/qwen")
    assert arrival.origin is not None
    assert arrival.origin.file == "catalogue/alibaba.toml"


def test_what_a_combo_makes_of_a_request_is_told() -> None:
    found = told(asked("shaped"), text=ARRIVALS)
    assert [(each.key, str(each.origin)) for each in found.shapes] == [
        ("system_message", at("system_message", ARRIVALS)),
        ("tool_filter", at("tool_filter", ARRIVALS)),
    ]
    assert told(asked("mixed")).shapes == ()
    text = ARRIVALS.replace('system_message = "Be brief."\n', "")
    assert [each.key for each in told(asked("shaped"), text=text).shapes] == ["tool_filter"]


def test_a_model_that_no_combo_chose_is_where_its_provider_has_it() -> None:
    assert str(told(asked("house/tiny")).candidates[0].origin) == at("[providers.house.models.tiny]")
    assert str(told(asked("sound/unheard-of", format=Format.OPENAI_COMPLETIONS)).candidates[0].origin) == at(
        "[providers.sound]"
    )


CASES: Mapping[str, tuple[Facts, View, str]] = {
    "capability": (asked("house/tiny", needs=frozenset({Capability.IMAGES})), View(), "capabilities ="),
    "context": (asked("house/tiny", input_tokens=5000), View(), "context ="),
    "format": (asked("sound/loud"), View(), 'formats = ["openai-completions"]'),
    "credential": (
        asked("house/large"),
        View(unusable={("house", "one"): "no ONE", ("house", "two"): "no TWO"}),
        '"env:ONE"',
    ),
}


@pytest.mark.parametrize("code", CASES)
def test_a_target_that_is_left_out_says_why_and_which_key_decided(code: str) -> None:
    facts, view, part = CASES[code]
    found = told(facts, view=view)
    [left] = found.rejected
    assert (left.code, left.target, str(left.origin)) == (code, facts.asked, at(part))
    assert found.candidates == ()
    assert found.problem is not None
    assert left.reason in found.problem
    assert found.limits == ()


def test_a_target_that_rests_is_where_it_is_listed() -> None:
    found = told(asked("inner"), view=View(open={"house/tiny": 5.0}))
    [left] = found.rejected
    assert (left.code, str(left.origin)) == ("breaker", at('["house/tiny"'))
    assert {each.target for each in found.candidates} == {"house/large"}


def test_a_credential_without_a_secret_is_named_where_another_one_serves() -> None:
    view = View(unusable={("house", "one"): "no ONE", ("anthropic", "default"): "no key"})
    found = told(asked("house/tiny"), view=view)
    [gone] = found.unusable
    assert (gone.provider, gone.credential, gone.reason, str(gone.origin)) == (
        "house",
        "one",
        "no ONE",
        at('"env:ONE"'),
    )
    assert [each.credential for each in found.candidates] == ["two"]


def limits(found: Explanation) -> dict[tuple[str, tuple[str, ...]], tuple[float, str | None]]:
    return {
        (each.name, each.targets): (each.value, str(each.origin) if each.origin is not None else None)
        for each in found.limits
    }


def test_limits_in_force_say_where_they_are_written() -> None:
    found = limits(told(asked("smart", stream=True), seed=1))
    assert found["attempts", ()] == (2, at("max_attempts"))
    assert found["total", ()] == (660, at('total = "11m"'))
    assert found["first_token", ("house/tiny", "house/large")] == (3, at("first_token"))
    assert found["first_token", ("anthropic/claude-x",)] == (120, None)
    assert found["wait for a credential that rests", ()] == (4, at('wait = "4s"'))
    assert found["failures that open a breaker", ()] == (5, None)
    assert not any(name == "answer" for name, _ in found)


def test_an_answer_that_comes_whole_has_other_limits_than_a_stream() -> None:
    names = {name for name, _ in limits(told(asked("house/tiny")))}
    assert {"connect", "answer"} <= names
    assert not {"first_byte", "first_token", "between_events"} & names


def test_a_name_that_nothing_has_is_a_problem_and_not_an_error() -> None:
    found = told(asked("smrt"))
    assert found.problem == "no model, alias or combo is named 'smrt'; did you mean 'smart'?"
    assert (found.way, found.arrivals, found.candidates) == ((), (), ())


def test_a_path_that_names_another_provider_is_a_problem_too() -> None:
    found = told(asked("house/tiny", provider=ProviderName("anthropic")))
    assert found.problem is not None
    assert "does not belong to provider 'anthropic'" in found.problem


def test_a_request_that_cannot_be_understood_is_not_explained() -> None:
    def malformed(wire: Format, shaping: Shaping | None = None) -> Fit:
        raise Malformed(f"not so in {wire} under {shaping}")

    with pytest.raises(Malformed):
        told(asked("claude-x"), fitting=malformed)


def test_the_question_is_repeated() -> None:
    needs = frozenset({Capability.IMAGES, Capability.TOOLS})
    question = told(asked("claude-x", needs=needs, session="s1", input_tokens=7), seed=3).question
    assert (question.needs, question.session, question.input_tokens, question.seed) == (
        (Capability.TOOLS, Capability.IMAGES),
        "s1",
        7,
        3,
    )


def test_what_the_catalogue_decides_is_said_to_be_shipped() -> None:
    found: Configuration = loaded('[providers.echo]\n\n[combos.x]\ntargets = ["echo/echo-1"]\n')
    said = explain(found.snapshot, found.origins, Asking(asked("echo/echo-1"), sayable))
    origin = said.candidates[0].origin
    assert isinstance(origin, Origin)
    assert origin.shipped == origin.file.startswith("catalogue/")


NARROW = TEXT.replace('timeouts = { first_token = "3s" }', 'max_concurrent = 2\nqueue = "7s"').replace(
    "context = 1000", "max_concurrent = 1"
)


def test_who_has_no_room_comes_behind_the_others_and_is_marked() -> None:
    found = told(asked("inner"), text=NARROW, view=View(seated={"house": 1, "house/tiny": 1}))
    assert [(each.target, each.full) for each in found.candidates] == [
        *[("house/large", False)] * 2,
        *[("house/tiny", True)] * 2,
    ]


def test_how_many_are_answered_at_once_is_told_with_its_lines() -> None:
    limits = {each.name: each for each in told(asked("house/tiny"), text=NARROW).limits}
    shown = {
        name: (each.value, str(each.origin), each.targets)
        for name, each in limits.items()
        if "room" in name or "once" in name
    }
    assert shown == {
        "at once": (1, at("max_concurrent = 1", NARROW), ("house/tiny",)),
        "at once, all models": (2, at("max_concurrent = 2", NARROW), ("house/tiny",)),
        "wait for room": (7.0, at("queue =", NARROW), ("house/tiny",)),
    }


def test_the_share_of_second_attempts_is_told_where_there_is_a_second_target() -> None:
    text = TEXT + "[resilience.hedge]\nenabled = true\nmax_share = 0.25\n"
    for name, expected in (("inner", [(0.25, at("max_share", text))]), ("house/tiny", [])):
        limits = told(asked(name), text=text).limits
        assert [(each.value, str(each.origin)) for each in limits if "beside" in each.name] == expected


def test_a_target_that_the_policy_denies_is_left_out_with_the_line_that_denies_it() -> None:
    found = told_to("pair", "alice")
    assert [each.target for each in found.candidates] == ["house/small"]
    assert [(each.target, each.code, str(each.origin)) for each in found.rejected] == [
        ("house/large", "policy", line("deny_models"))
    ]
    assert [(each.key, str(each.origin)) for each in found.shapes] == [
        ("system_prompt", line("system_prompt")),
        ("thinking_budget", line("thinking_budget")),
    ]


def test_what_the_policy_refuses_is_told_with_its_line() -> None:
    found = told_to("house/large", "alice")
    assert (found.status, str(found.decided), found.candidates) == (403, line("deny_models"), ())
    assert [each.to for each in found.arrivals] == ["house/large"]
    found = told_to("house/large", "bob")
    assert (found.status, str(found.decided)) == (403, line("allow_models"))


def test_whoever_is_not_let_in_is_told_why_and_nothing_is_planned() -> None:
    found = told_to("pair", "alice", refused=Forbidden("not now", ("policies", "engineers", "schedule")))
    assert (found.problem, found.status, str(found.decided)) == ("not now", 403, line("[policies.engineers]"))
    assert (found.arrivals, found.candidates) == ((), ())


def test_a_name_that_stands_for_nothing_has_the_status_of_the_answer() -> None:
    assert (told(asked("nobody")).status, told(asked("nobody")).decided) == (404, None)
