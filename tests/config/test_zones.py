from datetime import UTC, datetime, timedelta

import pytest

from omniroute.config.zones import is_zone, zone, zone_names


def test_a_zone_is_found_by_its_name() -> None:
    assert datetime(2026, 7, 1, tzinfo=zone("Europe/Berlin")).utcoffset() == timedelta(hours=2)


def test_the_default_needs_no_database() -> None:
    assert zone("UTC") is UTC


@pytest.mark.parametrize("name", ["Europe/Belin", "America", "../Europe/Berlin", "/etc/passwd", "", "a\0b"])
def test_what_is_no_zone_is_not_known(name: str) -> None:
    assert not is_zone(name)
    with pytest.raises(KeyError):
        zone(name)


def test_all_names_are_of_zones() -> None:
    names = zone_names()
    assert {"UTC", "Europe/Berlin"} <= names
    assert all(map(is_zone, sorted(names)[:20]))
