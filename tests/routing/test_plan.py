import msgspec
import pytest

from omniroute.config.snapshot import Hedge, Model, Resilience, Timeouts
from omniroute.errors import Unfit
from omniroute.formats.translate import Fit
from omniroute.ir.facts import Facts
from omniroute.ir.loss import dropped
from omniroute.names import Format
from omniroute.routing.plan import Fitting, Plan, View, is_full, make_plan
from tests.support.snapshots import combo, provider, snapshot, target

FIRST = provider("first", credentials=["main", "spare"], timeouts=Timeouts(total=9.0))
SECOND = provider("second", timeouts=Timeouts(total=20.0))
ALL_USABLE = View()
CLAUDE = provider("claude", formats=(Format.ANTHROPIC_MESSAGES,))


NO_IMAGES = Fit(refused="anthropic-messages cannot say messages[0].parts[0]")
LOSSY = Fit((dropped("sampling.seed", "there is none"),))


def unfit(_wire: Format) -> Fit:
    return NO_IMAGES


def plan(*names: str, view: View = ALL_USABLE, max_attempts: int | None = None, fitting: Fitting = unfit) -> Plan:
    every = {each.name: each for each in (FIRST, SECOND, CLAUDE)}
    targets = [target(every[name.split("/")[0]], "m") for name in names]
    config = snapshot(FIRST, SECOND, CLAUDE, combos=[combo("c", *targets, max_attempts=max_attempts)])
    return make_plan(config, Facts("c", Format.OPENAI_CHAT, stream=False), view, fitting)


def shown(made: Plan) -> list[str]:
    return [f"{each.target.id} {each.credential.name}" for each in made.candidates]


def test_every_credential_of_a_target_is_a_candidate_before_the_next_target() -> None:
    assert shown(plan("first", "second")) == ["first/m main", "first/m spare", "second/m main"]


def test_a_target_whose_format_cannot_say_what_is_asked_is_rejected_with_the_reason() -> None:
    made = plan("claude", "second")
    assert shown(made) == ["second/m main"]
    assert [(each.target.id, each.code) for each in made.rejected] == [("claude/m", "format")]
    assert made.rejected[0].reason == NO_IMAGES.refused


def test_a_target_that_speaks_another_format_is_a_candidate_with_what_is_lost_on_the_way() -> None:
    made = plan("claude", "second", fitting=lambda _wire: LOSSY)
    assert [(each.format, each.losses) for each in made.candidates] == [
        (Format.ANTHROPIC_MESSAGES, LOSSY.losses),
        (Format.OPENAI_CHAT, ()),
    ]


def test_of_a_providers_formats_the_clients_own_comes_first_and_then_the_first_that_fits() -> None:
    both = provider("both", formats=(Format.GEMINI, Format.ANTHROPIC_MESSAGES))
    asked: list[Format] = []

    def fitting(wire: Format) -> Fit:
        asked.append(wire)
        return NO_IMAGES if wire is Format.GEMINI else Fit()

    config = snapshot(both)
    for wire in (Format.ANTHROPIC_MESSAGES, Format.OPENAI_CHAT):
        made = make_plan(config, Facts("both/m", wire, stream=False), ALL_USABLE, fitting)
        assert [each.format for each in made.candidates] == [Format.ANTHROPIC_MESSAGES]
    assert asked == [Format.GEMINI, Format.ANTHROPIC_MESSAGES]


def test_a_credential_without_its_secret_is_left_out_and_the_others_are_used() -> None:
    made = plan("first", view=View(unusable={("first", "main"): "environment variable X is not set"}))
    assert shown(made) == ["first/m spare"]


def test_a_plan_without_candidates_is_refused_with_every_targets_reason() -> None:
    view = View(unusable={("second", "main"): "environment variable X is not set"})
    with pytest.raises(
        Unfit, match=r"claude/m: anthropic-messages cannot say .*; second/m: environment variable X is not set"
    ):
        plan("claude", "second", view=view)


def test_every_candidate_may_be_tried_once_unless_the_combo_asks_for_fewer() -> None:
    assert plan("first", "second").max_attempts == 3
    assert plan("first", "second", max_attempts=2).max_attempts == 2
    assert plan("first", "second", max_attempts=9).max_attempts == 3


def test_the_longest_total_of_the_candidates_bounds_the_request() -> None:
    assert plan("first", "second").total == 20.0


# Room, and hedging.

NARROW = msgspec.structs.replace(provider("first", credentials=["main", "spare"]), max_concurrent=2)


def narrow_plan(view: View) -> Plan:
    config = snapshot(NARROW, SECOND, combos=[combo("c", target(NARROW, "m"), target(SECOND, "m"))])
    return make_plan(config, Facts("c", Format.OPENAI_CHAT, stream=False), view, unfit)


def test_a_target_without_room_comes_behind_those_that_have_it() -> None:
    made = narrow_plan(View(seated={"first": 2}))
    assert shown(made) == ["second/m main", "first/m main", "first/m spare"]
    assert [each.full for each in made.candidates] == [False, True, True]
    assert made.max_attempts == 3


def test_a_target_with_room_keeps_its_place() -> None:
    made = narrow_plan(View(seated={"first": 1, "second": 9}))
    assert shown(made) == ["first/m main", "first/m spare", "second/m main"]
    assert not any(each.full for each in made.candidates)


def test_the_limits_of_the_provider_and_of_the_model_both_hold() -> None:
    small = msgspec.structs.replace(target(NARROW, "m"), model=Model("m", max_concurrent=1))
    own = msgspec.structs.replace(target(SECOND, "m"), model=Model("m", max_concurrent=1))
    assert is_full(small, {"first": 1, "first/m": 1})
    assert is_full(small, {"first": 2})
    assert not is_full(small, {"first": 1, "first/n": 1})
    assert is_full(own, {"second/m": 1})
    assert not is_full(target(SECOND, "m"), {"second": 99, "second/m": 99})


def test_another_target_is_asked_beside_a_late_one_only_where_that_is_wanted_and_there_is_one() -> None:
    hedge = Hedge(enabled=True)
    config = snapshot(FIRST, SECOND, combos=[combo("c", target(FIRST, "m"), target(SECOND, "m"))])
    wanted = msgspec.structs.replace(config, resilience=Resilience(hedge=hedge))

    def hedged(of: object, asked: str, view: View = ALL_USABLE) -> Hedge | None:
        return make_plan(of, Facts(asked, Format.OPENAI_CHAT, stream=True), view, unfit).hedge  # type: ignore[arg-type]  # both are snapshots

    assert hedged(wanted, "c") is hedge
    assert hedged(wanted, "first/m") is None
    assert hedged(config, "c") is None
