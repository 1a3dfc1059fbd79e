"""What is made of a request by the configuration: by the combo that it asks for, and by the policy of its key.

Always true: where neither says anything, there is no shaping, and the request's bytes stay as they are.
"""

from omniroute.config.policy import Policy, Thinking
from omniroute.config.snapshot import Combo
from omniroute.formats.rethink import Rule
from omniroute.formats.shape import Shaping, Told


def shaping_of(combo: Combo | None, policy: Policy | None = None) -> Shaping | None:
    """Give what is made of requests; of combos within one another, the outermost says it.

    A policy's words are put into the system prompt that the combo leaves.
    """
    if combo is None and (policy is None or (policy.system_prompt is None and policy.thinking.mode == "passthrough")):
        return None
    prompt = policy.system_prompt if policy is not None else None
    shaping = Shaping(
        combo.system_message if combo is not None else None,
        combo.tool_filter if combo is not None else None,
        Told(prompt.mode, prompt.text) if prompt is not None else None,
        _rule(policy.thinking) if policy is not None else None,
    )
    return None if shaping == _NOTHING else shaping


def _rule(thinking: Thinking) -> Rule | None:
    """Give what a policy says of thinking."""
    if thinking.mode == "passthrough":
        return None
    return Rule(thinking.mode, thinking.tokens, thinking.effort)


_NOTHING = Shaping()
