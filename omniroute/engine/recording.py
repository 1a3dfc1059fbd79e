"""What a client is sent, taken down as it is sent, so that others who ask the same can have the same.

Invariants:

1. The one who asks (the leader) never waits for those who follow: a part is taken down once, and shared.
2. A recording holds at most ``limit`` bytes, or one part. Beyond that it is no longer kept, and a follower that is
   more than ``limit`` behind is cut: it gets an error, and never an end that looks clean.
3. While somebody follows, the leader's client may leave and the work goes on; when the last follower leaves too, it
   is given up.
4. Whatever becomes of the leader, ``close`` is called, and no follower waits after it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from omniroute.engine.limit_headers import DOWNGRADED
from omniroute.engine.patience import Patience, Why
from omniroute.engine.record import Record
from omniroute.engine.reply import Client
from omniroute.engine.terms import Headers
from omniroute.names import CredentialName, FailureKind, Outcome, TargetId
from omniroute.routing.failure import AllFailed, Failure
from omniroute.storage.recordings import Kept

LONGEST = 8 * 1024 * 1024
"""Bytes of an answer that are kept at most."""
PIECE = 256 * 1024
"""Bytes of a kept stream that are sent at once, so that a slow client holds no copy of all of it."""
_OF_THE_ASKER = frozenset({"x-omniroute-session-id", "x-omniroute-idempotent"})
"""Headers of an answer that tell of the request, and not of the answer."""
_BEHIND = "this client read so slowly that what it had yet to read was let go; ask again"
_LOST = "the request whose answer this one waited for was given up in the midst of it; ask again"


class Fate(msgspec.Struct, frozen=True):
    """How a request ended, as its row says it."""

    outcome: Outcome
    status: int
    code: str = ""


class Place:
    """How far one follower has come: the number of the part that is next."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        """Start at the beginning."""
        self.at = 0


class Recording:
    """One answer as it is sent.

    ``status`` is 0 until it has begun; ``whole`` says that it was sent at once, ``ended`` that its last part was.
    ``fate`` is set as soon as nothing more will come, whatever came of it.
    """

    __slots__ = (
        "_doomed",
        "_first",
        "_followers",
        "_limit",
        "_orphaned",
        "_parts",
        "_patience",
        "_record",
        "_size",
        "_spilt",
        "_waiting",
        "ended",
        "fate",
        "headers",
        "status",
        "whole",
    )

    def __init__(self, patience: Patience, record: Record, limit: int = LONGEST) -> None:
        """Begin to take down what the request is sent that ``patience`` guards, and ``record`` notes."""
        self._patience = patience
        self._record = record
        self._limit = limit
        self._parts: deque[bytes] = deque()
        self._first = 0
        self._size = 0
        self._followers: set[Place] = set()
        self._waiting: list[asyncio.Future[None]] = []
        self._spilt = self._orphaned = self._doomed = False
        self.status = 0
        self.headers: Headers = ()
        self.whole = self.ended = False
        self.fate: Fate | None = None
        patience.needed = self._needed

    @property
    def open(self) -> bool:
        """Whether it can still be followed from its beginning."""
        return not (self._spilt or self._doomed) and (self.ended or self.fate is None)

    # The leader's side.

    def begin(self, status: int, headers: Headers, *, whole: bool = False) -> None:
        """Take down that a response begins."""
        self.status = status
        told = self._record.told  # of the leader's limits, which are no business of whoever else is given the answer
        self.headers = tuple(each for each in headers if each not in told or each[0] == DOWNGRADED) if told else headers
        self.whole = whole
        self._wake()

    def add(self, data: bytes) -> None:
        """Take down a part."""
        if data:
            self._parts.append(data)
            self._size += len(data)
            if self._spilt or self._size > self._limit:
                self._let_go()
            if self._waiting:
                self._wake()

    def end(self) -> None:
        """Take down that this was all. What is sent after an error has that error noted already."""
        self.ended = True
        record = self._record
        self.fate = Fate(record.outcome, record.status, record.code) if record.code else Fate(Outcome.OK, self.status)
        self._wake()

    def close(self) -> None:
        """The leader is done, and nothing more will come."""
        self._patience.needed = None
        if self.fate is None:
            self.fate = Fate(Outcome.CANCELLED, self.status)
            self._wake()

    def kept(self, now: float) -> Kept | None:
        """Give the answer to be kept at ``now`` (Unix seconds), where it is complete and not too long."""
        if self._spilt or not self.ended or self.fate is None:
            return None
        return Kept(
            status=self.status,
            headers=tuple(each for each in self.headers if each[0] not in _OF_THE_ASKER),
            whole=self.whole,
            body=b"".join(self._parts),
            at=now,
            outcome=self.fate.outcome.value,
            code=self.fate.code,
        )

    def _needed(self) -> bool:
        """The leader's client has left: say whether others need its answer; if not, nobody can join any more."""
        self._orphaned = True
        self._doomed = not self._followers
        return not self._doomed and not self.ended

    def _let_go(self) -> None:
        """Hold only what somebody has yet to read, and of that no more than the limit."""
        self._spilt = True
        slowest = min((each.at for each in self._followers), default=self._first + len(self._parts))
        while self._parts and (self._first < slowest or (self._size > self._limit and len(self._parts) > 1)):
            self._size -= len(self._parts.popleft())
            self._first += 1

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    # The followers' side.

    def join(self) -> Place:
        """Follow from the beginning; the leader goes on for as long as somebody does."""
        place = Place()
        self._followers.add(place)
        return place

    def leave(self, place: Place) -> None:
        """Follow no longer."""
        self._followers.discard(place)
        if self._orphaned and not self._followers and not self.ended and self.fate is None:
            self._patience.interrupt(Why.GONE)

    async def changed(self) -> None:
        """Wait until there is more to know."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def take(self, place: Place) -> bytes | None:
        """Give the next part; None where there is none yet.

        Raises:
            IndexError: it was let go.
        """
        if place.at < self._first:
            raise IndexError(place.at)
        if place.at == self._first + len(self._parts):
            return None
        place.at += 1
        return self._parts[place.at - 1 - self._first]


class Tee:
    """A client whose answer is taken down; without a ``recording`` it only passes on.

    ``told`` are headers that its answer carries beside its own, where that is a good one; they are not taken down.
    """

    __slots__ = ("_client", "ended", "recording", "started", "told")

    def __init__(self, client: Client) -> None:
        """Stand before a client."""
        self._client = client
        self.recording: Recording | None = None
        self.told: Headers = ()
        self.started = client.started
        self.ended = client.ended

    async def body(self, limit: int) -> bytes:
        """Read the request; as ``reply.Client``."""
        return await self._client.body(limit)

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a complete response; as ``reply.Client``."""
        self.started = self.ended = True
        if self.recording is not None:
            self.recording.begin(status, headers, whole=True)
            self.recording.add(body)
            self.recording.end()
        await self._client.whole(status, headers + self.told if status == 200 else headers, body)

    async def start(self, status: int, headers: Headers) -> None:
        """Begin a response; as ``reply.Client``."""
        self.started = True
        if self.recording is not None:
            self.recording.begin(status, headers)
        await self._client.start(status, headers + self.told if status == 200 else headers)

    def send(self, data: bytes) -> Coroutine[Any, Any, None]:
        """Send a part; as ``reply.Client``. It is taken down at once, and sent when it is awaited."""
        if self.recording is not None:
            self.recording.add(data)
        return self._client.send(data)

    async def end(self, data: bytes) -> None:
        """Send the last part; as ``reply.Client``. What is said after an end is for this client alone."""
        if self.recording is not None and not self.recording.ended:
            self.recording.add(data)
            self.recording.end()
        await self._client.end(data)
        self.ended = True


async def follow(
    recording: Recording, client: Client, told: Headers, record: Record, accepts: Callable[[int], bool]
) -> Fate | None:
    """Give a client the answer that another request is being given, as it comes.

    Args:
        recording: that answer.
        client: who gets it.
        told: headers that this client's answer carries beside the answer's own.
        record: the notes on this client's request; an answer that failed is noted there before its end is sent.
        accepts: whether an answer of this status will do.

    Returns:
        How it ended; None where it will not do, and nothing was sent.

    Raises:
        AllFailed: the client fell behind, or nothing more came, in the midst of the answer.
    """
    place = recording.join()
    try:
        while not recording.status and recording.fate is None:
            await recording.changed()
        if not accepts(recording.status):
            return None
        headers = tuple(each for each in recording.headers if each[0] not in _OF_THE_ASKER) + told
        if recording.whole:
            _note(recording.fate, record)
            await client.whole(recording.status, headers, _next(recording, place, record.asked) or b"")
        else:
            await client.start(recording.status, headers)
            await _stream(recording, place, client, record)
        return recording.fate
    finally:
        recording.leave(place)


async def replay(kept: Kept, client: Client, told: Headers, record: Record) -> Fate:
    """Give a client an answer that was kept; one that failed is noted in ``record`` before it is sent."""
    headers, fate = kept.headers + told, Fate(Outcome(kept.outcome), kept.status, kept.code)
    _note(fate, record)
    if kept.whole:
        await client.whole(kept.status, headers, kept.body)
    else:
        await client.start(kept.status, headers)
        last = max(0, len(kept.body) - 1) // PIECE * PIECE
        for begin in range(0, last, PIECE):
            await client.send(kept.body[begin : begin + PIECE])
        await client.end(kept.body[last:])
    return fate


def _note(fate: Fate | None, record: Record) -> None:
    """Note how an answer failed, before its words are sent: whoever takes them down looks there (``Recording.end``)."""
    if fate is not None and fate.code:
        record.ended(fate.outcome, fate.status, fate.code)


async def _stream(recording: Recording, place: Place, client: Client, record: Record) -> None:
    """Pass on part after part, up to the end."""
    while True:
        part = _next(recording, place, record.asked)
        if part is not None:
            await client.send(part)
        elif recording.ended:
            _note(recording.fate, record)
            await client.end(b"")
            return
        elif recording.fate is not None:
            raise _cut(recording, record.asked, _LOST)
        else:
            await recording.changed()


def _next(recording: Recording, place: Place, asked: str) -> bytes | None:
    try:
        return recording.take(place)
    except IndexError:
        raise _cut(recording, asked, _BEHIND) from None


def _cut(recording: Recording, asked: str, why: str) -> AllFailed:
    target = dict(recording.headers).get("x-omniroute-target", "")
    cut = Failure(FailureKind.CUT, TargetId(target), CredentialName(""), why, started=True, blameless=True)
    return AllFailed(asked, (cut,))
