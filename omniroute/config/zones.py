"""Time zones by their IANA names.

Always true: ``UTC`` is known everywhere; the others are read by ``zoneinfo`` from the system's database, or from the
``tzdata`` package where the system has none.
"""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, available_timezones


def zone(name: str) -> tzinfo:
    """Find a time zone that is known.

    Raises:
        KeyError: there is none of this name.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not there; a folder of them, such as America; not the form of a name
        raise KeyError(name) from None


def is_zone(name: str) -> bool:
    """Say whether there is a time zone of this name."""
    try:
        zone(name)
    except KeyError:
        return False
    return True


def zone_names() -> frozenset[str]:
    """Give the names of all time zones; this reads the whole database."""
    return frozenset(available_timezones()) | {"UTC"}
