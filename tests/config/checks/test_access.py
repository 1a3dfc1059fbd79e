from datetime import date

import pytest

from omniroute.config.load import load
from omniroute.config.source import Source
from tests.support.written import HOUSE, SCHEMA, SHIPPED, TODAY, codes, loaded, only, text_at

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ALICE = f'[keys.alice]\nsha256 = "{HASH}"\n'


def test_two_names_for_one_client_key_are_found() -> None:
    finding = only(f'{HOUSE}{ALICE}[keys.bob]\nsha256 = "{HASH}"\n')
    assert (finding.code, finding.summary) == ("OR4002", "keys `alice` and `bob` are the same key")
    assert len(finding.related) == 1
    assert finding.hint == "make a new one: omniroute key new bob"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "gateway.example"])
def test_a_door_that_stands_open_is_found(host: str) -> None:
    finding = only(f'[server]\nhost = "{host}"\nrequire_api_key = false\n{HOUSE}')
    assert (finding.code, finding.severity) == ("OR4003", "warning")
    assert text_at(finding) == "false"


@pytest.mark.parametrize(
    "server",
    [
        'host = "127.0.0.1"',
        'host = "localhost"',
        'host = "::1"',
        'host = "127.8.9.1"\nrequire_api_key = false',
        'host = "0.0.0.0"',
        'host = "0.0.0.0"\nrequire_api_key = true',
    ],
)
def test_a_door_that_is_shut_or_leads_nowhere_is_let_be(server: str) -> None:
    assert codes(f"[server]\n{server}\n{HOUSE}") == []


@pytest.mark.parametrize(
    ("expires", "today", "expired"),
    [
        ("2026-11-22", date(2026, 11, 22), True),
        ("2026-11-22", date(2026, 11, 21), False),
        ("2026-11-22T00:00:00Z", date(2026, 11, 22), True),
        ("2026-11-22T00:00:01Z", date(2026, 11, 22), False),
        ("2026-11-22T01:00:00+02:00", date(2026, 11, 22), True),
    ],
)
def test_a_key_has_expired_from_the_beginning_of_its_day_on(expires: str, today: date, expired: bool) -> None:
    result = loaded(f"{HOUSE}{ALICE}expires = {expires}\n", today=today)
    assert [each.code for each in result.diagnostics] == (["OR5003"] if expired else [])
    assert result.snapshot is not None


@pytest.mark.parametrize(
    ("first_line", "named"),
    [
        ("#:schema ../schemas/omniroute.schema.json", True),
        ("#:schema https://example.org/omniroute.schema.json", True),
        ("# a comment", False),
        ("# :schema x", False),
        ("", False),
    ],
)
def test_a_file_whose_first_line_does_not_name_the_schema_gets_a_hint(first_line: str, named: bool) -> None:
    sources = [Source("a.toml", "#:schema x\n"), Source("b.toml", f"{first_line}\n{HOUSE}")]
    result = load(SHIPPED, sources, SCHEMA, TODAY)
    findings = [(each.code, each.severity, each.place and each.place.source.name) for each in result.diagnostics]
    assert findings == ([] if named else [("OR5001", "hint", "b.toml")])
    assert result.snapshot is not None
