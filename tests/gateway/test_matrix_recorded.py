"""Every client format × every upstream format × whole or streamed, on what real providers were recorded to answer."""

import pytest

from omniroute.names import Format
from tests.support.matrix import PAIRS, TRAFFIC, Miss, Pair, cases_of, misses, unexpected

COUNTING = frozenset(
    {
        Format.OPENAI_RESPONSES,
        Format.OPENAI_COMPLETIONS,
        Format.ANTHROPIC_MESSAGES,
        Format.GEMINI,
    }
)
"""Formats, beside the upstream's own, that tell cached tokens."""

# literal table: a recorded answer that does not come through, and why
MISSES = (
    Miss(
        Format.OPENAI_CHAT,
        "0ab324bff6",
        "its usage contradicts itself: more tokens read from the cache and written to it than were sent",
        clients=COUNTING,
    ),
    Miss(
        Format.OPENAI_CHAT,
        "2f45aaafe6",
        "its usage contradicts itself: more tokens read from the cache than were sent",
        clients=COUNTING,
    ),
    Miss(Format.OPENAI_RESPONSES, "322bc6f4f7", "several answers in one recording: we end with the first", same=True),
    Miss(Format.ANTHROPIC_MESSAGES, "e07d3995cb", "three answers in one recording: we end with the first", same=True),
    Miss(Format.GEMINI, "de5b9d1be8", "a stream, written as an array: no answer to generateContent", same=True),
    Miss(
        Format.OPENAI_COMPLETIONS,
        "cd67201e3c",
        "in its provider's own format: no text completion, and no end",
        same=True,
    ),
)

pytestmark = pytest.mark.skipif(not TRAFFIC.is_dir(), reason="the recorded traffic is not here")


@pytest.mark.parametrize("pair", PAIRS, ids=str)
async def test_a_client_hears_what_the_upstreams_own_sdk_hears(pair: Pair) -> None:
    found = await misses(pair, cases_of("recorded", pair.wire, stream=pair.stream))
    assert unexpected(pair, found, MISSES) == {}


def test_every_listed_miss_names_a_record() -> None:
    names = {(pair.wire, case.name) for pair in PAIRS for case in cases_of("recorded", pair.wire, stream=pair.stream)}
    assert {(miss.wire, miss.name) for miss in MISSES} <= names
