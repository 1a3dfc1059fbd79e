"""Invoices: what recorded answers cost, worked out by hand, line by line.

Each line is tokens times what one of them costs in nano-dollars: a thousandth of the dollars for a million. Tokens were
read from the answer by a person, prices from the provider's list of the day when it was checked (2026-11-23) where
nothing else is said. ``billed`` is what the provider itself says in its answer that it took: ``cost_in_usd_ticks``
(tenths of a nano-dollar) or ``cost`` (dollars).
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from omniroute.config.snapshot import Price
from omniroute.formats import CODECS
from omniroute.ir.usage import Usage
from omniroute.names import Format
from omniroute.routing.price import cost

TRAFFIC = Path(__file__).parents[2] / "../shared/traffic"
OWN = Path(__file__).parents[1] / "wire"


class Invoice(NamedTuple):
    """An answer, in which format and where it is, the tokens of it, what they cost each, and their sum."""

    format: str
    where: str
    usage: Usage
    price: Price
    nano: int
    billed: int | None = None


def dollars(**amounts: str) -> Price:
    """Give a price in dollars for a million tokens."""
    return msgspec.convert({name: int(Decimal(amount).scaleb(9)) for name, amount in amounts.items()}, Price)


# literal table
RECORDED = [
    # claude-3-5-sonnet-20240620: a stream; the cache is told at its beginning, the output at its end; 4 x
    # 3,000 + 1,165 x 3,750 + 201 x 15,000
    Invoice(
        "anthropic-messages",
        "anthropic-messages-074701332a.json",
        Usage(input=4, output=201, cache_write=1165),
        dollars(input="3", output="15", cache_write="3.75"),
        7_395_750,
    ),
    # claude-3-5-sonnet-20240620: a stream that reads what the one before wrote; 4 x 3,000 + 1,165 x 300 + 221
    # x 15,000
    Invoice(
        "anthropic-messages",
        "anthropic-messages-bd3d94f773.json",
        Usage(input=4, output=221, cache_read=1165),
        dollars(input="3", output="15", cache_read="0.3"),
        3_676_500,
    ),
    # claude-sonnet-5: 2 x 2,000 + 3,522 x 200 + 77 x 2,500 + 43 x 10,000
    Invoice(
        "anthropic-messages",
        "anthropic-messages-081b87c1e7.json",
        Usage(input=2, output=43, cache_read=3522, cache_write=77),
        dollars(input="2", output="10", cache_read="0.2", cache_write="2.5"),
        1_330_900,
    ),
    # claude-sonnet-5: thinking is a part of the output; 4 x 2,000 + 14,210 x 200 + 426 x 2,500 + 290 x 10,000
    Invoice(
        "anthropic-messages",
        "anthropic-messages-643c8d00c7.json",
        Usage(input=4, output=290, cache_read=14_210, cache_write=426, reasoning=15),
        dollars(input="2", output="10", cache_read="0.2", cache_write="2.5"),
        6_815_000,
    ),
    # claude-sonnet-5: 2 x 2,000 + 1,135 x 2,500 + 142 x 10,000
    Invoice(
        "anthropic-messages",
        "anthropic-messages-8453a5e83a.json",
        Usage(input=2, output=142, cache_write=1135, reasoning=67),
        dollars(input="2", output="10", cache_write="2.5"),
        4_261_500,
    ),
    # claude-sonnet-4-6: a stream with a compaction: 100 + 181 in, 83 + 8 out; 281 x 3,000 + 55,096 x 300 + 91
    # x 15,000
    Invoice(
        "anthropic-messages",
        "anthropic-messages-accde2f231.json",
        Usage(input=281, output=91, cache_read=55_096),
        dollars(input="3", output="15", cache_read="0.3"),
        18_736_800,
    ),
    # gemini-2.5-flash: 9,613 sent, 9,602 of them cached; 33 said, 39 thought; 11 x 300 + 9,602 x 30 + 72 x
    # 2,500
    Invoice(
        "gemini",
        "gemini-1279fb38d0.json",
        Usage(input=11, output=72, cache_read=9602, reasoning=39),
        dollars(input="0.3", output="2.5", cache_read="0.03"),
        471_360,
    ),
    # gemini-2.5-flash: 70 of text, 104 of sound; 70 x 300 + 104 x 1,000 + 139 x 2,500
    Invoice(
        "gemini",
        "gemini-2b766c55b7.json",
        Usage(input=174, output=139, reasoning=104, audio_in=104),
        dollars(input="0.3", output="2.5", audio_in="1"),
        472_500,
    ),
    # gemini-3-flash-preview: 343 sent, 877 put in by a tool; 1,220 x 500 + 241 x 3,000
    Invoice(
        "gemini",
        "gemini-14bf212e80.json",
        Usage(input=1220, output=241, reasoning=159),
        dollars(input="0.5", output="3"),
        1_333_000,
    ),
    # gemini-2.5-pro: a stream; 469 said, 787 thought; 34 x 1,250 + 1,256 x 10,000
    Invoice(
        "gemini",
        "gemini-71dfcfbc45.json",
        Usage(input=34, output=1256, reasoning=787),
        dollars(input="1.25", output="10"),
        12_602_500,
    ),
    # gemini-2.5-flash: 108 x 300 + 220 x 30 + 39 x 2,500
    Invoice(
        "gemini",
        "gemini-45d242eaee.json",
        Usage(input=108, output=39, cache_read=220),
        dollars(input="0.3", output="2.5", cache_read="0.03"),
        136_500,
    ),
    # gpt-5.6-sol: 8 x 4,000 + 4,012 x 400 + 4 x 20,000
    Invoice(
        "openai-chat",
        "openai-chat-f58145272f.json",
        Usage(input=8, output=4, cache_read=4012),
        dollars(input="4", output="20", cache_read="0.4"),
        1_716_800,
    ),
    # gpt-4o-mini-audio-preview-2024-12-17: 6 of text, 12 of sound; 22 x 150 + 6 x 600 + 12 x 20,000
    Invoice(
        "openai-chat",
        "openai-chat-3155fb93e5.json",
        Usage(input=22, output=18, audio_out=12),
        dollars(input="0.15", output="0.6", audio_out="20"),
        246_900,
    ),
    # gpt-5-mini-2025-08-07: 215 x 250 + 566 x 2,000
    Invoice(
        "openai-chat",
        "openai-chat-33b93ecd4c.json",
        Usage(input=215, output=566, reasoning=512),
        dollars(input="0.25", output="2"),
        1_185_750,
    ),
    # gpt-5-nano-2025-08-07: a stream that thought until it was cut short; 12 x 50 + 100 x 400
    Invoice(
        "openai-chat",
        "openai-chat-6db6b6cea1.json",
        Usage(input=12, output=100, reasoning=100),
        dollars(input="0.05", output="0.4"),
        40_600,
    ),
    # deepseek-reasoner: a stream; hits and misses of the cache add up to what was sent; 19 x 550 + 320 x 140
    # + 83 x 2,190
    Invoice(
        "openai-chat",
        "openai-chat-b96d105327.json",
        Usage(input=19, output=83, cache_read=320, reasoning=39),
        dollars(input="0.55", output="2.19", cache_read="0.14"),
        237_020,
    ),
    # openai/gpt-oss-120b: a stream; 343 x 150 + 180 x 600
    Invoice(
        "openai-chat",
        "openai-chat-17e5298ed3.json",
        Usage(input=343, output=180, reasoning=153),
        dollars(input="0.15", output="0.6"),
        159_450,
    ),
    # grok-3-mini: a stream whose 196 of reasoning are beside the 26 of completion; 1 x 300 + 290 x 75 + 222 x
    # 500
    Invoice(
        "openai-chat",
        "openai-chat-68b164be41.json",
        Usage(input=1, output=222, cache_read=290, reasoning=196),
        dollars(input="0.3", output="0.5", cache_read="0.075"),
        133_050,
        billed=133_050,
    ),
    # grok-3-mini: 47 x 300 + 244 x 75 + 215 x 500
    Invoice(
        "openai-chat",
        "openai-chat-c9d586a7de.json",
        Usage(input=47, output=215, cache_read=244, reasoning=189),
        dollars(input="0.3", output="0.5", cache_read="0.075"),
        139_900,
        billed=139_900,
    ),
    # anthropic/claude-4.6-sonnet: 1 x 3,000 + 2,569 x 300 + 79 x 3,750 + 100 x 15,000
    Invoice(
        "openai-chat",
        "openai-chat-ed9c490cf0.json",
        Usage(input=1, output=100, cache_read=2569, cache_write=79),
        dollars(input="3", output="15", cache_read="0.3", cache_write="3.75"),
        2_569_950,
        billed=2_569_950,
    ),
    # gpt-5.6-sol: 8 x 4,000 + 4,012 x 5,000 + 5 x 20,000
    Invoice(
        "openai-responses",
        "openai-responses-0c0113960f.json",
        Usage(input=8, output=5, cache_write=4012),
        dollars(input="4", output="20", cache_write="5"),
        20_192_000,
    ),
    # gpt-5-2025-08-07: a stream; 28,799 x 1,250 + 4,352 x 125 + 3,367 x 10,000
    Invoice(
        "openai-responses",
        "openai-responses-8c08cab6e8.json",
        Usage(input=28_799, output=3367, cache_read=4352, reasoning=2624),
        dollars(input="1.25", output="10", cache_read="0.125"),
        70_212_750,
    ),
    # gpt-5.2-2025-12-11: 475 x 1,750 + 1,024 x 175 + 331 x 14,000
    Invoice(
        "openai-responses",
        "openai-responses-f06a98a3b8.json",
        Usage(input=475, output=331, cache_read=1024, reasoning=100),
        dollars(input="1.75", output="14", cache_read="0.175"),
        5_644_450,
    ),
    # grok-4.3: a stream; 125 x 1,250 + 448 x 200 + 125 x 2,500
    Invoice(
        "openai-responses",
        "openai-responses-746f746340.json",
        Usage(input=125, output=125, cache_read=448, reasoning=117),
        dollars(input="1.25", output="2.5", cache_read="0.2"),
        558_350,
        billed=558_350,
    ),
    # grok-4.3: 62 x 1,250 + 192 x 200 + 222 x 2,500
    Invoice(
        "openai-responses",
        "openai-responses-8a55e8c7a1.json",
        Usage(input=62, output=222, cache_read=192, reasoning=213),
        dollars(input="1.25", output="2.5", cache_read="0.2"),
        670_900,
        billed=670_900,
    ),
    # openai/gpt-5.6-sol: at the prices of the day when it was recorded; 8 x 5,000 + 4,012 x 6,250 + 5 x
    # 30,000
    Invoice(
        "openai-responses",
        "openai-responses-16feda9e1b.json",
        Usage(input=8, output=5, cache_write=4012),
        dollars(input="5", output="30", cache_write="6.25"),
        25_265_000,
        billed=25_265_000,
    ),
    # deepseek-v4-flash: a stream; 56 x 300 + 384 x 6 + 14 x 1,200
    Invoice(
        "openai-responses",
        "openai-responses-f1b8a36f96.json",
        Usage(input=56, output=14, cache_read=384),
        dollars(input="0.3", output="1.2", cache_read="0.006"),
        35_904,
    ),
    # mistral-medium-latest: 206 x 1,500 + 48 x 150 + 93 x 7,500
    Invoice(
        "mistral",
        "mistral-d3566648af.json",
        Usage(input=206, output=93, cache_read=48),
        dollars(input="1.5", output="7.5", cache_read="0.15"),
        1_013_700,
    ),
    # gpt-3.5-turbo-instruct: 49 x 1,500 + 57 x 2,000
    Invoice(
        "openai-completions",
        "openai-completions-ef6176eb1d.json",
        Usage(input=49, output=57),
        dollars(input="1.5", output="2"),
        187_500,
    ),
]

# literal table: of our own, for those who have no recorded traffic
OWN_INVOICES = [
    # both lives of a cache entry; 12 x 3,000 + 2,048 x 300 + 100 x 3,750 + 200 x 6,000 + 5 x 15,000
    Invoice(
        "anthropic-messages",
        "cache/response.json",
        Usage(input=12, output=5, cache_read=2048, cache_write=100, cache_write_1h=200),
        dollars(input="3", output="15", cache_read="0.3", cache_write="3.75", cache_write_1h="6"),
        2_300_400,
    ),
    # 12 x 3,000 + 2,048 x 300 + 100 x 3,750 + 200 x 6,000 + 5 x 15,000
    Invoice(
        "anthropic-messages",
        "cache/stream.sse",
        Usage(input=12, output=5, cache_read=2048, cache_write=100, cache_write_1h=200),
        dollars(input="3", output="15", cache_read="0.3", cache_write="3.75", cache_write_1h="6"),
        2_300_400,
    ),
    # 100 + 180 in, 83 + 8 out; 280 x 3,000 + 55,000 x 300 + 10 x 3,750 + 91 x 15,000
    Invoice(
        "anthropic-messages",
        "compaction/stream.sse",
        Usage(input=280, output=91, cache_read=55_000, cache_write=10),
        dollars(input="3", output="15", cache_read="0.3", cache_write="3.75"),
        18_742_500,
    ),
    # 30 x 3,000 + 80 x 15,000
    Invoice(
        "anthropic-messages",
        "thinking-signed/stream.sse",
        Usage(input=30, output=80, reasoning=60),
        dollars(input="3", output="15"),
        1_290_000,
    ),
    # 128 x 2,500 + 1,920 x 1,250 + 1 x 10,000
    Invoice(
        "openai-chat",
        "cache/stream.sse",
        Usage(input=128, output=1, cache_read=1920),
        dollars(input="2.5", output="10", cache_read="1.25"),
        2_730_000,
    ),
    # 12 x 1,250 + 30 x 10,000
    Invoice(
        "openai-chat",
        "thinking/stream.sse",
        Usage(input=12, output=30, reasoning=22),
        dollars(input="1.25", output="10"),
        315_000,
    ),
    # 96 x 4,000 + 1,024 x 400 + 2,900 x 5,000 + 5 x 20,000
    Invoice(
        "openai-responses",
        "cache-usage/stream.sse",
        Usage(input=96, output=5, cache_read=1024, cache_write=2900),
        dollars(input="4", output="20", cache_read="0.4", cache_write="5"),
        15_393_600,
    ),
    # 904 x 300 + 4,096 x 30 + 2 x 2,500
    Invoice(
        "gemini",
        "cache-usage/stream.sse",
        Usage(input=904, output=2, cache_read=4096),
        dollars(input="0.3", output="2.5", cache_read="0.03"),
        399_080,
    ),
]


def read(wire: str, body: bytes, *, stream: bool) -> Usage | None:
    """Read the usage of an answer, as it is learnt while it is passed on."""
    codec = CODECS[Format.OPENAI_CHAT if wire == "mistral" else Format(wire)]
    if not stream:
        return codec.answer(body).usage
    watch = codec.watch(False)
    watch.feed(body)
    watch.close()
    return watch.usage


def check(invoice: Invoice, usage: Usage | None) -> None:
    assert usage == invoice.usage
    assert cost(invoice.price, invoice.usage) == invoice.nano


@pytest.mark.skipif(not TRAFFIC.exists(), reason="there is no recorded traffic beside this checkout")
@pytest.mark.parametrize("invoice", RECORDED, ids=lambda each: each.where.removesuffix(".json"))
def test_a_recorded_answer_costs_what_a_person_works_out(invoice: Invoice) -> None:
    exchange = json.loads((TRAFFIC / invoice.format / invoice.where).read_text("utf-8"))
    body = exchange["response_body"].encode()
    check(invoice, read(invoice.format, body, stream=exchange["stream"]))
    assert invoice.billed is None or invoice.billed == _billed(body.decode(), stream=exchange["stream"])


def _billed(body: str, *, stream: bool) -> int:
    """Find what the provider says that it took, in nano-dollars."""
    records = [line.removeprefix("data: ") for line in body.splitlines() if "cost_in_usd_ticks" in line]
    whole = json.loads(records[-1] if stream else body)
    usage = whole.get("usage") or whole["response"]["usage"]
    ticks = usage.get("cost_in_usd_ticks")
    nano: float = usage["cost"] * 1e9 if ticks is None else ticks / 10
    return round(nano)


@pytest.mark.parametrize("invoice", OWN_INVOICES, ids=lambda each: f"{each.format}/{each.where}")
def test_an_answer_of_our_own_costs_what_a_person_works_out(invoice: Invoice) -> None:
    body = (OWN / invoice.format / invoice.where).read_bytes()
    check(invoice, read(invoice.format, body, stream=not invoice.where.endswith(".json")))


def test_what_a_provider_took_is_what_we_work_out() -> None:
    billed = [invoice for invoice in RECORDED if invoice.billed is not None]
    assert len(billed) >= 5
    assert all(invoice.nano == invoice.billed for invoice in billed)


def test_the_invoices_have_every_class_of_tokens_that_providers_report() -> None:
    every = [invoice.usage for invoice in (*RECORDED, *OWN_INVOICES)]
    told = {name for usage in every for name in Usage.__struct_fields__ if getattr(usage, name)}
    assert told >= set(Usage.__struct_fields__) - {"audio_cache_read", "images"}
