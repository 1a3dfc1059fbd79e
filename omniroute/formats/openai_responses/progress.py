"""One item of a streamed answer, as far as it is known; it turns what is said of it into events.

Always true: an item's parts open once and close once; words that an event says whole are said as far as the deltas
before it had not said them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omniroute.formats.openai_responses.content import ITEM, OUTPUT, read_content
from omniroute.formats.openai_responses.items import ARGUMENTS, BETWEEN, read_call, read_thought
from omniroute.formats.openai_responses.response import item_members, placed
from omniroute.formats.openai_responses.wire import OWN, listed, text, with_extra
from omniroute.ir.events import Delta, Event, PartStart, PartStop, Sign
from omniroute.ir.parts import Opaque, Part, Refusal, Text, Thought, ToolCall

_SEPARATE: dict[str, Text | Refusal] = {"text": Text(), "refusal": Refusal()}


class _Open:
    """An open part, and what was said of it."""

    __slots__ = ("at", "open", "said")

    def __init__(self, at: int) -> None:
        """Open it at this place of the answer."""
        self.at = at
        self.open = True
        self.said: list[str] = []

    def more(self, words: str) -> Sequence[Event]:
        """Say words."""
        if not words or not self.open:
            return ()
        self.said.append(words)
        return (Delta(self.at, words),)

    def rest(self, whole: str) -> Sequence[Event]:
        """Say what of the whole was not said; a whole that contradicts what was said is passed over."""
        said = "".join(self.said)
        return self.more(whole[len(said) :]) if whole.startswith(said) else ()

    def stop(self) -> Sequence[Event]:
        """Close it."""
        if not self.open:
            return ()
        self.open = False
        return (PartStop(self.at),)


class Item:
    """One item."""

    def __init__(self, place: Callable[[], int], call_id: str) -> None:
        """Begin an item of which nothing is known.

        Args:
            place: gives the place of the next part.
            call_id: the id of a call that has none.
        """
        self.finished = False
        self.parts: list[Part] = []
        self._place = place
        self._call_id = call_id
        self._told: dict[str, Any] = {}
        self._parts: dict[int, _Open] = {}
        self._step: tuple[str, int] | None = None

    def begin(self, told: Mapping[str, Any]) -> Sequence[Event]:
        """Take what is said of the item when it is added."""
        kind = text(told.get("type"))
        if kind == "message":
            members = item_members(told)
            members.pop("status", None)
            self._told = self._told if self._parts else members
            return ()
        if kind == "reasoning":
            return self._begin_thought(told)
        return self._begin_call(told) if kind in ARGUMENTS else ()

    def begin_part(self, index: int, told: Any) -> Sequence[Event]:
        """Take that a part of a message begins; one that is not known is said when it is whole."""
        part = read_content(told, OUTPUT)
        return () if index in self._parts or not isinstance(part, Text | Refusal) else self._open(index, part)

    def words(self, index: int, words: str, kind: str) -> Sequence[Event]:
        """Take more words of a part."""
        part = self._parts.get(index)
        if part is not None:
            return part.more(words)
        return (*self._open(index, _SEPARATE[kind]), *self._parts[index].more(words))

    def whole_words(self, index: int, words: str, kind: str) -> Sequence[Event]:
        """Take all the words of a part."""
        opened = () if index in self._parts else self._open(index, _SEPARATE[kind])
        return (*opened, *self._parts[index].rest(words))

    def thought(self, step: tuple[str, int], words: str) -> Sequence[Event]:
        """Take more words of a thought, of one of the parts that its summary and its content have."""
        opened = () if self._parts else self._begin_thought({"type": "reasoning"})
        part = self._parts[0]
        between = part.more(BETWEEN) if part.said and words and step != self._step else ()
        self._step = step if words else self._step
        return (*opened, *between, *part.more(words))

    def arguments(self, words: str) -> Sequence[Event]:
        """Take more of what a tool is given; before the tool is named it cannot be said, and waits for the whole."""
        return self._parts[0].more(words) if self._parts else ()

    def whole_arguments(self, words: str) -> Sequence[Event]:
        """Take all that a tool is given."""
        return self._parts[0].rest(words) if self._parts else ()

    def finish(self, told: Mapping[str, Any]) -> Sequence[Event]:
        """Take the finished item."""
        if self.finished:
            return ()
        kind = text(told.get("type"))
        if kind == "message":
            events = self._finish_message(told)
        elif kind == "reasoning":
            events = self._finish_thought(told)
        elif kind in ARGUMENTS:
            events = self._finish_call(told)
        else:
            events = self._whole(Opaque(OWN, told))
        return (*events, *self.close())

    def close(self) -> Sequence[Event]:
        """Close whatever is open."""
        self.finished = True
        return tuple(event for part in self._parts.values() for event in part.stop())

    def _open(self, index: int, part: Part) -> Sequence[Event]:
        """Open a part of a message; the text that it may hold already is said as its first words."""
        words = part.text if isinstance(part, Text | Refusal) else ""
        empty = Refusal(extras=part.extras) if isinstance(part, Refusal) else Text(extras=getattr(part, "extras", None))
        opened = self._parts[index] = _Open(self._place())
        self.parts.append(empty)
        return (PartStart(opened.at, placed(empty, self._told)), *opened.more(words))

    def _whole(self, part: Part) -> Sequence[Event]:
        """Say a part that comes whole."""
        at = self._place()
        return (PartStart(at, part), PartStop(at))

    def _finish_message(self, told: Mapping[str, Any]) -> Sequence[Event]:
        """Take a finished message."""
        if not self._told:
            self.begin(told)
        content = [part for part in listed(told.get("content")) if part is not None]
        events: list[Event] = []
        for index, each in enumerate(content):
            part = read_content(each, OUTPUT)
            if not isinstance(part, Text | Refusal):
                events.extend(self._whole(placed(part, self._told)))
                continue
            kind = "refusal" if isinstance(part, Refusal) else "text"
            events.extend(self.whole_words(index, part.text, kind) if index in self._parts else self._open(index, part))
        if not content and not self._parts:
            events.extend(self._whole(Opaque(OWN, told)))
        return events

    def _begin_thought(self, told: Mapping[str, Any]) -> Sequence[Event]:
        """Open a thought: its words and its signature come later."""
        thought = read_thought({name: told[name] for name in ("type", "id") if name in told}, from_client=False)
        opened = self._parts[0] = _Open(self._place())
        extras = with_extra(thought.extras, ITEM, told["id"]) if text(told.get("id")) else None
        return (PartStart(opened.at, Thought(extras=extras)),)

    def _finish_thought(self, told: Mapping[str, Any]) -> Sequence[Event]:
        """Take a finished thought."""
        opened = () if self._parts else self._begin_thought(told)
        thought, part = read_thought(told, from_client=False), self._parts[0]
        signed = () if thought.signature is None else (Sign(part.at, thought.signature),)
        return (*opened, *part.rest(thought.text), *signed)

    def _begin_call(self, told: Mapping[str, Any]) -> Sequence[Event]:
        """Open a call, once its tool is named; what the tool is given comes later."""
        slot = ARGUMENTS[told["type"]]
        call = read_call({name: value for name, value in told.items() if name not in {slot, "status"}}, self._call_id)
        if call is None or self._parts:
            return ()
        if text(told.get("id")):
            extras = with_extra(call.extras, ITEM, told["id"])
            call = ToolCall(call.id, call.name, custom=call.custom, namespace=call.namespace, extras=extras)
        self.parts.append(call)
        opened = self._parts[0] = _Open(self._place())
        return (PartStart(opened.at, call),)

    def _finish_call(self, told: Mapping[str, Any]) -> Sequence[Event]:
        """Take a finished call."""
        opened = self._begin_call(told)
        if not self._parts:
            return self._whole(Opaque(OWN, told))
        call = read_call(told, self._call_id)
        return (*opened, *self._parts[0].rest(call.arguments if call else ""))
