"""Document → snapshot, the part about callers: keys, policies, budgets, addresses, and the caches that answer them.

Always true: as in ``config.compile``, whose other half this is. A budget that several policies name is one object.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from ipaddress import ip_network
from types import MappingProxyType

from omniroute.config import document as written
from omniroute.config import units
from omniroute.config.document.access import Budget as WrittenBudget
from omniroute.config.document.access import Downgrade, PolicyCache
from omniroute.config.document.access import Key as WrittenKey
from omniroute.config.document.access import Policy as WrittenPolicy
from omniroute.config.document.access import Schedule as WrittenSchedule
from omniroute.config.document.base import Rate as WrittenRate
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
from omniroute.config.snapshot import Key

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The days as they are written, Monday first."""


def budgets(document: written.Document) -> Mapping[str, Budget]:
    """Compile the budgets."""
    return MappingProxyType({name: _budget(name, each) for name, each in document.budgets.items()})


def policies(document: written.Document, purses: Mapping[str, Budget]) -> Mapping[str, Policy]:
    """Compile the policies, which are paid from these budgets."""
    return MappingProxyType({name: _policy(name, each, purses) for name, each in document.policies.items()})


def anonymous(document: written.Document, known: Mapping[str, Policy]) -> Policy | None:
    """Give the policy of whoever names none."""
    return known[document.defaults.policy] if document.defaults.policy is not None else None


def keys(document: written.Document, known: Mapping[str, Policy]) -> Mapping[str, Key]:
    """Compile the client keys, by their SHA-256; one that names no policy has that of the defaults."""
    default = anonymous(document, known)
    return MappingProxyType(
        {
            each.sha256: _key(name, each, known[each.policy] if each.policy is not None else default)
            for name, each in document.keys.items()
        }
    )


def ip_filter(document: written.Document) -> IpFilter:
    """Compile who may connect at all."""
    return IpFilter(document.ip_filter.mode, networks(document.ip_filter.networks))


def caches(document: written.Document) -> Caches:
    """Compile the caches: those that are off are absent."""
    exact, semantic = document.cache.exact, document.cache.semantic
    return Caches(
        exact=ExactCache(exact.max_entries, units.size(exact.max_bytes), units.seconds(exact.ttl)) if exact else None,
        semantic=SemanticCache(
            semantic.embedder, float(semantic.threshold), semantic.max_entries, units.seconds(semantic.ttl)
        )
        if semantic is not None and semantic.enabled and semantic.embedder is not None
        else None,
        window=units.seconds(document.idempotency.window),
    )


def networks(listed: Iterable[str]) -> tuple[Network, ...]:
    """Compile addresses and networks."""
    return tuple(map(network, listed))


def network(text: str) -> Network:
    """Compile an address or a network in CIDR notation (RFC 4632, RFC 4291); one of mapped addresses is of IPv4.

    Raises:
        ValueError: it is neither, or has bits set behind its prefix.
    """
    found = ip_network(text)
    first, last = int(found.network_address), int(found.broadcast_address)
    mapped = 0xFFFF << 32
    if found.version == 6 and first >> 32 == last >> 32 == mapped >> 32:
        return Network(4, first - mapped, last - mapped)
    return Network(found.version, first, last)


def rate(limits: WrittenRate) -> Rate:
    """Compile how much may be asked for."""
    return Rate(limits.requests_per_minute, limits.tokens_per_minute, limits.concurrent)


def schedule(times: WrittenSchedule) -> Schedule:
    """Compile when a caller may ask; a range of days may go past Sunday."""
    days: set[int] = set()
    for each in times.days:
        first, _, last = each.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days.update((begin + offset) % 7 for offset in range((end - begin) % 7 + 1))
    since, _, until = times.hours.partition("-")
    return Schedule(frozenset(days), _minutes(since), _minutes(until), times.timezone)


def expiry(moment: date | datetime) -> int:
    """Give the Unix time from which on a key is refused; a date means its beginning, in UTC."""
    at = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return int(at.timestamp())


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _key(name: str, key: WrittenKey, policy: Policy | None) -> Key:
    ends = expiry(key.expires) if key.expires is not None else None
    return Key(name, key.sha256, frozenset(key.scopes), ends, policy)


def _budget(name: str, budget: WrittenBudget) -> Budget:
    downgrade = budget.on_exceed.downgrade if isinstance(budget.on_exceed, Downgrade) else None
    return Budget(
        name=name,
        limit=units.money(budget.limit),
        period=budget.period,
        timezone=budget.timezone,
        warn_at=float(budget.warn_at),
        on_exceed="downgrade" if isinstance(budget.on_exceed, Downgrade) else budget.on_exceed,
        downgrade=downgrade,
    )


def _policy(name: str, policy: WrittenPolicy, purses: Mapping[str, Budget]) -> Policy:
    thinking, prompt = policy.thinking_budget, policy.system_prompt
    return Policy(
        name=name,
        allow=policy.allow_models,
        deny=policy.deny_models,
        rate=rate(policy.rate),
        budgets=tuple(purses[each] for each in dict.fromkeys(policy.budgets)),
        on_loss=policy.on_loss,
        cache=_use(policy.cache),
        schedule=schedule(policy.schedule) if policy.schedule is not None else None,
        networks=networks(policy.allow_ips),
        thinking=Thinking(thinking.mode, thinking.budget, thinking.effort),
        system_prompt=Prompt(prompt.mode, prompt.text) if prompt is not None else None,
        sessions=policy.max_sessions,
    )


def _use(cache: PolicyCache) -> CacheUse:
    return CacheUse(cache.exact, cache.semantic, units.seconds(cache.ttl) if cache.ttl is not None else None)
