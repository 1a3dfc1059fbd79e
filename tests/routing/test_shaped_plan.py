"""Plans of combos that make something else of a request, and of models that others replace."""

import pytest

from omniroute.config.snapshot import Model
from omniroute.errors import Unfit
from omniroute.formats.shape import Shaping
from omniroute.formats.translate import Fit
from omniroute.ir.facts import Facts
from omniroute.names import Capability, Format
from omniroute.routing.plan import Plan, make_plan
from omniroute.routing.view import View
from tests.support.snapshots import combo, provider, snapshot, target

PLAIN = Model("plain", capabilities=frozenset({Capability.IMAGES}))
ABLE = Model("able", capabilities=frozenset({Capability.TOOLS}))
HOUSE = provider("house", models=[PLAIN, ABLE], replaced={"old": "able"})
BOTH = provider("both", formats=(Format.OPENAI_COMPLETIONS, Format.OPENAI_CHAT))
BRIEF = Shaping(system_message="Be brief.")
NO_TOOLS = Shaping(tool_filter="^$")
FITS = Fit()


class Asked:
    """What fits, and what was asked about that."""

    def __init__(self, *, own: Fit = FITS, other: Fit = FITS) -> None:
        self.fits = {Format.OPENAI_COMPLETIONS: own}
        self.other = other
        self.seen: list[tuple[Format, Shaping | None]] = []

    def __call__(self, wire: Format, shaping: Shaping | None = None) -> Fit:
        self.seen.append((wire, shaping))
        return self.fits.get(wire, self.other)


def planned(
    asked: Asked, shaping: Shaping | None, *models: str, wire: Format = Format.OPENAI_CHAT, tools: bool = False
) -> Plan:
    every = {each.name: each for each in (HOUSE, BOTH)}
    targets = [target(every[name.split("/")[0]], name.split("/")[1]) for name in models]
    inner = combo("inner", *targets, shaping=shaping)
    config = snapshot(HOUSE, BOTH, combos=[inner, combo("outer", *targets)], aliases={"a": "inner"})
    needs = frozenset({Capability.TOOLS, Capability.IMAGES} if tools else ())
    return make_plan(config, Facts("a", wire, stream=False, needs=needs), View(), asked)


def test_a_plan_says_what_its_combo_makes_of_the_request() -> None:
    assert planned(Asked(), BRIEF, "house/plain").shaping == BRIEF
    assert planned(Asked(), None, "house/plain").shaping is None
    both = Shaping("", "^a")
    assert planned(Asked(), both, "house/plain").shaping == both


def test_how_a_request_fits_is_asked_of_what_is_made_of_it() -> None:
    asked = Asked()
    planned(asked, BRIEF, "both/m", wire=Format.GEMINI)
    assert asked.seen == [(Format.OPENAI_COMPLETIONS, BRIEF)]
    plain = Asked()
    planned(plain, None, "both/m", wire=Format.GEMINI)
    assert plain.seen == [(Format.OPENAI_COMPLETIONS, None)]


def test_a_clients_own_format_that_cannot_say_a_combos_instructions_gives_way_to_another() -> None:
    mute = Fit(refused="openai-completions has no place for a system message")
    made = planned(Asked(own=mute), BRIEF, "both/m", wire=Format.OPENAI_COMPLETIONS)
    assert [each.format for each in made.candidates] == [Format.OPENAI_CHAT]
    kept = planned(Asked(own=mute), NO_TOOLS, "both/m", wire=Format.OPENAI_COMPLETIONS)
    assert [each.format for each in kept.candidates] == [Format.OPENAI_COMPLETIONS]
    with pytest.raises(Unfit, match="no place for a system message"):
        planned(Asked(own=mute, other=mute), BRIEF, "both/m", wire=Format.OPENAI_COMPLETIONS)


def test_where_no_tool_is_left_a_model_need_not_be_able_to_call_one() -> None:
    none_left = Asked(other=Fit(tools=False))
    made = planned(none_left, NO_TOOLS, "house/plain", tools=True)
    assert [each.target.id for each in made.candidates] == ["house/plain"]
    assert made.facts.needs == {Capability.IMAGES}


@pytest.mark.parametrize("shaping", [BRIEF, Shaping(tool_filter="a")])
def test_where_tools_are_left_a_model_must_be_able_to_call_them(shaping: Shaping) -> None:
    with pytest.raises(Unfit, match="tools"):
        planned(Asked(), shaping, "house/plain", tools=True)


def test_a_plan_notes_that_another_model_stands_in_the_place_of_the_one_asked_for() -> None:
    config = snapshot(HOUSE)
    made = make_plan(config, Facts("house/old", Format.OPENAI_CHAT, stream=False), View(), Asked())
    assert made.replaced == ("house/old", "house/able")
    made = make_plan(config, Facts("house/able", Format.OPENAI_CHAT, stream=False), View(), Asked())
    assert made.replaced is None
