"""How much a model is to think.

Source: OpenAI API reference, "Create chat completion", ``reasoning_effort``
(https://platform.openai.com/docs/api-reference/chat/create). Of other servers: ``reasoning`` with ``effort``,
``max_tokens``, ``enabled`` and ``exclude``, ``thinking`` with ``type`` and ``budget_tokens``, ``enable_thinking``.

Always true: what a client said in one of these members is put back as it was said.
"""

from collections.abc import Callable
from typing import Any

from omniroute.formats.openai_chat.members import Writing, take_bool, take_int
from omniroute.ir.request import Thinking
from omniroute.ir.thinking import EFFORTS, effort_of

Known = dict[str, Any]
"""Fields of ``Thinking``."""


def read_thinking(left: dict[str, Any]) -> Thinking | None:
    """Take what is said of thinking out of a request's members; None where nothing is."""
    said: Known = {}
    extras: dict[str, Any] = {}
    for name, read in _READERS.items():
        value = left.get(name)
        found, rest = read(value) if value is not None else ({}, None)
        if found:
            extras[f"={name}"] = left.pop(name)
            said = found | said
            if rest:
                extras[name] = rest
    if not said:
        return None
    if list(extras) == ["=reasoning_effort"]:
        extras = {}
    return Thinking(**said, extras=extras or None)


def _effort(value: object) -> tuple[Known, Any]:
    """Read an effort by itself."""
    return ({"effort": value}, None) if isinstance(value, str) and value in EFFORTS else ({}, None)


def _reasoning(value: object) -> tuple[Known, Any]:
    """Read ``reasoning``."""
    if not isinstance(value, dict):
        return {}, None
    left = dict(value)
    found: Known = {"enabled": take_bool(left, "enabled"), "budget": take_int(left, "max_tokens")}
    effort, _ = _effort(left.get("effort"))
    if effort:
        found["effort"] = left.pop("effort")
    exclude = take_bool(left, "exclude")
    found["visible"] = None if exclude is None else not exclude
    return {name: each for name, each in found.items() if each is not None}, left


def _thinking(value: object) -> tuple[Known, Any]:
    """Read ``thinking``."""
    left = dict(value) if isinstance(value, dict) else {}
    kind = left.pop("type", None)
    if not isinstance(kind, str):
        return {}, None
    budget = take_int(left, "budget_tokens")
    return {"enabled": kind != "disabled"} | ({} if budget is None else {"budget": budget}), left


def _switch(value: object) -> tuple[Known, Any]:
    """Read a mere yes or no."""
    return ({"enabled": value}, None) if isinstance(value, bool) else ({}, None)


_READERS: dict[str, Callable[[object], tuple[Known, Any]]] = {
    "reasoning_effort": _effort,
    "reasoning": _reasoning,
    "thinking": _thinking,
    "enable_thinking": _switch,
}


def write_thinking(thinking: Thinking, writing: Writing) -> dict[str, Any]:
    """Write what is said of thinking: the members that the client used, else an effort.

    Not every model can be told not to think, and those that cannot refuse to be told: it is left unsaid.
    """
    if writing.own and thinking.extras:
        return {name.removeprefix("="): value for name, value in thinking.extras.items() if name.startswith("=")}
    writing.extras(thinking.extras, "thinking")
    if thinking.visible is False:
        writing.drop("thinking.visible", "this format has no such wish")
    effort = thinking.effort
    if thinking.enabled is False or (effort is None and thinking.budget == 0):
        writing.drop("thinking.enabled" if thinking.enabled is False else "thinking.budget", "not every model can")
        return {}
    if thinking.budget is not None:
        effort = effort or effort_of(thinking.budget)
        writing.approximate("thinking.budget", f"it is said as the effort {effort}")
    if thinking.enabled and effort is None:
        effort = "medium"
        writing.approximate("thinking.enabled", f"it is said as the effort {effort}")
    return {} if effort is None else {"reasoning_effort": effort}
