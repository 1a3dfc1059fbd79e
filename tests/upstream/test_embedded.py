"""The upstream inside this process; what it answers is tested in ``echoes``."""

import json
from typing import Any

import pytest

from omniroute.upstream.embedded import EMBEDDED, EmbeddedUpstream
from omniroute.upstream.port import Answer, Outgoing, Phase, SendError

ASKED: dict[str, Any] = {"model": "any/model", "messages": [{"role": "user", "content": "good morning"}]}


async def ask(body: object, *, url: str = "embedded:echo/chat/completions") -> Answer:
    raw = json.dumps(body).encode()
    return await EmbeddedUpstream(lambda: 1_700_000_000.5).send(Outgoing(url, (), raw, 1.0, 1.0))


async def test_pieces_are_the_whole_and_none_is_empty() -> None:
    for body in (ASKED, {**ASKED, "stream": True}):
        pieces = [piece async for piece in (await ask(body)).chunks()]
        assert all(pieces)
        assert b"".join(pieces) == await (await ask(body)).read(100_000)


async def test_another_path_is_not_found() -> None:
    answer = await ask(ASKED, url="embedded:echo/embeddings?x=1")
    assert answer.status == 404
    assert "does not answer at this path" in json.loads(await answer.read(10_000))["error"]["message"]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/models/any:generateContent", "any"),
        ("/models/house/any:free:generateContent?alt=json", "house/any:free"),
        ("/models/house%2Fany:generateContent", "house/any"),
    ],
)
async def test_a_model_in_a_path_may_have_any_name(path: str, model: str) -> None:
    answer = await ask({"contents": [{"parts": []}]}, url=f"embedded:echo{path}")
    assert (answer.status, json.loads(await answer.read(10_000))["modelVersion"]) == (200, model)


@pytest.mark.parametrize("path", ["/models/any:embedContent", "/models/any", "/models/:", "/models/", "/other/a:b", ""])
async def test_what_a_model_is_not_asked_for_here_is_not_found(path: str) -> None:
    assert (await ask({}, url=f"embedded:echo{path}")).status == 404


@pytest.mark.parametrize("path", EMBEDDED["echo"])
@pytest.mark.parametrize("body", [b"", b"[]", b'"\xff"', b"[" * 100_000, b'{"x": ' + b"[" * 100_000])
async def test_every_path_refuses_what_is_no_request(path: str, body: bytes) -> None:
    request = Outgoing(f"embedded:echo{path.format(model='any')}", (), body, 1.0, 1.0)
    answer = await EmbeddedUpstream(lambda: 0.0).send(request)
    assert answer.status == 400
    assert b"cannot read this request" in await answer.read(100_000)


async def test_another_name_is_no_upstream() -> None:
    with pytest.raises(SendError, match="no upstream embedded:parrot; embedded ones are: embedded:echo") as caught:
        await ask(ASKED, url="embedded:parrot/chat/completions")
    assert caught.value.phase is Phase.CONNECT


async def test_two_answers_have_two_ids() -> None:
    upstream = EmbeddedUpstream(lambda: 0.0)
    request = Outgoing("embedded:echo/chat/completions", (), json.dumps(ASKED).encode(), 1.0, 1.0)
    ids = {json.loads(await (await upstream.send(request)).read(10_000))["id"] for _ in range(3)}
    assert len(ids) == 3


async def test_an_answer_longer_than_the_limit_is_not_given() -> None:
    answer = await ask(ASKED)
    with pytest.raises(SendError) as caught:
        await answer.read(100)
    assert caught.value.phase is Phase.TOO_LONG


async def test_a_closed_answer_gives_no_more() -> None:
    answer = await ask({**ASKED, "stream": True})
    chunks = answer.chunks()
    assert await anext(chunks)
    await answer.close()
    with pytest.raises(SendError) as caught:
        await anext(chunks)
    assert caught.value.phase is Phase.CUT
    with pytest.raises(SendError):
        await answer.read(10)


async def test_a_closed_upstream_answers_nothing() -> None:
    upstream = EmbeddedUpstream(lambda: 0.0)
    await upstream.aclose()
    with pytest.raises(SendError) as caught:
        await upstream.send(Outgoing("embedded:echo/chat/completions", (), b"{}", 1.0, 1.0))
    assert caught.value.phase is Phase.CONNECT
