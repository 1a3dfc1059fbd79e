"""What the configuration makes of a request, by its combo and by the policy of its key."""

import pytest

from omniroute.config.policy import Policy, Prompt, Thinking
from omniroute.config.snapshot import Combo
from omniroute.formats.rethink import Rule
from omniroute.formats.shape import Shaping, Told
from omniroute.routing.shaping import shaping_of
from tests.support.snapshots import combo, provider, target

BRIEF = combo("brief", target(provider("house"), "m"), shaping=Shaping("Be brief.", "^a"))
PLAIN = combo("plain", target(provider("house"), "m"))
SAYS = Policy("p", system_prompt=Prompt("append", "Be kind."), thinking=Thinking("custom", 2_048))


@pytest.mark.parametrize(
    ("of", "policy", "made"),
    [
        (None, None, None),
        (PLAIN, None, None),
        (PLAIN, Policy("p"), None),
        (None, Policy("p", thinking=Thinking("passthrough", 9)), None),
        (BRIEF, None, Shaping("Be brief.", "^a")),
        (None, SAYS, Shaping(told=Told("append", "Be kind."), thinking=Rule("custom", 2_048))),
        (BRIEF, SAYS, Shaping("Be brief.", "^a", Told("append", "Be kind."), Rule("custom", 2_048))),
        (None, Policy("p", thinking=Thinking("auto")), Shaping(thinking=Rule("auto", 10_240))),
        (None, Policy("p", thinking=Thinking("adaptive", 0, "low")), Shaping(thinking=Rule("adaptive", 0, "low"))),
    ],
)
def test_combo_and_policy_say_together_what_is_made(
    of: Combo | None, policy: Policy | None, made: Shaping | None
) -> None:
    assert shaping_of(of, policy) == made
