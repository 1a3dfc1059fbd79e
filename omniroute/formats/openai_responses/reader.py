"""Reads a streamed Responses answer into events.

Source: OpenAI API reference, "Streaming events" (https://platform.openai.com/docs/api-reference/responses-streaming).

Always true: what an event says whole (``…done``, a finished item, the finished answer) completes what its deltas said,
and is never said twice; so servers that leave deltas, additions or finished items out are understood. Only
``response.completed`` and ``response.incomplete`` are the end. A tool that the provider runs is a part when its item is
finished; what it tells of its progress is ``Raw``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from omniroute.formats.complaint import read_error
from omniroute.formats.framing import Record, Splitter
from omniroute.formats.openai_responses.envelope import finish_of
from omniroute.formats.openai_responses.progress import Item
from omniroute.formats.openai_responses.response import created_of, failure, made_up
from omniroute.formats.openai_responses.usage import read_usage
from omniroute.formats.openai_responses.wire import OWN, listed, loads, members, text
from omniroute.formats.stream import RecordWatch
from omniroute.ir.complaint import Complaint
from omniroute.ir.events import Begin, End, Event, Fault, Finished, Raw, Spent
from omniroute.ir.response import Finish
from omniroute.names import FailureKind

_NOTHING = msgspec.Raw()
_DONE = b"[DONE]"
_ERROR = b"error"
_WAITING = Begin()


class _Event(msgspec.Struct, gc=False):
    """What is read of a record."""

    type: str = ""
    output_index: int | None = None
    item_id: str | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: str | None = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    item: msgspec.Raw = _NOTHING
    part: msgspec.Raw = _NOTHING
    response: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


_DECODER = msgspec.json.Decoder(_Event)
_MEMBERS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("output_index", "content_index", "summary_index"), int),
    **dict.fromkeys(("type", "item_id", "delta", "text", "refusal", "arguments", "input"), str),
}
_WHOLE = ("item", "part", "response", "error")


class ResponsesReader:
    """Reads one stream; see ``codec.Reader``, whose every word holds here."""

    def __init__(self) -> None:
        """Begin at the beginning of a stream."""
        self._items: dict[int, Item] = {}
        self._ids: dict[str, Item] = {}
        self._next = 0
        self._begin = _WAITING
        self._began = False

    def take(self, record: Record) -> Sequence[Event]:
        """Read a record; one without data says nothing, nor does the ``[DONE]`` that some servers add."""
        if not record.data or record.data.startswith(_DONE):
            return ()
        if record.event == _ERROR:
            return (_fault(record.data),)
        event = _decode(record.data)
        if event is None:
            return (_malformed("a record of the stream is not a JSON object"),)
        kind = event.type or record.event.decode("utf-8", "replace")
        handler = self._HANDLERS.get(kind)
        if handler is not None:
            events = handler(self, event)
        elif kind == "error" or _says(event.error):
            events = (_fault(record.data),)
        else:
            events = (Raw(OWN, loads(record.data)),)
        if self._began or not events or isinstance(events[0], Fault):
            return events
        self._began = True
        return (self._begin, *events)

    def end(self) -> Sequence[Event]:
        """Take the end of input, which came before the answer was said to be complete."""
        return (Fault(Complaint(message="the stream ended before the answer was complete"), FailureKind.CUT),)

    def _start(self, event: _Event) -> Sequence[Event]:
        """Read who answers; said once, with the first event that says something."""
        if not self._began and self._begin is _WAITING:
            told = members(loads(event.response))
            self._begin = _begin(told)
            self._began = True
            return (self._begin,)
        return ()

    def _added(self, event: _Event) -> Sequence[Event]:
        """Read that an item begins."""
        told = loads(event.item)
        if not isinstance(told, Mapping):
            return ()
        item_id = text(told.get("id")) or event.item_id
        item = self._lookup(event.output_index, item_id)
        if item is None or (item.finished and item_id not in self._ids):
            item = self._new(event.output_index, item_id)
        return item.begin(told)

    def _part_added(self, event: _Event) -> Sequence[Event]:
        """Read that a part of a message begins."""
        return self._item(event).begin_part(event.content_index or 0, loads(event.part))

    def _text(self, event: _Event) -> Sequence[Event]:
        """Read words."""
        return self._item(event).words(event.content_index or 0, event.delta or "", "text")

    def _refusal(self, event: _Event) -> Sequence[Event]:
        """Read words of a refusal."""
        return self._item(event).words(event.content_index or 0, event.delta or "", "refusal")

    def _text_done(self, event: _Event) -> Sequence[Event]:
        """Read a whole text, or a whole refusal."""
        if event.refusal is not None:
            return self._item(event).whole_words(event.content_index or 0, event.refusal, "refusal")
        return self._item(event).whole_words(event.content_index or 0, event.text or "", "text")

    def _summary(self, event: _Event) -> Sequence[Event]:
        """Read words of a summary of thoughts."""
        return self._item(event).thought(("summary", event.summary_index or 0), event.delta or "")

    def _thought(self, event: _Event) -> Sequence[Event]:
        """Read words of a thought."""
        return self._item(event).thought(("content", event.content_index or 0), event.delta or "")

    def _arguments(self, event: _Event) -> Sequence[Event]:
        """Read more of what a tool is given."""
        return self._item(event).arguments(event.delta or "")

    def _arguments_done(self, event: _Event) -> Sequence[Event]:
        """Read all that a tool is given."""
        return self._item(event).whole_arguments(event.arguments or event.input or "")

    def _done(self, event: _Event) -> Sequence[Event]:
        """Read a finished item."""
        told = loads(event.item)
        return self._find(event, told).finish(told) if isinstance(told, Mapping) else ()

    def _completed(self, event: _Event) -> Sequence[Event]:
        """Read the finished answer: whatever of it was not said, its usage, and its end."""
        told = members(loads(event.response))
        failed = failure(told)
        if failed is not None:
            return (Fault(failed),)
        self._begin = self._begin if self._began else _begin(told)
        events = self._rest([each for each in listed(told.get("output")) if isinstance(each, Mapping)])
        usage = read_usage(told.get("usage"))
        if usage is not None:
            events.append(Spent(usage))
        short = event.type == "response.incomplete" or told.get("status") == "incomplete"
        parts = [part for item in self._items.values() for part in item.parts]
        finish = finish_of("incomplete" if short else None, told.get("incomplete_details"), parts) or Finish.OTHER
        return (*events, Finished(finish), End())

    def _failed(self, event: _Event) -> Sequence[Event]:
        """Read that the answer failed."""
        told = members(loads(event.response))
        return (Fault(failure({**told, "status": "failed"}) or Complaint()),)

    def _rest(self, output: list[Mapping[str, Any]]) -> list[Event]:
        """Say what the finished answer holds and no event before it said; close what is open."""
        events: list[Event] = []
        for place, told in enumerate(output):
            item = self._lookup(place, text(told.get("id")))
            if item is None and len(self._items) < len(output):
                item = self._new(place, None)
            if item is not None:
                events.extend(item.finish(told))
        for item in self._items.values():
            events.extend(item.close())
        return events

    def _find(self, event: _Event, told: Mapping[str, Any]) -> Item:
        """Find the item that an event holds whole."""
        item_id = text(told.get("id")) or event.item_id
        return self._lookup(event.output_index, item_id) or self._new(event.output_index, item_id)

    def _item(self, event: _Event) -> Item:
        """Find the item that an event is about; one that was not announced begins here."""
        return self._lookup(event.output_index, event.item_id) or self._new(event.output_index, event.item_id)

    def _lookup(self, place: int | None, item_id: str | None) -> Item | None:
        """Find an item by its id, or else by its place; where an event names neither, the item that began last."""
        item = self._ids.get(item_id) if item_id is not None else None
        if item is None and place is None and item_id is None:
            place = max(self._items, default=None)
        return item or (self._items.get(place) if place is not None else None)

    def _new(self, place: int | None, item_id: str | None) -> Item:
        """Begin an item, at its place if that is free."""
        if place is None or place in self._items:
            place = max(self._items, default=-1) + 1
        item = self._items[place] = Item(self._at, made_up(self._begin.id, place))
        if item_id is not None:
            self._ids[item_id] = item
        return item

    def _at(self) -> int:
        """Give the place of the next part."""
        self._next += 1
        return self._next - 1

    # literal table: the type of an event → what reads it
    _HANDLERS: ClassVar[dict[str, Callable[["ResponsesReader", _Event], Sequence[Event]]]] = {
        "response.created": _start,
        "response.in_progress": _start,
        "response.queued": _start,
        "response.output_item.added": _added,
        "response.content_part.added": _part_added,
        "response.output_text.delta": _text,
        "response.output_text.done": _text_done,
        "response.refusal.delta": _refusal,
        "response.refusal.done": _text_done,
        "response.reasoning_summary_text.delta": _summary,
        "response.reasoning_text.delta": _thought,
        "response.function_call_arguments.delta": _arguments,
        "response.function_call_arguments.done": _arguments_done,
        "response.custom_tool_call_input.delta": _arguments,
        "response.custom_tool_call_input.done": _arguments_done,
        "response.output_item.done": _done,
        "response.completed": _completed,
        "response.incomplete": _completed,
        "response.failed": _failed,
    }


def watch(_hide_usage: bool) -> RecordWatch:  # noqa: FBT001 - the shape that codec.Codec gives it
    """Follow a stream, in which usage is part of the last event and so never hidden."""
    return RecordWatch(Splitter(), ResponsesReader())


def _begin(told: Mapping[str, Any]) -> Begin:
    """Read who answers."""
    return Begin(text(told.get("id")), text(told.get("model")), created_of(told.get("created_at")))


def _fault(data: bytes) -> Fault:
    """Read an error: an event of its own (whose ``type`` says only that), an object under ``error``, or words."""
    told = {name: value for name, value in members(loads(data)).items() if name != "type"}
    return Fault(read_error(msgspec.json.encode(told) if told else data))


def _malformed(message: str) -> Fault:
    """Complain of a record that cannot be read."""
    return Fault(Complaint(message=message), FailureKind.MALFORMED)


def _says(raw: msgspec.Raw) -> bool:
    """Say whether a member is there and holds something."""
    return bytes(raw) not in {b"", b"null", b"false", b'""', b"{}"}


def _decode(data: bytes) -> _Event | None:
    """Read a record's data; members of a kind that is not documented count as absent, not as malformed."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = loads(data)
    if not isinstance(value, Mapping):
        return None
    known = {name: value[name] for name, kind in _MEMBERS.items() if isinstance(value.get(name), kind)}
    whole: dict[str, Any] = {name: msgspec.Raw(msgspec.json.encode(value[name])) for name in _WHOLE if name in value}
    return _Event(**known, **whole)
