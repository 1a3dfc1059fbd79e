"""Where a request, or an answer, that was written in another format and read again differs from what it was.

A difference is excused by a loss at its path or above it: ``messages[2].parts[0]`` covers all of that part. Beyond
that:

- what stands *instead* of something (an effort for a budget, text for a refusal, an image behind the result that held
  it) is new: a member is excused by an ``approximated`` loss beside it, and for each part that an ``approximated`` loss
  names, one part may be new, at any later place;
- paths are those of the original: parts that were lost are taken out of it first, and the rest must come back in order;
- content that is dropped must be a loss of that weight, because it makes a target unfit;
- members that only the original's format knows (``extras``) must be named, one by one, unless they only restate.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from omniroute.ir.loss import RESTATED, Loss, LossKind, Weight
from omniroute.ir.parts import Audio, Document, Image, Opaque, Part, Refusal, Text, Thought, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest
from omniroute.ir.response import GenerateResponse
from omniroute.ir.usage import Usage
from tests.support import normal
from tests.support.normal import Item


class Losses:
    """What a translation owns up to."""

    def __init__(self, losses: Iterable[Loss]) -> None:
        self.all = tuple(losses)

    def at(self, path: str) -> list[Loss]:
        """Give the losses that cover a path."""
        return [loss for loss in self.all if path == loss.path or path.startswith((f"{loss.path}.", f"{loss.path}["))]

    def left_out(self, path: str) -> bool:
        """Say whether nothing of what stands at a path is left, nor anything in its place."""
        found = self.at(path)
        return bool(found) and all(loss.kind is LossKind.DROPPED for loss in found)

    def approximated_below(self, path: str) -> int:
        """Count what is said differently at a path or below it."""
        below = (f"{path}.", f"{path}[")
        approximated = (loss.path for loss in self.all if loss.kind is LossKind.APPROXIMATED)
        return sum(each == path or each.startswith(below) for each in approximated)


def request_differences(before: GenerateRequest, after: GenerateRequest, losses: Iterable[Loss]) -> list[str]:
    """Give every difference that no loss excuses; ``before`` was written with ``losses``, and read as ``after``."""
    named = Losses(_placed(before, losses))
    users = [place for place in range(len(before.messages)) if named.at(f"messages[{place}].role")]
    return [
        *_members(normal.scalars(before), _as_asked(before, after), "", named, demanded=("output.name",)),
        *_tools(before, after, named),
        *_Matching(normal.request_items(before, users, named.left_out), normal.request_items(after), named).problems(),
        *_unnamed(before, named),
        *([] if before.max_output in {None, after.max_output} or named.at("max_output") else ["max_output"]),
    ]


def response_differences(before: GenerateResponse, after: GenerateResponse, losses: Iterable[Loss]) -> list[str]:
    """Give every difference between an answer and what was read of its writing that no loss excuses."""
    named = Losses(losses)
    ended = before.finish in {None, after.finish} or named.at("finish")
    called = before.model in {None, after.model}
    foreign = normal.response_items(before) if before.format is not after.format else ()
    return [
        *_Matching(normal.response_items(before), normal.response_items(after), named).problems(),
        *([] if ended else [f"finish: {before.finish} became {after.finish}"]),
        *([] if called else [f"model: {before.model} became {after.model}"]),
        *_usage(before.usage, after.usage),
        *(each for item in foreign for each in _unnamed_extras(item.part, item.path, named)),
    ]


def _placed(request: GenerateRequest, losses: Iterable[Loss]) -> Iterator[Loss]:
    """Say where leading instructions stand: writers know them by their order (``leading_system``)."""
    leading = [item.path for item in normal.leading_items(request)]
    for loss in losses:
        if loss.path == "system":
            yield from (replace(loss, path=path) for path in leading)
        step, dot, more = loss.path.partition(".")
        place = re.fullmatch(r"system\[(\d+)\]", step)
        if place and len(request.system) <= int(place[1]) < len(leading):
            yield replace(loss, path=leading[int(place[1])] + dot + more)
        else:
            yield loss


def _as_asked(before: GenerateRequest, after: GenerateRequest) -> dict[str, object]:
    """Give what was read; thoughts that were not to be seen need no word where they are not seen unless asked for."""
    hidden = before.thinking and before.thinking.visible is False and after.format in normal.HIDING
    return {**normal.scalars(after), **({"thinking.visible": False} if hidden else {})}


def _usage(before: Usage | None, after: Usage | None) -> Iterator[str]:
    """Compare tokens: all that were sent and all that were said must be right, and a class is told truly or not."""
    if before is None or after is None:
        if before != after and (after or before) != Usage():
            yield f"usage: {before} became {after}"
        return
    totals = (before.prompt, before.output) == (after.prompt, after.output)
    written = {0, before.cache_write + before.cache_write_1h}
    names = ("cache_read", "cache_write_1h", "reasoning", "audio_in", "audio_out", "audio_cache_read")
    classes = all(getattr(after, name) in {0, getattr(before, name)} for name in names)
    if not (totals and classes and after.cache_write + after.cache_write_1h in written):
        yield f"usage: {before} became {after}"


def _members(
    before: Mapping[str, object], after: Mapping[str, object], path: str, losses: Losses, demanded: Sequence[str] = ()
) -> Iterator[str]:
    """Compare values member by member; those ``demanded`` may be new."""
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        here = f"{path}.{name}" if path else name
        if old == new or losses.at(here) or (old is None and name in demanded):
            continue
        parent = here.rpartition(".")[0]
        if old is None and parent and losses.approximated_below(parent):
            continue
        yield f"{here}: {old!r} became {new!r}"


def _tools(before: GenerateRequest, after: GenerateRequest, losses: Losses) -> Iterator[str]:
    """Compare the tools that were not lost."""
    kept = [(place, tool) for place, tool in enumerate(before.tools) if not losses.at(f"tools[{place}]")]
    if len(kept) != len(after.tools):
        yield f"tools: {[place for place, _ in kept]} became {len(after.tools)}"
        return
    for (place, old), new in zip(kept, after.tools, strict=True):
        yield from _members(normal.tool_members(old), normal.tool_members(new), f"tools[{place}]", losses)


def _unnamed(request: GenerateRequest, losses: Losses) -> Iterator[str]:
    """Give the members of a request's own format that are lost and not named."""
    holders: list[tuple[str, object]] = [
        *[("", request), ("tool_choice", request.tool_choice), ("output", request.output)],
        ("thinking", request.thinking),
        *((f"tools[{place}]", tool) for place, tool in enumerate(request.tools)),
        *((f"messages[{place}]", message) for place, message in enumerate(request.messages)),
        *((item.path, item.part) for item in normal.request_items(request)),
    ]
    for path, value in holders:
        yield from _unnamed_extras(value, path, losses)


def _unnamed_extras(value: object, path: str, losses: Losses) -> Iterator[str]:
    extras = getattr(value, "extras", None) or {}
    for name in extras:
        here = f"{path}.extras.{name}" if path else f"extras.{name}"
        if not name.startswith(RESTATED) and not losses.at(here):
            yield f"{here} is lost"


class _State(NamedTuple):
    """How far the parts that came back were followed: the part, the place in its text, how many may still be new."""

    at: int = 0
    offset: int = 0
    new: int = 0

    def skipped(self) -> "_State":
        return _State(self.at + 1, 0, self.new - 1)


class _Matching:
    """Finds the parts of a conversation, in order, among those that came back."""

    def __init__(self, wanted: Sequence[Item], found: Sequence[Item], losses: Losses) -> None:
        self._wanted = wanted
        self._found = found
        self._losses = losses
        self._hopeless: set[tuple[int, _State]] = set()

    def problems(self) -> list[str]:
        """Give what is missing, what differs and what is new without an excuse."""
        light = [each for item in self._wanted for each in _too_light(item, self._lost(item))]
        if self._fits(0, _State()):
            return light
        return light + list(self._reported()) or ["parts came back in no order that can be followed"]

    def _fits(self, number: int, state: _State) -> bool:
        """Whether there is a way to find all from this item on without a difference."""
        if number == len(self._wanted):
            return self._over(state) is None
        if (number, state) in self._hopeless:
            return False
        after = (next_state for next_state, differences in self._steps(number, state) if not differences)
        if any(self._fits(number + 1, each) for each in after):
            return True
        self._hopeless.add((number, state))
        return False

    def _reported(self) -> Iterator[str]:
        """Say what is wrong on the way that is taken where there is a choice."""
        state = _State()
        for number, item in enumerate(self._wanted):
            step = next(self._steps(number, state), None)
            if step is None:
                following = _shown(self._found[state.at : state.at + 2])
                yield f"{item.path}: {_shown([item])} is missing before {following} [{state.offset}:]"
                return
            state, differences = step
            yield from differences
        over = self._over(state)
        if over:
            yield over

    def _over(self, state: _State) -> str | None:
        """Say what came back that was not there, as far as it may not be new."""
        left = self._found[self._settled(state).at :]
        return f"new parts: {_shown(left)}" if len(left) > state.new else None

    def _steps(self, number: int, state: _State) -> Iterator[tuple[_State, list[str]]]:
        """Give the ways to find one part: what is reached, and how what was found differs."""
        item = self._wanted[number]
        lost = self._lost(item)
        if lost:
            more = any(loss.kind is LossKind.APPROXIMATED for loss in lost)
            return iter([(state._replace(new=state.new + more), [])])
        if isinstance(item.part, Text | Thought) and item.part.text.strip():
            return self._text_steps(item, item.part, item.part.text.strip(), state)
        return self._part_steps(item, state)

    def _lost(self, item: Item) -> list[Loss]:
        """Give the losses that leave nothing of a part: its own, or those of all that it bears."""
        empty = isinstance(item.part, Thought) and not item.part.text
        return self._losses.at(f"{item.path}.signature" if empty else item.path)

    def _settled(self, state: _State) -> _State:
        """Leave a text of which nothing but white space is left."""
        return state if not state.offset or self._rest(state).strip() else _State(state.at + 1, 0, state.new)

    def _rest(self, state: _State) -> str:
        """Give what is left of the text that is being read."""
        part = self._found[state.at].part
        return part.text[state.offset :] if isinstance(part, Text | Thought) else ""

    def _same_kind(self, item: Item, state: _State) -> bool:
        found = self._found[state.at]
        return type(found.part) is type(item.part) and found.role is item.role

    def _part_steps(self, item: Item, state: _State) -> Iterator[tuple[_State, list[str]]]:
        """Find a part that is not made of words."""
        state = self._settled(state)
        if state.at == len(self._found):
            return
        if not state.offset and self._same_kind(item, state):
            more = self._losses.approximated_below(f"{item.path}.parts")
            yield _State(state.at + 1, 0, state.new + more), self._compared(item, self._found[state.at].part)
        if state.new:
            yield from self._part_steps(item, state.skipped())

    def _text_steps(
        self, item: Item, part: Text | Thought, words: str, state: _State
    ) -> Iterator[tuple[_State, list[str]]]:
        """Find words; they may be joined with their neighbours, or be cut, with white space between."""
        state = self._settled(state)
        if state.at == len(self._found):
            return
        if self._same_kind(item, state):
            rest = self._rest(state)
            for found in re.finditer(f"(?={re.escape(words)})", rest):
                between = bool(rest[: found.start()].strip())
                if between <= state.new:
                    end = state.offset + found.start() + len(words)
                    reached = _State(state.at, end, state.new - between)
                    yield reached, self._words_compared(item, part, reached)
            if rest.strip() and words.startswith(rest.strip()):
                left = words[len(rest.strip()) :].lstrip()
                yield from self._text_steps(item, part, left, _State(state.at + 1, 0, state.new)) if left else ()
        if state.new:
            yield from self._text_steps(item, part, words, state.skipped())

    def _words_compared(self, item: Item, wanted: Text | Thought, state: _State) -> list[str]:
        """Compare what words bear, which only the last of several that were joined do; and their white space."""
        found = self._found[state.at].part
        assert isinstance(found, Text | Thought)
        bears = {} if self._rest(state).strip() else _borne(found)
        problems = list(_members(_borne(wanted), bears, item.path, self._losses))
        if wanted.text not in found.text and found.text.strip() == wanted.text.strip():
            problems.append(f"{item.path}: {wanted.text!r} became {found.text!r}")
        return problems

    def _compared(self, item: Item, found: Part) -> list[str]:
        """Compare two parts of a kind."""
        demanded = ("name",) if isinstance(found, Document) else ()
        old, new = _part_members(item.part), _part_members(found)
        problems = list(_members(old, new, item.path, self._losses, demanded))
        if isinstance(item.part, ToolResult) and isinstance(found, ToolResult):
            problems += self._results_compared(item.path, item.part, found)
        return problems

    def _results_compared(self, path: str, wanted: ToolResult, found: ToolResult) -> list[str]:
        """Compare what tools answered."""
        if _result_json(wanted) == _result_json(found):
            return []
        items = normal.result_items(wanted, path), normal.result_items(found, path)
        return _Matching(*items, self._losses).problems()


def _borne(part: Text | Thought) -> dict[str, object]:
    """Give what words bear beside themselves."""
    return {"cache": getattr(part, "cache", None), "signature": normal.opened(part.signature)}


def _result_json(result: ToolResult) -> object:
    """Give a result that is nothing but one text as the JSON that it may be."""
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    return normal.as_json("".join(texts)) if len(texts) == len(result.parts) else result.parts


def _part_members(part: Part) -> dict[str, object]:
    """Give a part, member by member; what it holds of parts is compared apart."""
    match part:
        case Image() | Audio() | Document():
            members = {name: getattr(part, name) for name in part.__struct_fields__ if name not in {"source", "extras"}}
            if isinstance(part, Image):
                members["detail"] = part.detail or normal.USUAL_DETAIL
            return {**members, "source": normal.source(part.source)}
        case ToolCall():
            known = {name: getattr(part, name) for name in ("id", "name", "custom", "cache")}
            signature = normal.opened(part.signature)
            return {**known, "arguments": normal.arguments(part), "signature": signature}
        case ToolResult():
            return {name: getattr(part, name) for name in ("id", "is_error", "cache")}
        case Text() | Thought():
            return {"text": part.text, **_borne(part)}
        case Refusal(text=text):
            return {"text": text}
        case Opaque():
            return {"format": part.format, "json": normal.exact(part.json)}


def _shown(items: Iterable[Item]) -> str:
    return ", ".join(f"{item.role} {item.part}" for item in items) or "the end"


def _too_light(item: Item, lost: Sequence[Loss]) -> list[str]:
    """Say where content is dropped as if it were a setting."""
    heavy = not lost or any(loss.weight is Weight.CONTENT or loss.kind is LossKind.APPROXIMATED for loss in lost)
    return [] if heavy or isinstance(item.part, Thought) else [f"{item.path}: content is dropped as a setting"]
