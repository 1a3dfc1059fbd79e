"""Who may ask, from where, when, and for what: refused in the client's own format, and told in the audit log."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from omniroute.names import Format
from omniroute.storage.audit import REFUSED, AuditRow, Filter, rows, verify_file
from tests.support.client import Received, fetch
from tests.support.paid import CHAT, REQUESTS, Paid, code_of, key, paid, shown
from tests.support.waiting import LIMIT
from tests.support.wires import path_of

# literal table: what each format calls a refusal
FORBIDDEN: dict[Format, tuple[str, ...]] = {
    Format.OPENAI_CHAT: ("error", "type", "permission_error"),
    Format.OPENAI_RESPONSES: ("error", "type", "permission_error"),
    Format.OPENAI_COMPLETIONS: ("error", "type", "permission_error"),
    Format.ANTHROPIC_MESSAGES: ("error", "type", "permission_error"),
    Format.GEMINI: ("error", "status", "PERMISSION_DENIED"),
    Format.OLLAMA: ("omniroute", "code", "forbidden"),
}
COMBOS = '[aliases]\nfast = "house/small"\n[combos.both]\ntargets = ["house/large", "house/small"]\n'


def refused(answer: Received) -> tuple[int, Any]:
    return answer.status, code_of(answer)


async def told(made: Paid, count: int, actor: str = "") -> list[AuditRow]:
    """Stop the gateway, which then writes what it counted; the audit log tells of so many refusals."""
    await made.closed()
    found = rows(str(made.gateway.database), Filter(REFUSED, actor), 99)
    assert sum(row.count for row in found) == count
    assert verify_file(str(made.gateway.database)).broken is None
    return list(found)


def server(text: str) -> str:
    return f"[server]\n{text}\n"


# Models.


@pytest.mark.parametrize("wire", REQUESTS)
@pytest.mark.parametrize("policy", ['allow_models = ["house/small"]', 'deny_models = ["house/large"]'])
async def test_a_model_that_a_policy_does_not_allow_is_refused_in_the_clients_format(
    tmp_path: Path, wire: Format, policy: str
) -> None:
    async with paid(tmp_path, policy) as made:
        answer = await made.speak(wire)
        assert refused(answer) == (403, "forbidden")
        where, name, value = FORBIDDEN[wire]
        assert answer.json()[where][name] == value
        assert "policy 'paid'" in answer.body.decode()
        assert (await made.speak(wire, model="house/small")).status == 200
        assert (await made.speak(wire, key="free")).status == 200
        [row] = await told(made, 1)
        assert (row.actor, row.target) == ("alice", "house/large")
    assert len(made.upstream.requests) == 2
    rows_ = await made.closed()
    assert [(row.status, row.outcome, row.code, row.cost_nano) for row in rows_ if row.status != 200] == [
        (403, "refused", "forbidden", None)
    ]


@pytest.mark.parametrize(
    ("policy", "statuses"),
    [
        ('allow_models = ["both"]', {"both": 200, "fast": 403, "house/large": 403, "house/small": 403}),
        ('allow_models = ["fast"]', {"both": 403, "fast": 200, "house/large": 403, "house/small": 403}),
        ('allow_models = ["house/*"]', {"both": 200, "fast": 200, "house/large": 200, "house/small": 200}),
        ('deny_models = ["house/small"]', {"both": 200, "fast": 403, "house/large": 200, "house/small": 403}),
        ('deny_models = ["both"]', {"both": 403, "fast": 200, "house/large": 200, "house/small": 200}),
        (
            'allow_models = ["both", "fast"]\ndeny_models = ["house/large"]',
            {"both": 200, "fast": 200, "house/large": 403, "house/small": 403},
        ),
        ('deny_models = ["*"]', {"both": 403, "fast": 403, "house/large": 403, "house/small": 403}),
        ("allow_models = []", {"both": 403, "fast": 403, "house/large": 403, "house/small": 403}),
    ],
)
async def test_a_model_is_known_by_every_name_on_the_way_to_it(
    tmp_path: Path, policy: str, statuses: Mapping[str, int]
) -> None:
    async with paid(tmp_path, policy, COMBOS) as made:
        answers = {name: await made.ask({**CHAT, "model": name}) for name in statuses}
    assert {name: answer.status for name, answer in answers.items()} == statuses
    if "house/large" in policy and "deny" in policy:
        assert answers["both"].headers["x-omniroute-target"] == "house/small"


async def test_what_takes_over_for_a_spent_budget_must_be_allowed_as_well(tmp_path: Path) -> None:
    policy = 'budgets = ["team"]\nallow_models = ["house/large"]'
    more = 'on_exceed = { downgrade = "fast" }\n' + COMBOS
    async with paid(tmp_path, policy, more, limit="0 USD") as made:
        assert refused(await made.ask()) == (403, "forbidden")
        assert await made.stands() == (0, 0)
    assert made.upstream.requests == []


# Hours.


def hours(*, days_from_now: int) -> str:
    """A schedule of one whole day, which is today or so many days after it."""
    day = (datetime.now(UTC) + timedelta(days=days_from_now)).strftime("%a").lower()
    return f'schedule = {{ days = ["{day}"], hours = "00:00-00:00" }}'


@pytest.mark.parametrize("wire", REQUESTS)
async def test_outside_its_hours_a_key_is_refused_with_the_time_until_they_begin(tmp_path: Path, wire: Format) -> None:
    async with paid(tmp_path, hours(days_from_now=3)) as made:
        answer = await made.speak(wire)
        assert refused(answer) == (403, "forbidden")
        assert "policy 'paid' allows no requests at this hour; they are allowed again in 2d" in answer.body.decode()
        assert (await made.speak(wire, key="free")).status == 200
        [row] = await told(made, 1)
        assert (row.target, "at this hour" in row.detail) == (wire, True)


async def test_within_its_hours_a_key_may_ask_and_an_edited_schedule_holds_at_once(tmp_path: Path) -> None:
    always = 'schedule = { days = ["mon-sun"], hours = "00:00-00:00", timezone = "Europe/Berlin" }'
    async with paid(tmp_path, always) as made:
        assert (await made.ask()).status == 200
        text = (made.gateway.directory / "routes.toml").read_text("utf-8")
        made.gateway.write(text.replace(always, hours(days_from_now=3)))
        await made.generation(2)
        assert (await made.ask()).status == 403


# Addresses.


def from_(*addresses: str) -> dict[str, str]:
    return {"x-forwarded-for": ", ".join(addresses)}


INSIDE, OUTSIDE = from_("10.1.2.3"), from_("203.0.113.9")


@pytest.mark.parametrize(
    ("trusted", "headers", "status"),
    [
        ('["127.0.0.1"]', INSIDE, 200),
        ('["127.0.0.1"]', OUTSIDE, 403),
        ('["127.0.0.1"]', {}, 403),
        ('["127.0.0.1"]', from_("10.1.2.3", "203.0.113.9"), 403),
        ('["127.0.0.1"]', from_("203.0.113.9", "10.1.2.3"), 200),
        ('["127.0.0.1", "192.0.2.0/24"]', from_("10.1.2.3", "192.0.2.7"), 200),
        ('["127.0.0.1", "192.0.2.0/24"]', from_("10.1.2.3", "203.0.113.9", "192.0.2.7"), 403),
        ('["127.0.0.1"]', from_("::ffff:10.1.2.3"), 200),
        ('["127.0.0.1"]', from_("10.1.2.3:4711"), 200),
        ('["127.0.0.1"]', from_("unknown"), 403),
        ('["192.0.2.1"]', INSIDE, 403),
        ("[]", INSIDE, 403),
    ],
)
async def test_a_policy_lets_in_from_its_networks_and_only_a_trusted_proxy_says_where_that_is(
    tmp_path: Path, trusted: str, headers: dict[str, str], status: int
) -> None:
    async with paid(tmp_path, 'allow_ips = ["10.0.0.0/8"]', server(f"trusted_proxies = {trusted}")) as made:
        answer = await made.ask(CHAT, "alice", **headers)
        assert answer.status == status
        assert (await made.ask(CHAT, "free", **headers)).status == 200
        if status == 403:
            assert "allows no requests from this address" in answer.json()["error"]["message"]


FILTERS = {
    "allowlist": {"10.1.2.3": 200, "203.0.113.9": 403, "nonsense": 403},
    "blocklist": {"10.1.2.3": 403, "203.0.113.9": 200, "nonsense": 403},
    "off": {"10.1.2.3": 200, "203.0.113.9": 200, "nonsense": 200},
}


@pytest.mark.parametrize("mode", FILTERS)
async def test_the_filter_keeps_addresses_out_before_any_key_is_looked_at(tmp_path: Path, mode: str) -> None:
    more = server('trusted_proxies = ["127.0.0.1"]') + f'[ip_filter]\nmode = "{mode}"\nnetworks = ["10.0.0.0/8"]\n'
    async with paid(tmp_path, "", more) as made:
        for address, status in FILTERS[mode].items():
            for who in ("alice", "nobody", ""):
                answer = await made.ask(CHAT, who, **from_(address))
                assert answer.status == (status if who == "alice" or status == 403 else 401), (address, who)
            page = await fetch(f"{made.gateway.url}/v1/models", headers=shown("alice", from_(address)), method="GET")
            assert page.status == status


async def test_a_filter_that_is_edited_holds_for_the_next_request(tmp_path: Path) -> None:
    async with paid(tmp_path, "") as made:
        assert (await made.ask()).status == 200
        text = (made.gateway.directory / "routes.toml").read_text("utf-8")
        made.gateway.write(text + '[ip_filter]\nmode = "blocklist"\nnetworks = ["10.0.0.0/8"]\n')
        await made.generation(2)
        assert (await made.ask()).status == 200
        made.gateway.write(text + '[ip_filter]\nmode = "blocklist"\nnetworks = ["127.0.0.0/8", "::1"]\n')
        async with asyncio.timeout(LIMIT):
            while (await made.ask()).status != 403:
                await asyncio.sleep(0.02)
        assert (await made.ask(key="")).status == 403


# Keys, and what is told of those that are refused.


@pytest.mark.parametrize("wire", REQUESTS)
async def test_an_unknown_key_is_refused_and_told_by_its_address_and_never_by_itself(
    tmp_path: Path, wire: Format
) -> None:
    more = server('trusted_proxies = ["127.0.0.1"]')
    async with paid(tmp_path, "", more) as made:
        made_up = {"x-forwarded-for": "203.0.113.9"}
        body = {**REQUESTS[wire], "model": "house/large"}
        for who in ("made-up", ""):
            answer = await made.post(path_of(wire, "house/large", stream=False), body, who, headers=made_up)
            assert (answer.status, code_of(answer)) == (401, "invalid_api_key")
        page = await fetch(f"{made.gateway.url}/api/usage/budget", headers=shown("alice", made_up), method="GET")
        assert page.status == 403
        last, first = await told(made, 3, "203.0.113.9")
        assert (first.target, last.target, last.count) == (wire, wire, 2)
        assert "sk-made-up" not in first.detail + last.detail
    assert made.upstream.requests == []
    assert {(row.status, row.key) for row in await made.closed()} == {(401, "")}


async def test_keys_that_expired_or_lack_the_scope_are_refused_by_their_names(tmp_path: Path) -> None:
    old = key("old").replace("scopes", "expires = 2020-01-01\nscopes")
    async with paid(tmp_path, "", old) as made:
        expired, lacking = await made.ask(key="old"), await made.ask(key="watcher")
        assert (expired.status, "'old' has expired" in expired.json()["error"]["message"]) == (401, True)
        assert (lacking.status, "'inference'" in lacking.json()["error"]["message"]) == (403, True)
        last, first = await told(made, 2, "127.0.0.1")
        assert ("'old' has expired" in first.detail, "'watcher' may not do this" in last.detail) == (True, True)


# Conversations.


async def test_a_key_may_have_so_many_conversations_at_once(tmp_path: Path) -> None:
    async with paid(tmp_path, "max_sessions = 2") as made:

        async def say(session: str, who: str = "alice") -> Received:
            return await made.ask(CHAT, who, **({"x-session-id": session} if session else {}))

        assert [(await say(each)).status for each in ("a", "b", "a", "", "")] == [200] * 5
        third = await say("c")
        assert refused(third) == (429, "rate_limited")
        assert "2 conversations at once" in third.json()["error"]["message"]
        assert [(await say("c", who)).status for who in ("bob", "free")] == [200, 200]
        assert (await say("b")).status == 200
        assert [(await say("", who)).status for who in ("alice", "bob")] == [200, 200]


async def test_a_policy_for_everybody_holds_for_those_without_a_key(tmp_path: Path) -> None:
    more = (
        server("require_api_key = false")
        + '[defaults]\npolicy = "everybody"\n[policies.everybody]\nallow_models = ["house/small"]\n'
        "rate = { requests_per_minute = 1 }\n"
    )
    async with paid(tmp_path, "", more) as made:
        small = {**CHAT, "model": "house/small"}
        assert refused(await made.ask(key="")) == (403, "forbidden")
        # Who is refused his model has asked all the same.
        assert refused(await made.ask(small, "")) == (429, "rate_limited")
        assert (await made.ask(small, "free")).status == 200
        assert refused(await made.ask(small, "free")) == (429, "rate_limited")
        assert (await made.ask()).status == 200


async def test_a_path_that_names_its_provider_leads_past_no_policy(tmp_path: Path) -> None:
    more = '[combos.large]\ntargets = ["house/small"]\n'
    async with paid(tmp_path, 'allow_models = ["large"]', more) as made:
        body = {**CHAT, "model": "large"}
        assert (await made.ask(body)).status == 200
        direct = await made.post("/v1/providers/house/chat/completions", body)
        assert refused(direct) == (403, "forbidden")
    assert [each.json()["model"] for each in made.upstream.requests] == ["small"]
