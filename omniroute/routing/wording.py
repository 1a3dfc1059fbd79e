"""An explanation in words, for people.

Always true: one line says one thing, and ends with the place of the key that decided it; text that clients or files
brought along is drawn without control characters.
"""

from collections.abc import Iterator

from omniroute.config.origins import Hop, Origin
from omniroute.config.render.cells import clean
from omniroute.ir.loss import Loss
from omniroute.routing.explanation import Arrival, Choice, Explanation, Limit, Question, Tried

_BY_CHANCE = "combo '{}' draws anew for each request: this is what seed {} draws"
_BY_EXPERIENCE = "combo '{}' goes by what the gateway has done and learnt: this is its order right after a start"
_COUNTED = "whether rates, conversations and budgets have room is not looked at here: `omniroute simulate` counts them"
_SHAPES = {
    "system_message": "its system prompt is the combo's",
    "tool_filter": "its tools are those that the combo lets through",
    "system_prompt": "its system prompt has words of the policy's",
    "thinking_budget": "it thinks as much as the policy says",
}
UNKNOWN = (
    "what a running gateway knows is not known here: breakers, cooldowns and sessions can leave targets out for a "
    "while, or put others first"
)


def words(explanation: Explanation) -> str:
    """Say it, in lines that end with a line end."""
    return "".join(f"{clean(line)}\n" for line in _lines(explanation))


def notes(explanation: Explanation) -> Iterator[str]:
    """Say what the order of the candidates hangs on that is not in the configuration."""
    for each in explanation.combos:
        if each.by_chance:
            yield _BY_CHANCE.format(each.combo, explanation.question.seed)
        if each.by_experience:
            yield _BY_EXPERIENCE.format(each.combo)
    if explanation.ruling is not None and any(_is_counted(each.key) for each in explanation.ruling.clauses):
        yield _COUNTED


def _is_counted(key: str) -> bool:
    return key in {"rate", "max_sessions"} or key.startswith("budgets.")


def at(origin: Origin | None) -> str:
    """Name a place behind what it decided."""
    if origin is None:
        return "  (default)"
    return f"  ({origin}, shipped)" if origin.shipped else f"  ({origin})"


def _lines(explanation: Explanation) -> Iterator[str]:
    yield _asked(explanation.question)
    yield from _held(explanation)
    yield from _named(explanation)
    for choice in explanation.combos:
        yield from _chooses(choice)
    if explanation.candidates:
        yield from ("", "Tried, in this order, until one answers:")
        for number, each in enumerate(explanation.candidates, 1):
            yield from _tried(number, each)
    if explanation.rejected:
        yield from ("", "Left out:")
        yield from (f"  {each.target}: {each.reason} [{each.code}]{at(each.origin)}" for each in explanation.rejected)
    if explanation.unusable:
        yield from ("", "Credentials without a secret:")
        yield from (
            f"  '{each.credential}' of provider '{each.provider}': {each.reason}{at(each.origin)}"
            for each in explanation.unusable
        )
    if explanation.limits:
        yield from ("", "Limits:")
        yield from map(_limit, explanation.limits)
    if explanation.problem is not None:
        decided = at(explanation.decided) if explanation.decided is not None else ""
        yield from ("", f"Nobody serves it (status {explanation.status}): {explanation.problem}{decided}")


def _asked(question: Question) -> str:
    """Repeat the question."""
    parts = [f"'{question.asked}' asked in {question.format}", "streamed" if question.stream else "not streamed"]
    if question.needs:
        parts.append(f"needs {', '.join(question.needs)}")
    if question.input_tokens is not None:
        parts.append(f"about {question.input_tokens} tokens of input")
    if question.session is not None:
        parts.append(f"session '{question.session}'")
    if question.key is not None:
        parts.append(f"with key '{question.key}'")
    return ", ".join(parts)


def _held(explanation: Explanation) -> Iterator[str]:
    """Say which policy holds, and what it says."""
    held = explanation.ruling
    if held is None:
        return
    key = explanation.question.key
    whom = f"key '{key}'" if key is not None else "whoever comes without a key"
    yield from ("", f"Policy '{held.policy}' holds for {whom}{at(held.named)}")
    yield from (f"  {each.key} = {each.value}{at(each.origin)}" for each in held.clauses)


def _named(explanation: Explanation) -> Iterator[str]:
    """Say how the name was resolved, step by step."""
    if not explanation.arrivals:
        return
    yield from ("", "Name:")
    yield from (f"  {_hop(hop)}" for hop in explanation.way)
    yield from (f"  '{each.name}' {_arrived(each)}{at(each.origin)}" for each in explanation.arrivals)
    yield from (f"  {_SHAPES[each.key]}{at(each.origin)}" for each in explanation.shapes)


def _hop(hop: Hop) -> str:
    how = "is an alias of" if hop.alias == hop.name else f"fits '{hop.alias}', which stands for"
    return f"'{hop.name}' {how} '{hop.to}'{at(hop.origin)}"


def _arrived(arrival: Arrival) -> str:
    """Say what a name is that no alias leads further."""
    provider, _, model = arrival.to.partition("/")
    words = {
        "combo": "is a combo",
        "model": f"is model '{model}' of provider '{provider}'",
        "prefix": f"is '{arrival.to}', for its prefix is another name of provider '{provider}'",
        "bare": f"is '{arrival.to}', for provider '{provider}' alone lists it",
        "gone": f"is gone, and '{arrival.to}' is in its place",
    }
    return words[arrival.kind]


def _chooses(choice: Choice) -> Iterator[str]:
    yield from ("", f"Combo '{choice.combo}' chooses by {choice.strategy}{at(choice.origin)}", f"  {choice.rule}")
    weighed = any(each.weight != 1 for each in choice.steps)
    for each in choice.steps:
        yield f"  - {each.name}{f', weight {each.weight}' if weighed else ''}{at(each.origin)}"
        yield from (f"      {_hop(hop)}" for hop in each.way)


def _tried(number: int, each: Tried) -> Iterator[str]:
    spoken = "as the client asks" if each.own else "translated"
    yield f"  {number}. {each.target}{at(each.origin)}"
    yield f"     in {each.format}, {spoken}"
    yield f"     with credential '{each.credential}'{at(each.credential_origin)}"
    if each.full:
        yield "     behind those that have room, for it has none now"
    yield from map(_lost, each.losses)


def _lost(loss: Loss) -> str:
    return f"     {loss.path} {loss.kind}: {loss.why}"


def _limit(limit: Limit) -> str:
    """Say a limit; whose it is, where it is not the whole request's."""
    value = f"{limit.value:g} s" if limit.seconds else f"{limit.value:g}"
    whose = f" for {', '.join(limit.targets)}" if limit.targets else ""
    return f"  {limit.name} {value}{whose}{at(limit.origin)}"
