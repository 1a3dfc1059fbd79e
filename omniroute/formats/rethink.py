"""What a policy makes of how much a request asks to think.

The modes are those of the gateway's API reference: ``auto`` takes away all that is said of it, so that the provider
decides; ``custom`` says a number of tokens; ``adaptive`` says one that grows with what the request has to work on.

Always true: this is the will of whoever wrote the configuration; efforts become tokens by the one table of
``ir.thinking``; a request of which nothing changes is given back itself.
"""

from typing import Any, Literal

import msgspec

from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Role, Thinking
from omniroute.ir.thinking import EFFORTS, budget_of

# literal table: members that say how much to think, as far as they stay extras of a request
MEMBERS = frozenset(
    {
        "enable_thinking",
        "include_reasoning",
        "reasoning",
        "reasoning_effort",
        "think",
        "thinking",
        "thinking_budget",
    }
)
EDITS = "context_management"
"""What is done to the thoughts of earlier turns, which is refused of a model that does not think
(https://platform.claude.com/docs/en/build-with-claude/context-editing)."""
MANY_MESSAGES, MANY_TOOLS, LONG_TEXT = 10, 3, 2_000


class Rule(msgspec.Struct, frozen=True):
    """What is said instead.

    ``tokens`` are those of ``custom``, 0 for not at all; ``effort`` is what ``adaptive`` begins with.
    With ``asked_only``, only a request that asks to think is told how much: of its model it is not known that it can.
    """

    mode: Literal["auto", "custom", "adaptive"]
    tokens: int = 0
    effort: str = "medium"
    asked_only: bool = False


def rethought(request: GenerateRequest, rule: Rule) -> GenerateRequest:
    """Give a request that says how much to think as a rule has it."""
    extras = request.extras or {}
    if rule.mode == "auto":
        said = request.thinking is not None or not MEMBERS.isdisjoint(extras)
        return _saying(request, None) if said else request
    if rule.asked_only and not _thinks(request.thinking):
        return request
    tokens = rule.tokens if rule.mode == "custom" else adaptive(request, rule.effort)
    if tokens <= 0:
        return _saying(request, Thinking(enabled=False, ruled=True))
    visible = request.thinking.visible if request.thinking is not None else None
    return _saying(request, Thinking(enabled=True, budget=tokens, visible=visible, ruled=True))


def adaptive(request: GenerateRequest, effort: str) -> int:
    """Give the tokens of an effort; more for a long conversation, for many tools, and for a long last text."""
    share = 1.0
    share += 0.5 * (len(request.messages) > MANY_MESSAGES)
    share += 0.5 * (len(request.tools) > MANY_TOOLS)
    share += 0.3 * (_last_text(request) > LONG_TEXT)
    return min(round(budget_of(effort) * share), max(EFFORTS.values()))


def _last_text(request: GenerateRequest) -> int:
    """Give the length of the last text that the user said, in characters."""
    for message in reversed(request.messages):
        texts = [len(part.text) for part in message.parts if isinstance(part, Text)]
        if message.role is Role.USER and texts:
            return sum(texts)
    return 0


def _thinks(thinking: Thinking | None) -> bool:
    """Say whether it asks to think."""
    return thinking is not None and thinking.enabled is not False and thinking.effort != "none" and thinking.budget != 0


def _saying(request: GenerateRequest, thinking: Thinking | None) -> GenerateRequest:
    """Give a request that says this, and nothing else, of how much to think."""
    extras = {name: value for name, value in (request.extras or {}).items() if name.removeprefix("=") not in MEMBERS}
    if EDITS in extras and (thinking is None or not thinking.enabled):
        edits = _without_thoughts(extras.pop(EDITS))
        extras |= {EDITS: edits} if edits else {}
    return msgspec.structs.replace(request, thinking=thinking, extras=extras or None)


def _without_thoughts(management: Any) -> Any:
    """Leave out edits of thoughts; None where nothing is left."""
    if not isinstance(management, dict) or not isinstance(management.get("edits"), list):
        return management
    kept = [each for each in management["edits"] if "thinking" not in str(isinstance(each, dict) and each.get("type"))]
    return {**management, "edits": kept} if kept else None
