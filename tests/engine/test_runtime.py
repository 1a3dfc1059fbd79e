from omniroute.config.policy import Policy, Rate
from omniroute.engine.holder import Holder
from omniroute.engine.replays import Memory as Answers
from omniroute.engine.runtime import Runtime
from omniroute.limits.memory import Memory
from omniroute.names import Format
from omniroute.observe.events import Admitted
from omniroute.upstream.client import Client

POLICY = Policy("engineers", rate=Rate(concurrent=1))


async def test_a_runtime_that_is_given_nothing_counts_and_remembers_by_itself() -> None:
    upstream = Client()
    rt = Runtime(Holder(), upstream, lambda _: None)
    toll = rt.tolls.of("alice", POLICY)
    await toll.enter(1, 0.0)
    toll.settle(0, 0, 0.0)
    rt.admit(Admitted("req_1", 0, Format.OPENAI_CHAT, "m", "alice", False, 1, "c"))
    assert (len(rt.active), rt.draining, len(rt.answers.exact)) == (0, False, 0)
    await upstream.aclose()


async def test_what_it_is_given_is_what_requests_use() -> None:
    upstream, shared, answers = Client(), Memory(), Answers()
    heard: list[Admitted] = []
    rt = Runtime(Holder(), upstream, lambda _: None, heard.append, shared, answers)
    assert rt.tolls.shared is shared
    assert rt.answers is answers
    admitted = Admitted("req_1", 0, Format.OPENAI_CHAT, "m", "alice", False, 1, "c")
    rt.admit(admitted)
    assert heard == [admitted]
    await upstream.aclose()
