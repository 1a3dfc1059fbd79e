from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest

from omniroute.config.compile_access import expiry, network, schedule
from omniroute.config.document.access import Schedule as WrittenSchedule
from omniroute.config.policy import (
    Budget,
    Caches,
    CacheUse,
    ExactCache,
    IpFilter,
    Network,
    Policy,
    Prompt,
    Rate,
    Schedule,
    SemanticCache,
    Thinking,
)
from tests.support.written import HOUSE, snapshot

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
OTHER = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
TEN = Network(4, 10 << 24, (11 << 24) - 1)
EVERYTHING = f"""
{HOUSE}
rate = {{ requests_per_minute = 500, concurrent = 9 }}
[aliases]
fast = "house/m"
[server]
trusted_proxies = ["10.0.0.0/8"]
[runtime]
retention = "90d"
[keys.alice]
sha256 = "{HASH}"
policy = "engineers"
[policies.engineers]
allow_models = ["fast", "house/*"]
deny_models = ["house/huge"]
rate = {{ requests_per_minute = 120, tokens_per_minute = 400_000, concurrent = 20 }}
max_sessions = 7
budgets = ["team", "own", "team"]
on_loss = "refuse"
cache = {{ exact = false, semantic = true, ttl = "1h" }}
schedule = {{ days = ["mon-fri"], hours = "08:00-20:00", timezone = "Europe/Berlin" }}
allow_ips = ["10.0.0.0/8"]
thinking_budget = {{ mode = "custom", budget = 2048 }}
system_prompt = {{ mode = "replace", text = "Be brief." }}
[budgets.team]
limit = "200.00 USD"
period = "weekly"
timezone = "Europe/Berlin"
warn_at = 1
on_exceed = {{ downgrade = "fast" }}
[budgets.own]
limit = "5 USD"
on_exceed = "warn"
[ip_filter]
mode = "blocklist"
networks = ["192.0.2.1"]
[cache]
exact = {{ max_entries = 5, max_bytes = "1MiB", ttl = "1m" }}
semantic = {{ enabled = true, embedder = "house/e", threshold = 0.9, max_entries = 6, ttl = "2m" }}
[idempotency]
window = "9s"
"""
TEAM = Budget("team", 200 * 10**9, "weekly", "Europe/Berlin", 1.0, "downgrade", "fast")
OWN = Budget("own", 5 * 10**9, on_exceed="warn")


def test_everything_about_callers_is_compiled() -> None:
    made = snapshot(EVERYTHING)
    policy = made.policies["engineers"]
    assert policy == Policy(
        name="engineers",
        allow=("fast", "house/*"),
        deny=("house/huge",),
        rate=Rate(120, 400_000, 20),
        budgets=(TEAM, OWN),
        on_loss="refuse",
        cache=CacheUse(exact=False, semantic=True, ttl=3600.0),
        schedule=Schedule(frozenset(range(5)), 480, 1200, "Europe/Berlin"),
        networks=(TEN,),
        thinking=Thinking("custom", 2048),
        system_prompt=Prompt("replace", "Be brief."),
        sessions=7,
    )
    assert made.keys[HASH].policy is policy
    assert made.anonymous is None
    assert dict(made.budgets) == {"team": TEAM, "own": OWN}
    assert policy.budgets[0] is made.budgets["team"]
    assert made.ip_filter == IpFilter("blocklist", (Network(4, 0xC0000201, 0xC0000201),))
    assert made.caches == Caches(ExactCache(5, 2**20, 60.0), SemanticCache("house/e", 0.9, 6, 120.0), 9.0)
    assert made.server.trusted_proxies == (TEN,)
    assert made.retention == 90 * 86_400
    assert made.providers["house"].rate == Rate(500, None, 9)


def test_what_is_not_written_is_what_the_compiled_form_has_by_default() -> None:
    made = snapshot(f"{HOUSE}[defaults]\npolicy = 'p'\n[policies.p]\n")
    assert made.policies["p"] == Policy("p")
    assert (made.ip_filter, made.caches, made.retention) == (IpFilter(), Caches(), None)
    assert (made.server.trusted_proxies, made.providers["house"].rate) == ((), Rate())
    cached = snapshot(f"{HOUSE}[cache]\nexact = {{}}\nsemantic = {{}}\n").caches
    assert cached == Caches(ExactCache())


def test_the_policy_of_the_defaults_holds_for_keys_that_name_none_and_for_callers_without_a_key() -> None:
    made = snapshot(
        f'{HOUSE}[defaults]\npolicy = "all"\n[policies]\nall = {{}}\nown = {{}}\n'
        f'[keys]\na = {{ sha256 = "{HASH}" }}\nb = {{ sha256 = "{OTHER}", policy = "own" }}\n'
    )
    assert made.anonymous is made.policies["all"]
    assert made.keys[HASH].policy is made.policies["all"]
    assert made.keys[OTHER].policy is made.policies["own"]


MEANINGS = (
    ("requests_per_minute = 120", "requests_per_minute = 121"),
    ("max_sessions = 7", "max_sessions = 8"),
    ('hours = "08:00-20:00"', 'hours = "08:00-20:01"'),
    ("mon-fri", "mon-thu"),
    ('allow_ips = ["10.0.0.0/8"]', 'allow_ips = ["10.0.0.0/9"]'),
    ("budget = 2048", "budget = 2049"),
    ("Be brief.", "Be long."),
    ('"team", "own", "team"', '"own", "team"'),
    ("200.00 USD", "200.01 USD"),
    ("warn_at = 1", "warn_at = 0.5"),
    ('downgrade = "fast"', 'downgrade = "house/m"'),
    ("blocklist", "off"),
    ("threshold = 0.9", "threshold = 0.91"),
    ('window = "9s"', 'window = "8s"'),
    ('trusted_proxies = ["10.0.0.0/8"]', "trusted_proxies = []"),
    ('retention = "90d"', 'retention = "91d"'),
    ("concurrent = 9", "concurrent = 8"),
    ('policy = "engineers"', ""),
    ('deny_models = ["house/huge"]', ""),
    ("[runtime]", "[defaults]\npolicy = 'engineers'\n[runtime]"),
)


@pytest.mark.parametrize(("before", "after"), MEANINGS)
def test_another_meaning_has_another_id(before: str, after: str) -> None:
    assert before in EVERYTHING
    assert snapshot(EVERYTHING).id != snapshot(EVERYTHING.replace(before, after, 1)).id


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("warn_at = 1", "warn_at = 1.0"),
        ("200.00 USD", "200 USD"),
        ('["mon-fri"]', '["fri", "mon-thu"]'),
        ('"team", "own", "team"', '"team", "own"'),
        ('retention = "90d"', 'retention = "2160h"'),
        ('ttl = "1h"', 'ttl = "60m"'),
        ("192.0.2.1", "192.0.2.1/32"),
    ],
)
def test_the_same_meaning_in_other_words_has_the_same_id(before: str, after: str) -> None:
    assert before in EVERYTHING
    assert snapshot(EVERYTHING).id == snapshot(EVERYTHING.replace(before, after, 1)).id


@pytest.mark.parametrize(
    ("days", "hours", "expected"),
    [
        (["mon"], "00:00-00:00", ({0}, 0, 0)),
        (["sat-sun", "wed"], "09:30-17:00", ({2, 5, 6}, 570, 1020)),
        (["fri-mon"], "22:00-06:00", ({4, 5, 6, 0}, 1320, 360)),
        (["sun-sun"], "00:00-23:59", ({6}, 0, 1439)),
    ],
)
def test_days_and_hours_are_counted(days: Sequence[str], hours: str, expected: tuple[set[int], int, int]) -> None:
    made = schedule(WrittenSchedule(days=tuple(days), hours=hours))
    assert made == Schedule(frozenset(expected[0]), *expected[1:])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", Network(4, 2130706433, 2130706433)),
        ("0.0.0.0/0", Network(4, 0, 2**32 - 1)),
        ("::1", Network(6, 1, 1)),
        ("2001:db8::/127", Network(6, 0x20010DB8 << 96, (0x20010DB8 << 96) + 1)),
        ("::ffff:10.0.0.0/104", TEN),
        ("::/80", Network(6, 0, (1 << 48) - 1)),
    ],
)
def test_a_network_is_its_first_and_its_last_address(text: str, expected: Network) -> None:
    assert network(text) == expected


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "256.0.0.1", "1:2", "::/129", "10.0.0"])
def test_what_is_no_network_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        network(text)


def test_a_date_means_the_beginning_of_its_day_in_utc() -> None:
    assert expiry(date(1970, 1, 2)) == 86400
    assert expiry(datetime(1970, 1, 2, 1, tzinfo=UTC)) == 90000
