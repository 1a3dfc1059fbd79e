"""The policy of who asks: quoted as it is written, with its lines, and at work in the plan."""

import pytest

from omniroute.errors import Forbidden
from omniroute.formats.translate import sayable
from omniroute.ir.facts import Facts
from omniroute.names import Format
from omniroute.routing.explain import Asking, explain
from omniroute.routing.explanation import Explanation
from omniroute.routing.ruling import LONGEST, ruling
from tests.support.loaded import line_of, loaded

TEXT = """\
[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
auth = "none"

[combos.pair]
targets = ["house/large", "house/small"]

[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "engineers"

[keys.bob]
sha256 = "af86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

[defaults]
policy = "guests"

[policies.engineers]
deny_models = ["x", "house/large"]
budgets = ["team"]
system_prompt = { text = "Answer in English." }
thinking_budget = { mode = "auto" }

[policies.guests]
allow_models = ["house/small"]

[budgets.team]
limit = "2.00 USD"
on_exceed = "warn"
"""


def told(name: str, key: str, *, text: str = TEXT, refused: Forbidden | None = None) -> Explanation:
    found = loaded(text)
    policy = next((each.policy for each in found.snapshot.keys.values() if each.name == key), found.snapshot.anonymous)
    facts = Facts(name, Format.OPENAI_CHAT, stream=False)
    return explain(found.snapshot, found.origins, Asking(facts, sayable, key=key, policy=policy, refused=refused))


def at(part: str) -> str:
    return f"a.toml:{line_of(TEXT, part)}"


def test_what_is_written_of_a_policy_and_its_budgets_is_quoted_with_its_lines() -> None:
    held = told("pair", "alice").ruling
    assert held is not None
    assert (held.policy, str(held.origin), str(held.named)) == (
        "engineers",
        at("[policies.engineers]"),
        at('policy = "engineers"'),
    )
    assert [(each.key, each.value, str(each.origin)) for each in held.clauses] == [
        ("deny_models", '["x", "house/large"]', at("deny_models")),
        ("system_prompt", '{ text = "Answer in English." }', at("system_prompt")),
        ("thinking_budget", '{ mode = "auto" }', at("thinking_budget")),
        ("budgets.team", '{ limit = "2.00 USD", on_exceed = "warn" }', at("[budgets.team]")),
    ]


@pytest.mark.parametrize("key", ["bob", ""])
def test_a_policy_of_the_defaults_is_named_there(key: str) -> None:
    held = told("house/small", key).ruling
    assert held is not None
    assert (held.policy, str(held.named)) == ("guests", at('policy = "guests"'))


def test_what_is_long_is_cut() -> None:
    text = TEXT.replace("Answer in English.", "x" * 500)
    found = loaded(text)
    held = ruling(found.origins, "alice", found.snapshot.policies["engineers"])
    assert {len(each.value) for each in held.clauses if each.key == "system_prompt"} == {LONGEST}


def test_who_has_no_policy_has_no_ruling() -> None:
    assert told("pair", "", text=TEXT.replace('[defaults]\npolicy = "guests"\n', "")).ruling is None
