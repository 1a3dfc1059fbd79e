"""Two tenants who send the same bytes under the same keys never get a byte of each other's answers.

What is remembered is driven at random: requests with the same few bodies, idempotency keys and request ids, joined in
flight, left, failed, streamed, kept and replayed. Every answer of an upstream is signed with the tenant for whom it
was asked, so that a leak shows itself.
"""

import asyncio
from collections.abc import Sequence

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from omniroute.config.policy import ExactCache
from omniroute.engine.record import Record
from omniroute.engine.reply import Client
from omniroute.names import CredentialName, FailureKind, Outcome, TargetId
from omniroute.routing.failure import Failure
from tests.support.laws import often
from tests.support.repeats import Asking, House, remembering

TENANTS = st.sampled_from(["alice", "bob", ""])
BODIES = st.sampled_from([b'{"model":"p/m","messages":[],"user":"%d"}' % number for number in range(2)])
HEADERS = st.sampled_from(
    [{}, {"Idempotency-Key": "same"}, {"X-Request-Id": "same"}, {"Idempotency-Key": "same", "X-Session-Id": "same"}]
)
FAULTS = st.sampled_from([FailureKind.DOWN, FailureKind.INVALID, FailureKind.BUSY])


class _Upstream:
    """An upstream that signs what it says, part by part, as a test lets it."""

    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.steps = asyncio.Semaphore(0)
        self.fault: FailureKind | None = None

    async def __call__(self, client: Client, record: Record) -> Sequence[Failure]:
        signature = f"<{record.key}>".encode()
        await self.steps.acquire()
        if self.fault is not None:
            name, credential = TargetId(f"<{record.key}>"), CredentialName("main")
            return (Failure(self.fault, name, credential, "no"),)
        headers = (("x-omniroute-target", f"<{record.key}>"),)
        if self.whole:
            await client.whole(200, headers, signature)
        else:
            await client.start(200, headers)
            await client.send(signature)
            await self.steps.acquire()
            await client.end(signature)
        record.ended(Outcome.OK, 200)
        return ()


class TwoTenants(RuleBasedStateMachine):
    """The gateway's memory, and everybody who asks it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.house = House(remembering(ExactCache(), window=60.0))
        self.asked: list[tuple[str, Asking, _Upstream]] = []

    def run(self) -> None:
        """Let everything come to where it waits."""
        self.loop.run_until_complete(_settle())

    @rule(tenant=TENANTS, body=BODIES, headers=HEADERS, whole=st.booleans())
    def ask(self, tenant: str, body: bytes, headers: dict[str, str], whole: bool) -> None:
        upstream = _Upstream(whole=whole)
        asking = self.loop.run_until_complete(self.house.ask(body, headers, tenant, upstream))
        self.asked.append((tenant, asking, upstream))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), steps=st.integers(1, 2))
    def go_on(self, data: st.DataObject, steps: int) -> None:
        _, _, upstream = data.draw(st.sampled_from(self.asked))
        for _ in range(steps):
            upstream.steps.release()
        self.run()

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), fault=FAULTS)
    def fail(self, data: st.DataObject, fault: FailureKind) -> None:
        _, _, upstream = data.draw(st.sampled_from(self.asked))
        upstream.fault = fault
        upstream.steps.release()
        self.run()

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        _, asking, _ = data.draw(st.sampled_from(self.asked))
        asking.leave()
        self.run()

    @invariant()
    def nobody_gets_what_is_anothers(self) -> None:
        for tenant, asking, _ in self.asked:
            seen = asking.client.body + asking.client.headers.get("x-omniroute-target", "").encode()
            for other in {"alice", "bob", ""} - {tenant}:
                assert f"<{other}>".encode() not in seen, (tenant, seen)

    def teardown(self) -> None:
        for _, _, upstream in self.asked:
            for _ in range(3):
                upstream.steps.release()
        tasks = [asking.task for _, asking, _ in self.asked if asking.task is not None]
        if tasks:
            _, hanging = self.loop.run_until_complete(asyncio.wait(tasks, timeout=20))
            assert not hanging, "a request never ended"
            self.loop.run_until_complete(asyncio.gather(*tasks))
        assert self.house.memory.exact.flights == {}
        assert self.house.memory.claims._open == {}
        self.loop.close()


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


TestTwoTenants = TwoTenants.TestCase
TestTwoTenants.settings = settings(
    max_examples=often(40), stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
