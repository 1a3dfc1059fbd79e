"""Whatever an embedder says, nobody gets an answer that was made for another caller, or for another request.

The embedder is the worst there can be: to it, all texts mean the same. So every request that is compared at all gets
the answer of whoever asked before with the same partition. Each answer is signed with all of its request but the words
of the last question, and the signature of an answer that is given has to be the asker's own.
"""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.config.policy import CacheUse
from omniroute.engine.embedding import Embedder, Embedding
from omniroute.engine.record import Record
from omniroute.engine.semantic import Found, Semantic, Sought
from omniroute.formats import CODECS
from omniroute.formats.codec import Place
from omniroute.formats.likeness import likeness
from omniroute.formats.translate import Translation
from omniroute.limits.nearest import unit
from omniroute.names import Format
from omniroute.storage.recordings import Kept
from tests.support.embeddings import embedding, record_of
from tests.support.laws import often

ON = CacheUse(semantic=True)
SNAPSHOT = embedding("http://127.0.0.1:9")
WORDS = st.sampled_from(["What is one thing?", "something else entirely, then", "a long question, is it not"])
TURNS = st.lists(st.sampled_from(["hi", "ho"]), max_size=2)
REQUESTS = st.fixed_dictionaries(
    {
        "caller": st.sampled_from(["key:alice", "key:bob", "anonymous"]),
        "system": st.sampled_from(["", "Be brief.", "Be brief. "]),
        "turns": TURNS,
        "stream": st.booleans(),
        "more": st.sampled_from([{}, {"seed": 1}, {"seed": 2}, {"max_tokens": 5}, {"tool_choice": "none"}, {"x": 1}]),
        "model": st.sampled_from(["p/m", "p/n"]),
        "format": st.sampled_from([Format.OPENAI_CHAT, Format.OLLAMA]),
    }
)


class AllTheSame(Embedder):
    """To it, all texts mean the same."""

    async def embed(self, hands: object, name: str, text: str, record: Record) -> Embedding | None:
        del hands, name, text, record
        return Embedding("m", unit([1.0] * 8) or b"")


def body_of(request: dict[str, Any], question: str) -> bytes:
    system = [{"role": "system", "content": request["system"]}] if request["system"] else []
    roles = ("user", "assistant")
    turns = [{"role": roles[at % 2], "content": each} for at, each in enumerate(request["turns"])]
    messages = [*system, *turns, {"role": "user", "content": question}]
    return json.dumps(
        {"model": request["model"], "messages": messages, "stream": request["stream"], **request["more"]}
    ).encode()


async def ask(semantic: Semantic, request: dict[str, Any], question: str, now: float) -> None:
    codec = CODECS[request["format"]]
    asked = codec.ask(body_of(request, question), Place())
    found = likeness(asked, Translation(codec, asked), (request["caller"], request["format"]))
    assert found is not None
    signature = json.dumps(request, sort_keys=True).encode()
    result = await semantic.recalled(None, ON, found, record_of(SNAPSHOT), now)  # type: ignore[arg-type]  # no hands: nothing is embedded
    if isinstance(result, Found):
        assert result.kept.body == signature
    else:
        assert isinstance(result, Sought)
        semantic.keep(result, Kept(200, (), whole=True, body=signature, at=now, outcome="ok"))


@settings(max_examples=often(60), deadline=None)
@given(st.lists(st.tuples(REQUESTS, WORDS), min_size=2, max_size=25))
def test_nobody_gets_what_was_made_for_another_request(asked: list[tuple[dict[str, Any], str]]) -> None:
    semantic = Semantic(AllTheSame())

    async def all_of_them() -> None:
        for at, (request, question) in enumerate(asked):
            await ask(semantic, request, question, float(at))

    asyncio.run(all_of_them())
    distinct = {json.dumps(request, sort_keys=True) for request, _ in asked}
    assert (semantic.misses, semantic.hits) == (len(distinct), len(asked) - len(distinct))
