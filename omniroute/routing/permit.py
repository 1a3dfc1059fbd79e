"""What a policy lets its callers do: which models, when, and from where.

Always true: everything here is a function of its arguments, and time zones. What is remembered between calls only
saves work: of the configuration, its patterns and hours; of clients, a bounded number of addresses.

**Models.** A request is known by every name on the way to a target: what was asked, the aliases that it led through,
the combo, and the target's own ``provider/model``. A target is refused where any of these is denied, or where models
are allowed and none of these is one of them. So who allows a combo by its name allows what it lists, and who denies a
model denies it behind every name.

**Times.** A moment that a change of clocks skips is read with the offset before it, and one that comes twice is the
first (RFC 5545 §3.3.5).

**Addresses.** ``X-Forwarded-For`` is written by whoever sends the request, and each proxy adds to its right whom it
heard from. Only what a trusted proxy added is believed.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from omniroute.config.patterns import ALL, Patterns, patterns
from omniroute.config.policy import IpFilter, Network, Policy, Schedule
from omniroute.config.snapshot import Target
from omniroute.config.source import Path
from omniroute.config.zones import zone
from omniroute.errors import Forbidden
from omniroute.routing.resolve import Resolved

_DAY = 86_400
_LONGEST_ADDRESS = 64
"""No address is longer, with its zone and its port."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """An address of a client as a number; version 0 is one that cannot be known, which is in no network."""

    version: int
    value: int


UNKNOWN = Address(0, 0)
"""Where a request came from that a trusted proxy says something about which is no address."""


def names_on_way(asked: str, resolved: Resolved) -> tuple[str, ...]:
    """Give the name that was asked for, and those that it led through before a target."""
    if not resolved.way:
        return (asked,)
    return (asked, *(name for _, name in resolved.way))


def allowed(policy: Policy | None, asked: str, resolved: Resolved, *, dedicated: bool = False) -> tuple[Target, ...]:
    """Give the targets that a caller may be answered by: the very same tuple where that is all of them.

    Args:
        policy: the caller's.
        asked: the name that was asked for.
        resolved: what it stands for.
        dedicated: the path named the provider. There the name is that of one of its models, whatever combo, alias or
            other provider's model has the same name: it may deny, and only ``provider/model`` may allow.

    Raises:
        Forbidden: it may be answered by none.
    """
    if policy is None or (policy.allow is None and not policy.deny):
        return resolved.targets
    names = names_on_way(asked, resolved)
    denied = patterns(policy.deny)
    for name in names:
        if denied.hold(name):
            raise _forbidden(asked, f"policy '{policy.name}' denies '{name}'", decisive(policy, name))
    every = policy.allow is None or (not dedicated and _holds_any(policy.allow, names))
    listed = ALL if every else patterns(policy.allow or ())
    left = tuple([each for each in resolved.targets if listed.hold(each.id) and not denied.hold(each.id)])
    if not left:
        by = decisive(policy, *(each.id for each in resolved.targets))
        raise _forbidden(asked, _because(policy, resolved.targets, denied), by)
    return left


def _holds_any(allow: tuple[str, ...], names: Sequence[str]) -> bool:
    """Say whether any of the names on the way is allowed."""
    return any(map(patterns(allow).hold, names))


def _because(policy: Policy, targets: Iterable[Target], denied: Patterns) -> str:
    """Say why a policy leaves none of these targets."""
    words = {each.id: "denies" if denied.hold(each.id) else "does not allow" for each in targets}
    return "; ".join(f"policy '{policy.name}' {word} '{target}'" for target, word in words.items())


def decisive(policy: Policy, *names: str) -> Path:
    """Give the key by which a policy keeps names out: the first that denies one of them, else what it allows."""
    for name in names:
        for index, each in enumerate(policy.deny):
            if patterns((each,)).hold(name):
                return ("policies", policy.name, "deny_models", index)
    return ("policies", policy.name, "allow_models")


def _forbidden(asked: str, reason: str, by: Path) -> Forbidden:
    return Forbidden(f"model '{asked}' may not be asked for here: {reason}", by)


def open_now(schedule: Schedule, now: float) -> float | None:
    """Give None where a schedule is open, else in how many seconds it opens; a day, where it does so in no near week.

    Args:
        schedule: the schedule; its time zone is known.
        now: Unix seconds.
    """
    for since, until in _windows(schedule, int(now // _DAY)):
        if now < since:
            return since - now
        if now < until:
            return None
    return float(_DAY)


def written_address(address: Address) -> str:
    """Write an address; empty for one that cannot be known."""
    if address.version == UNKNOWN.version:
        return ""
    return str(IPv4Address(address.value) if address.version == 4 else IPv6Address(address.value))


def inside(networks: Iterable[Network], address: Address) -> bool:
    """Say whether an address is in one of these networks."""
    version, value = address.version, address.value
    return any(each.first <= value <= each.last and each.version == version for each in networks)


def lets_in(rule: IpFilter, address: Address) -> bool:
    """Say whether a filter lets an address in; one that cannot be known is kept out by either list."""
    if rule.mode == "off":
        return True
    return address.version != UNKNOWN.version and inside(rule.networks, address) == (rule.mode == "allowlist")


def client_address(peer: str | None, forwarded: Sequence[bytes], trusted: Sequence[Network]) -> Address:
    """Find out where a request came from.

    Args:
        peer: the address at the other end of the connection, None where it has none (a Unix socket).
        forwarded: the values of its ``X-Forwarded-For`` headers, in order.
        trusted: the proxies that are believed.

    Returns:
        The first address from the right that is no trusted proxy's, else the leftmost; ``UNKNOWN`` where a trusted
        proxy passed on something that is no address.
    """
    found = parse_address(peer) if peer is not None else UNKNOWN
    if not trusted or not forwarded or not inside(trusted, found):
        return found
    for entry in reversed(b",".join(forwarded).split(b",")):
        text = entry.strip()
        if not text:
            continue
        found = parse_address(text.decode("latin-1"))
        if not inside(trusted, found):
            return found
    return found


def parse_address(text: str) -> Address:
    """Read an address, with a port and brackets or a zone or without; an IPv4 address in IPv6 is of IPv4.

    Returns:
        The address, or ``UNKNOWN`` where it is none.
    """
    return _parsed(text) if len(text) <= _LONGEST_ADDRESS else UNKNOWN


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    mapped = found.ipv4_mapped if found.version == 6 else None
    return Address(4, int(mapped)) if mapped is not None else Address(found.version, int(found))


@lru_cache(maxsize=256)
def _windows(schedule: Schedule, day: int) -> tuple[tuple[float, float], ...]:
    """Give when a schedule is open, in Unix seconds: from before a day since 1970 (UTC) to more than a week after."""
    around = (date(1970, 1, 1) + timedelta(days=day + offset) for offset in range(-2, 10))
    every = (_window(schedule, each) for each in around if each.weekday() in schedule.days)
    return tuple((since, until) for since, until in every if since < until)


def _window(schedule: Schedule, day: date) -> tuple[float, float]:
    """Give the hours that begin on a day of the schedule's own time zone."""
    ends = day if schedule.until > schedule.since else day + timedelta(days=1)
    place = zone(schedule.timezone)
    since = datetime(day.year, day.month, day.day, *divmod(schedule.since, 60), tzinfo=place)
    until = datetime(ends.year, ends.month, ends.day, *divmod(schedule.until, 60), tzinfo=place)
    return since.timestamp(), until.timestamp()
