"""Answers to questions that mean the same: who gets them, for how long, and at what similarity."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from time import perf_counter

import msgspec
import pytest

from omniroute.config.policy import Caches, CacheUse, SemanticCache
from omniroute.config.snapshot import Snapshot
from omniroute.engine.embedding import Embedder, Embedding
from omniroute.engine.record import Record
from omniroute.engine.semantic import Found, Semantic, Sought
from omniroute.formats import CODECS
from omniroute.formats.codec import Place
from omniroute.formats.likeness import Likeness, likeness
from omniroute.formats.translate import Translation
from omniroute.limits.nearest import TOGETHER, unit
from omniroute.names import Format
from omniroute.storage.recordings import Kept
from omniroute.upstream.client import Client
from tests.support.embeddings import (
    EMBEDDER,
    Hands,
    beside,
    direction,
    embedded,
    embedding,
    embedding_by,
    record_of,
    recorded,
)
from tests.support.upstream import ScriptedUpstream, error_answer, json_answer

RANDOM = Random(3)
EGG = direction(RANDOM, 300)
BOIL, BOILING = "How do I boil an egg?", "What is the way to boil eggs?"
BAKE, LAW = "How does one bake a cake, please?", "Who may sue whom over what?"
VECTORS = {
    BOIL: EGG,
    BOILING: beside(EGG, 0.97, RANDOM),
    BAKE: beside(EGG, 0.94, RANDOM),
    LAW: direction(RANDOM, 300),
}
ON = CacheUse(semantic=True)


def like(text: str, partition: bytes = b"p" * 32) -> Likeness:
    return Likeness(text, partition)


def kept(body: bytes = b"{}", at: float = 0.0, status: int = 200, outcome: str = "ok") -> Kept:
    return Kept(status, (("content-type", "application/json"),), whole=True, body=body, at=at, outcome=outcome)


class House:
    """A semantic cache, and the embedder that it asks."""

    def __init__(self, hands: Hands, upstream: ScriptedUpstream, made: Snapshot) -> None:
        self.hands = hands
        self.upstream = upstream
        self.made = made
        self.semantic = Semantic()

    async def ask(self, likeness: Likeness, now: float = 0.0, use: CacheUse = ON) -> Found | Sought | None:
        return await self.semantic.recalled(self.hands, use, likeness, record_of(self.made), now)

    async def answer(self, likeness: Likeness, answer: Kept) -> None:
        sought = await self.ask(likeness, answer.at)
        assert isinstance(sought, Sought)
        self.semantic.keep(sought, answer)


@asynccontextmanager
async def house(cache: SemanticCache | None = None) -> AsyncIterator[House]:
    client = Client()
    try:
        async with ScriptedUpstream(respond=embedding_by(VECTORS)) as upstream:
            yield House(Hands(client), upstream, embedding(upstream.url, cache))
    finally:
        await client.aclose()


async def test_a_similar_question_gets_the_answer_and_is_told_so() -> None:
    async with house() as here:
        await here.answer(like(BOIL), kept(b"boil it", at=100.0))
        found = await here.ask(like(BOILING), 107.5)
        assert isinstance(found, Found)
        assert found.kept.body == b"boil it"
        assert found.told(107.5) == (
            ("x-omniroute-cache", "HIT"),
            ("x-omniroute-cache-similarity", "0.9700"),
            ("age", "7"),
        )
        assert (here.semantic.hits, here.semantic.misses, len(here.semantic)) == (1, 1, 1)


async def test_a_near_miss_gets_none() -> None:
    async with house() as here:
        await here.answer(like(BOIL), kept())
        assert isinstance(await here.ask(like(BAKE)), Sought)
        assert isinstance(await here.ask(like(LAW)), Sought)


async def test_the_threshold_is_the_configurations() -> None:
    async with house(SemanticCache(EMBEDDER, threshold=0.93)) as here:
        await here.answer(like(BOIL), kept())
        assert isinstance(await here.ask(like(BAKE)), Found)
        strict = SemanticCache(EMBEDDER, threshold=0.98)
        here.made = msgspec.structs.replace(here.made, caches=Caches(semantic=strict))
        assert isinstance(await here.ask(like(BOILING)), Sought)


async def test_recorded_near_misses_get_no_answer_of_each_other() -> None:
    texts = recorded("d362e3e6d9")
    async with house() as here:
        here.upstream.respond = embedding_by(texts)
        for text in texts:
            await here.answer(like(text), kept(text.encode()))
        for text in texts:
            found = await here.ask(like(text))
            assert isinstance(found, Found)
            assert found.kept.body == text.encode()


REAL = json.loads(Path(__file__).with_name("embeddings.json").read_text())
NEAR_MISSES = [tuple(each) for each in REAL["near_misses"]]
WORDED_DIFFERENTLY = {
    ("How do I turn on dark mode?", "What is the way to turn off dark mode?"),
    ("Which drugs lower blood pressure?", "What are drugs that raise blood pressure?"),
    ("When was the company founded?", "Who was it that founded the company?"),
}
"""Near misses that this model takes for paraphrases: what a threshold of its own is for."""
ONE_WORD_APART = {"How can I reset my password?", "Write a haiku about the sea"}
"""Paraphrases that are given up, since a word more or less can be a negation."""


async def real_hit(one: str, other: str, threshold: float = 0.95) -> bool:
    """Ask two questions of a gateway whose embedder is a real model, and say whether the second is a hit."""
    table = {text: struct.unpack("<384e", base64.b64decode(REAL["vectors"][text])) for text in (one, other)}
    codec = CODECS[Format.OPENAI_CHAT]

    def compared(text: str) -> Likeness:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
        asked = codec.ask(body, Place())
        found = likeness(asked, Translation(codec, asked), ("alice",))
        assert found is not None
        return found

    async with house(SemanticCache(EMBEDDER, threshold=threshold)) as here:
        here.upstream.respond = embedding_by(table)
        await here.answer(compared(one), kept())
        return isinstance(await here.ask(compared(other)), Found)


@pytest.mark.parametrize(("one", "other"), REAL["paraphrases"])
async def test_paraphrases_hit_with_the_embeddings_of_a_real_model(one: str, other: str) -> None:
    assert await real_hit(one, other) is (one not in ONE_WORD_APART)


@pytest.mark.parametrize(("one", "other"), [each for each in NEAR_MISSES if each not in WORDED_DIFFERENTLY])
async def test_near_misses_do_not_hit_with_the_embeddings_of_a_real_model(one: str, other: str) -> None:
    assert not await real_hit(one, other)
    assert not await real_hit(other, one)


@pytest.mark.parametrize(("one", "other"), sorted(WORDED_DIFFERENTLY))
async def test_near_misses_in_other_words_are_left_to_the_threshold(one: str, other: str) -> None:
    assert await real_hit(one, other), "this model is better than the documentation says"
    assert not await real_hit(one, other, threshold=0.985)


async def test_only_requests_of_one_partition_share_answers() -> None:
    async with house() as here:
        await here.answer(like(BOIL, b"a" * 32), kept())
        assert isinstance(await here.ask(like(BOIL, b"b" * 32)), Sought)


async def test_another_embedder_begins_anew() -> None:
    async with house() as here:
        await here.answer(like(BOIL), kept())
        other = SemanticCache("e/other")
        here.made = msgspec.structs.replace(here.made, caches=Caches(semantic=other))
        assert isinstance(await here.ask(like(BOIL)), Sought)


async def test_an_embedder_that_changes_its_dimensions_begins_anew() -> None:
    async with house() as here:
        await here.answer(like(BOIL), kept())
        here.upstream.respond = embedding_by({BOIL: EGG[:100]})
        assert isinstance(await here.ask(like(BOIL)), Sought)


@pytest.mark.parametrize("use", [CacheUse(), CacheUse(exact=True, semantic=False)])
async def test_nothing_is_asked_for_where_the_policy_does_not_say_so(use: CacheUse) -> None:
    async with house() as here:
        assert await here.ask(like(BOIL), use=use) is None
        assert here.upstream.requests == []


async def test_nothing_is_asked_for_where_the_configuration_does_not_say_so() -> None:
    async with house() as here:
        here.made = msgspec.structs.replace(here.made, caches=Caches())
        assert await here.ask(like(BOIL)) is None
        assert here.upstream.requests == []


async def test_an_embedder_that_fails_is_a_miss() -> None:
    async with house() as here:
        await here.answer(like(BOIL), kept())
        here.upstream.respond = None
        here.upstream.default = error_answer("oh", 500)
        assert await here.ask(like(BOIL)) is None
        assert (here.semantic.hits, here.semantic.misses) == (0, 2)


async def test_an_answer_is_given_for_as_long_as_the_cache_and_the_policy_say() -> None:
    async with house(SemanticCache(EMBEDDER, ttl=60.0)) as here:
        await here.answer(like(BOIL), kept(at=0.0))
        short = CacheUse(semantic=True, ttl=10.0)
        assert isinstance(await here.ask(like(BOIL), 9.0, short), Found)
        assert isinstance(await here.ask(like(BOIL), 10.0, short), Sought)
        assert isinstance(await here.ask(like(BOIL), 59.0, CacheUse(semantic=True, ttl=600.0)), Found)
        assert isinstance(await here.ask(like(BOIL), 60.0), Sought)
        assert len(here.semantic) == 0


@pytest.mark.parametrize("answer", [kept(status=500, outcome="failed"), kept(status=206), kept(outcome="cut")])
async def test_only_good_answers_are_kept(answer: Kept) -> None:
    async with house() as here:
        await here.answer(like(BOIL), answer)
        assert len(here.semantic) == 0


async def test_no_more_is_kept_than_the_configuration_says() -> None:
    async with house(SemanticCache(EMBEDDER, max_entries=1)) as here:
        await here.answer(like(BOIL), kept())
        await here.answer(like(LAW), kept())
        assert len(here.semantic) == 1
        assert isinstance(await here.ask(like(BOIL)), Sought)


async def test_it_can_be_cleared() -> None:
    async with house() as here:
        await here.answer(like(BOIL), kept())
        assert (here.semantic.forget(-1.0), len(here.semantic)) == (0, 1), "it is younger than that"
        assert (here.semantic.forget(0.0), here.semantic.forget(0.0)) == (1, 0)
        assert isinstance(await here.ask(like(BOIL)), Sought)


class Same(Embedder):
    """An embedder of which every text has the same vector, or one that a test chose."""

    vector = b""

    async def embed(self, hands: object, name: str, text: str, record: Record) -> Embedding | None:
        del hands, name, text, record
        return Embedding("m", self.vector)


async def test_a_long_search_gives_way_to_others() -> None:
    """As many vectors as a set holds, each of them as near as need be: the worst case."""
    async with house() as here:
        embedder = Same()
        here.semantic = Semantic(embedder)
        random = Random(5)
        middle = direction(random, 1_536)
        for _ in range(TOGETHER):
            embedder.vector = unit(beside(middle, 0.96, random)) or b""
            found = await here.semantic.recalled(here.hands, ON, like("x"), record_of(here.made), 0.0)
            if isinstance(found, Sought):
                here.semantic.keep(found, kept())
        embedder.vector = unit(middle) or b""
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        beside_it = asyncio.create_task(others())
        began = perf_counter()
        assert isinstance(await here.semantic.recalled(here.hands, ON, like("x"), record_of(here.made), 0.0), Found)
        took = perf_counter() - began
        beside_it.cancel()
        assert turns >= 4, f"{took:.4f} s"


async def test_what_is_forgotten_during_a_search_is_not_found() -> None:
    async with house() as here:
        embedder = Same()
        here.semantic = Semantic(embedder)
        random = Random(5)
        middle = direction(random, 1_536)
        found = await here.semantic.recalled(here.hands, ON, like("x"), record_of(here.made), 0.0)
        assert isinstance(found, Sought)
        for _ in range(TOGETHER):
            embedder.vector = unit(beside(middle, 0.96, random)) or b""
            here.semantic.keep(Sought(found.name, embedder.vector, "x"), kept())
        embedder.vector = unit(middle) or b""
        searching = asyncio.create_task(here.semantic.recalled(here.hands, ON, like("x"), record_of(here.made), 0.0))
        await asyncio.sleep(0)
        assert not searching.done()
        assert here.semantic.forget(0.0) == TOGETHER
        assert isinstance(await searching, Sought)


async def test_wrong_dimensions_and_worthless_vectors_are_misses() -> None:
    async with house() as here:
        for lie in (embedded([0.0] * 300), embedded([]), embedded(EGG, EGG)):
            here.semantic = Semantic()
            here.upstream.respond = lambda _, lie=lie: json_answer(lie)  # type: ignore[misc]  # mypy cannot tell what a lambda's default is
            assert await here.ask(like(BOIL)) is None
