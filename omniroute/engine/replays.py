"""One request's dealings with what was answered before: its idempotency key, and the exact cache.

Invariants:

1. Whose a request is stands in every key, beside all that names the request: no caller ever gets a byte that was made
   for another. All who come without a client key are one caller.
2. A request that repeats nothing and may not be repeated costs nothing here: it has no ``Repeat``.
3. ``Repeat.close`` is called however the request ends; after it nobody waits for it.

A client that leaves takes its request along, unless others wait for its answer by then (``recording``). The published
SDKs of OpenAI and Anthropic keep one key for all attempts at a request, and send it where a header for it is named
(``_base_client.py``: ``_idempotency_header``); so a key whose request failed is free again at once.
"""

import asyncio
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import msgspec

from omniroute.config.policy import CacheUse, ExactCache
from omniroute.config.snapshot import Snapshot
from omniroute.engine.cache import Exact, route
from omniroute.engine.claims import Claims, check, repeatable
from omniroute.engine.embedding import Hands
from omniroute.engine.limit_headers import DOWNGRADED
from omniroute.engine.patience import Patience
from omniroute.engine.record import Record
from omniroute.engine.recording import Fate, Recording, Tee, follow, replay
from omniroute.engine.reply import Client, session_header
from omniroute.engine.semantic import Found, Semantic, Sought
from omniroute.engine.terms import Headers, unix_micros
from omniroute.formats.codec import Asked
from omniroute.formats.likeness import Likeness
from omniroute.formats.sameness import Naming, cacheable, digest
from omniroute.limits.lru import Lru
from omniroute.names import CredentialName, FailureKind, Outcome, TargetId
from omniroute.routing.failure import AllFailed, Failure
from omniroute.routing.plan import Plan
from omniroute.storage.recordings import Bid, Entry, Kept, Recordings

POLL = 0.05
"""Seconds between looks at a key that another worker has."""
ROUTES = 1_000
"""Routes whose digests are remembered."""

IDEMPOTENT: Headers = (("x-omniroute-idempotent", "true"),)
HIT: Headers = (("x-omniroute-cache", "HIT"),)
MISS: Headers = (("x-omniroute-cache", "MISS"),)

_WORDS = frozenset({b"idempotency-key", b"x-request-id", b"x-omniroute-no-cache", b"cache-control"})


class Wanted(msgspec.Struct, frozen=True):
    """What a request's headers say of repetition.

    ``key`` is an idempotency key. A ``strict`` one is refused with another request; ``X-Request-Id`` is not, since
    proxies hand one id on with all the calls that a request of theirs leads to. ``fresh``: no cache may answer.
    """

    key: bytes = b""
    strict: bool = False
    fresh: bool = False


_NOTHING = Wanted()


def wanted(headers: Iterable[tuple[bytes, bytes]]) -> Wanted:
    """Read what a client wants of repetition: ``Idempotency-Key``, else ``X-Request-Id``, and what bypasses caches."""
    said = [each for each in headers if each[0] in _WORDS]
    if not said:
        return _NOTHING
    found = dict(said)
    key, id_ = found.get(b"idempotency-key", b""), found.get(b"x-request-id", b"")
    control = found.get(b"cache-control", b"").lower()
    fresh = (
        found.get(b"x-omniroute-no-cache", b"").strip().lower() == b"true"
        or b"no-store" in control
        or b"no-cache" in control
    )
    return Wanted(key or id_, bool(key), fresh)


class Memory:
    """What the process remembers of its answers; ``store`` is started and closed by whoever made it."""

    __slots__ = ("claims", "exact", "routes", "semantic", "store")

    def __init__(self, store: Recordings | None = None) -> None:
        """Start with what is on disk."""
        self.claims = Claims()
        self.exact = Exact(store)
        self.semantic = Semantic()
        self.routes: Lru[bytes] = Lru(ROUTES, ROUTES)
        self.store = store

    async def clear(self, now: float) -> int:
        """Forget all answers of the caches that are complete now, wherever they are; gives how many there were.

        What was claimed under an idempotency key stays: to forget it would let a request be answered twice.
        """
        return self.semantic.forget(now) + await self.exact.clear(now)

    def forget(self, until: float) -> None:
        """Another process has emptied the caches: forget what was complete by then, in Unix seconds."""
        self.exact.forget(until)
        self.semantic.forget(until)

    def attend(
        self, snapshot: Snapshot, wants: Wanted, client: Client, patience: Patience, record: Record
    ) -> "Repeat | None":
        """Attend to a request that may repeat another or be repeated; None for any other."""
        caches = snapshot.caches
        cached = caches.exact is not None or caches.semantic is not None
        if (wants.key and caches.window > 0) or (cached and not wants.fresh):
            return Repeat(self, snapshot, wants, Tee(client), (patience, record))
        return None


class Repeat:
    """One request that may repeat another. What its client is sent goes through ``client``."""

    __slots__ = (
        "_bid",
        "_body",
        "_claim",
        "_entry",
        "_memory",
        "_patience",
        "_record",
        "_snapshot",
        "_sought",
        "_wants",
        "client",
    )

    def __init__(
        self, memory: Memory, snapshot: Snapshot, wants: Wanted, client: Tee, notes: tuple[Patience, Record]
    ) -> None:
        """Attend to a request; nothing is claimed or looked up yet."""
        self._memory = memory
        self._snapshot = snapshot
        self._wants = wants
        self._patience, self._record = notes
        self._claim = b""
        self._entry = b""
        self._bid: Bid | None = None
        self._sought: Sought | None = None
        self._body: tuple[bytes, bytes] | None = None
        self.client = client

    async def claimed(self, naming: Naming, body: bytes) -> bool:
        """Claim the request's idempotency key; True where the client has its answer, which another request got.

        Args:
            naming: what the request's path and head say of its meaning: format, place, provider.
            body: its body, as it was sent.

        Raises:
            Conflict: the key came with another request.
            AllFailed: the answer broke off.
        """
        wants, window = self._wants, self._snapshot.caches.window
        if not wants.key or window <= 0:
            return False
        caller = _caller(self._record)
        fingerprint = digest(("request", caller, naming), self._hashed(body))
        key = digest(("claim", caller, wants.strict), wants.key + (b"" if wants.strict else fingerprint))
        claims = self._memory.claims
        while (found := claims.find(key, fingerprint, self._patience.now())) is not None:
            if isinstance(found, Kept):
                self._answered("idempotency", await replay(found, self.client, self._own(IDEMPOTENT), self._record))
                return True
            if await self._followed(found, "idempotency", IDEMPOTENT, any_status=True):
                return True
        self._claim = key
        claims.begin(key, fingerprint, self._recording())
        store = self._memory.store
        return store is not None and store.shared and await self._claimed_by_others(store, key, fingerprint, caller)

    async def recalled(self, asked: Asked, plan: Plan, use: CacheUse, naming: Naming) -> bool:
        """Answer from the exact cache, where it may; True where the client has its answer.

        Args:
            asked: the request.
            plan: who may serve it.
            use: what the caller's policy says of caches.
            naming: as for ``claimed``, and whatever else shapes the answer: headers that go on, settings of a policy.

        Raises:
            AllFailed: the answer of the request that was followed broke off.
        """
        exact = self._snapshot.caches.exact
        if exact is None or not use.exact or self._wants.fresh or not cacheable(asked):
            return False
        cache, now = self._memory.exact, unix_micros() / 1e6
        cache.bound(exact, now)
        key = digest(("exact", _caller(self._record), naming, self._route(plan).hex()), self._hashed(asked.body))
        kept = await cache.find(key, _ttl(exact, use), now)
        if kept is not None:
            cache.hits += 1
            age = ("age", str(max(0, int(now - kept.at))))
            self._answered("exact", await replay(kept, self.client, self._own((*HIT, age)), self._record))
            return True
        flight = cache.flight(key)
        if flight is not None and await self._followed(flight, "exact", HIT, any_status=False):
            cache.hits += 1
            return True
        cache.misses += 1
        self._entry = key
        self.client.told = MISS
        cache.lead(key, self._recording())
        return False

    async def resembled(self, hands: Hands, likeness: Likeness, plan: Plan, use: CacheUse) -> bool:
        """Answer from the semantic cache, where it may; True where the client has its answer.

        Args:
            hands: by what an embedding is asked for.
            likeness: how the request is compared; whose it is, and where it may go, is added here.
            plan: who may serve it.
            use: what the caller's policy says of caches.
        """
        if self._wants.fresh:
            return False
        memory, now = self._memory, unix_micros() / 1e6
        whose = digest((_caller(self._record), self._route(plan).hex()), likeness.partition)
        found = await memory.semantic.recalled(hands, use, Likeness(likeness.text, whose), self._record, now)
        if isinstance(found, Found):
            self._record.cache = "semantic"
            self.client.told = found.told(now)  # told beside the answer, and not taken down with it
            self._answered("semantic", await replay(found.kept, self.client, self._own(()), self._record))
            return True
        if found is not None:
            self._sought = found
            self.client.told = MISS
            self._recording()
        return False

    def close(self) -> None:
        """Keep what may be given again, and let go of whoever waits."""
        recording = self.client.recording
        if recording is None:
            return
        memory, now = self._memory, unix_micros() / 1e6
        recording.close()
        kept = recording.kept(now)
        good = kept if kept is not None and recording.fate is not None and repeatable(recording.fate) else None
        if self._claim:
            at, window = self._patience.now(), self._snapshot.caches.window
            memory.claims.end(self._claim, recording, good, at + window, at)
            if self._bid is not None and memory.store is not None:
                memory.store.end(self._bid, good, now + window)
        worth = good if good is not None and self._worth(good) else None
        if self._sought is not None and worth is not None:
            memory.semantic.keep(self._sought, worth)
        if self._entry:
            memory.exact.end(self._made(worth, now), self._entry, recording, now)

    def _worth(self, kept: Kept) -> bool:
        """Whether an answer may be kept: a good one, made for this request, by a model that it asked for."""
        record = self._record
        if kept.status != 200 or kept.outcome != Outcome.OK.value or record.cache:
            return False
        return not any(name == DOWNGRADED for name, _ in record.told)

    def _made(self, kept: Kept | None, now: float) -> Entry | None:
        """Make an entry of the exact cache of an answer."""
        exact, record = self._snapshot.caches.exact, self._record
        if exact is None or kept is None:
            return None
        return Entry(self._entry, _caller(record), record.asked, now + exact.ttl, kept)

    async def _followed(self, recording: Recording, cache: str, told: Headers, *, any_status: bool) -> bool:
        """Get the answer that another request is being given; False where that will not do."""

        def accepts(status: int) -> bool:
            return status == 200 or (any_status and status != 0)

        fate = await follow(recording, self.client, self._own(told), self._record, accepts)
        if fate is not None:
            self._answered(cache, fate)
        return fate is not None

    async def _claimed_by_others(self, store: Recordings, key: bytes, fingerprint: bytes, caller: str) -> bool:
        """Bid for the key against other workers; True where one of them had it, and the client has its answer."""
        deadline = self._record.began + self._snapshot.timeouts.total
        while True:
            now = unix_micros() / 1e6
            until = now + self._snapshot.timeouts.total + self._snapshot.caches.window
            self._bid = Bid(key, fingerprint, caller, self._record.asked, now, until)
            held = await store.claim(self._bid)
            if held.mine:
                return False
            self._bid = None
            check(held.fingerprint, fingerprint)
            if held.kept is not None:
                self._answered("idempotency", await replay(held.kept, self.client, self._own(IDEMPOTENT), self._record))
                return True
            if self._patience.now() >= deadline:
                raise _waited_in_vain(self._record.asked)
            await asyncio.sleep(POLL)

    def _hashed(self, body: bytes) -> bytes:
        """Hash a body, once."""
        if self._body is None or self._body[0] is not body:
            self._body = (body, sha256(body).digest())
        return self._body[1]

    def _recording(self) -> Recording:
        """Begin to take down what the client is sent."""
        if self.client.recording is None:
            self.client.recording = Recording(self._patience, self._record)
        return self.client.recording

    def _own(self, told: Headers) -> Headers:
        """Give the headers that this request's answer carries beside the answer's own."""
        return told + self._record.told + session_header(self._record)

    def _answered(self, cache: str, fate: Fate) -> None:
        self._record.cache = cache
        self._record.ended(fate.outcome, fate.status, fate.code)

    def _route(self, plan: Plan) -> bytes:
        """Give a digest of all targets that the request could come to, and of what is made of it."""
        targets = [each.target for each in plan.candidates] + [each.target for each in plan.rejected]
        shaping: Any = plan.shaping
        name = digest((self._snapshot.id, sorted({each.id for each in targets}), repr(shaping)), b"")
        known = self._memory.routes.get(name, 0.0)
        if known is None:
            known = digest((route(targets).hex(), repr(shaping)), b"")
            self._memory.routes.put(name, known, 1, 1.0, 0.0)
        return known


def _caller(record: Record) -> str:
    """Name whose a request is; no client key's name reads as that of those who come without one."""
    return f"key:{record.key}" if record.key else "anonymous"


def _ttl(exact: ExactCache, use: CacheUse) -> float:
    """Give how old an answer may be."""
    return exact.ttl if use.ttl is None else min(exact.ttl, use.ttl)


def _waited_in_vain(asked: str) -> AllFailed:
    why = "timed out waiting for another worker, which answers under the same idempotency key"
    return AllFailed(asked, (Failure(FailureKind.TIMEOUT, TargetId(""), CredentialName(""), why, blameless=True),))
