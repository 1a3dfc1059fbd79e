"""The general client: its table of exceptions, and its silence; the rest is the contract suite's."""

import logging

import httpx
import pytest

from omniroute.upstream.general import PHASE_OF, GeneralUpstream
from omniroute.upstream.port import Outgoing
from tests.support.upstream import ScriptedUpstream


def test_every_exception_of_httpx_has_its_phase() -> None:
    public = {getattr(httpx, name) for name in httpx.__all__}
    raised = {each for each in public if isinstance(each, type) and issubclass(each, Exception)}
    assert raised == set(PHASE_OF)


async def test_nothing_that_is_logged_holds_a_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = GeneralUpstream()
    async with ScriptedUpstream() as upstream:
        url = f"{upstream.url}/v1?key=sk-secret"
        headers = (("authorization", "Bearer sk-secret"),)
        answered = await client.send(Outgoing(url, headers, b"{}", 120.0, 120.0))
        await answered.read(10_000)
        assert upstream.requests[0].query == {"key": "sk-secret"}
    await client.aclose()
    assert "sk-secret" not in caplog.text
