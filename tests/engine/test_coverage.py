"""What tests reach of a configuration."""

from msgspec.structs import replace

from omniroute.config.references import names_of
from omniroute.engine.coverage import Coverage, coverage
from omniroute.formats.translate import sayable
from omniroute.ir.facts import Facts
from omniroute.names import Format
from omniroute.routing.simulate import Given, Reply, Simulated, simulate
from tests.support.written import document, snapshot

TEXT = """\
[providers.house]
base_url = "http://127.0.0.1:9/v1"
formats = ["openai-chat"]
auth = "none"

[aliases]
short = "house/a"
unused = "house/c"
"pat-*" = "house/*"

[combos.inner]
targets = ["short", "house/b"]

[combos.outer]
targets = ["house/x", "inner"]
"""
NAMES = names_of(document(TEXT))


def play(asked: str, **script: int) -> Simulated:
    replies = {f"house/{model}": (Reply(status),) for model, status in script.items()}
    return simulate(snapshot(TEXT), Facts(asked, Format.OPENAI_CHAT, stream=False), Given(sayable, replies))


def reached(*played: Simulated) -> set[str]:
    return {f"{kind} {name}" for kind, name in coverage(NAMES, (), played).reached}


def test_everything_is_counted_and_nothing_is_reached_without_a_request() -> None:
    found = coverage(NAMES, (), ())
    assert found.untouched == found.things
    assert {kind: found.counts(kind) for kind in ("alias", "combo", "target")} == {
        "alias": (0, 3),
        "combo": (0, 2),
        "target": (0, 4),
    }
    assert found.percent == 0.0


def test_what_a_request_passes_through_is_reached() -> None:
    assert reached(play("short")) == {"alias short", "target house/a"}
    assert reached(play("pat-b")) == {"alias pat-*", "target house/b"}
    assert reached(play("house/c")) == {"target house/c"}


def test_a_combo_within_is_reached_when_one_of_its_targets_is_asked() -> None:
    assert reached(play("outer")) == {"target house/x", "combo outer"}
    assert reached(play("outer", x=500)) == {
        *("target house/x", "combo outer"),
        *("combo inner", "alias short", "target house/a"),
    }


def test_what_is_refused_reaches_nothing() -> None:
    assert reached(play("nobody")) == set()


def test_a_share_is_that_of_all_things_and_nothing_to_reach_is_all_of_it() -> None:
    found = coverage(NAMES, (), [play("outer", x=500, a=500), play("pat-c"), play("unused")])
    assert found.untouched == ()
    assert found.percent == 100.0
    assert coverage(NAMES, (), [play("short")]).percent == 100 * 2 / 9
    assert Coverage((), frozenset()).percent == 100.0


def test_a_policy_is_reached_where_it_held_for_who_asked() -> None:
    one = replace(play("short"), policy="p")
    found = coverage(NAMES, ("p", "q"), [one])
    assert found.counts("policy") == (1, 2)
    assert ("policy", "q") in found.untouched
