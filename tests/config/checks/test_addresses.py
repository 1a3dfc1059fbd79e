import pytest

from tests.support.written import HOUSE, codes, mended, only, text_at

USED = f'{HOUSE}[defaults]\npolicy = "p"\n'


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("10.0.0.0/33", "neither an address nor a network"),
        ("999.1.1.1", "neither an address nor a network"),
        ("1:2", "neither an address nor a network"),
        ("10.0.0.1/8", "bits behind the prefix are set"),
        ("2001:db8::1/64", "bits behind the prefix are set"),
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        HOUSE + '[server]\ntrusted_proxies = ["{}"]\n',
        HOUSE + '[ip_filter]\nnetworks = ["{}"]\n',
        USED + '[policies.p]\nallow_ips = ["{}"]\n',
    ],
)
def test_what_is_no_network_is_found_wherever_it_stands(place: str, text: str, label: str) -> None:
    finding = only(place.format(text))
    assert (finding.code, finding.label, text_at(finding)) == ("OR2004", label, f'"{text}"')
    if finding.fix:
        assert codes(mended(place.format(text), finding)) == []


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_proxies_that_are_everybody_are_found(network: str) -> None:
    finding = only(f'{HOUSE}[server]\ntrusted_proxies = ["127.0.0.1", "{network}"]\n')
    assert (finding.code, finding.severity, text_at(finding)) == ("OR4004", "warning", f'"{network}"')
    assert codes(f'{HOUSE}[server]\ntrusted_proxies = ["0.0.0.0/1"]\n') == []


@pytest.mark.parametrize(
    ("rule", "allowed", "kept_out"),
    [
        ('mode = "allowlist"\nnetworks = ["10.0.0.0/8", "127.0.0.1"]', "10.7.0.0/16", False),
        ('mode = "allowlist"\nnetworks = ["10.7.0.0/16", "127.0.0.1"]', "10.0.0.0/8", False),
        ('mode = "allowlist"\nnetworks = ["10.0.0.0/8", "127.0.0.1"]', "11.0.0.0/8", True),
        ('mode = "allowlist"\nnetworks = ["::/0", "127.0.0.1"]', "10.0.0.0/8", True),
        ('mode = "blocklist"\nnetworks = ["10.0.0.0/8"]', "10.7.0.0/16", True),
        ('mode = "blocklist"\nnetworks = ["10.7.0.0/16"]', "10.0.0.0/8", False),
        ('mode = "off"\nnetworks = ["11.0.0.0/8"]', "10.0.0.0/8", False),
    ],
)
def test_a_policy_whose_addresses_the_filter_keeps_out_is_found(rule: str, allowed: str, kept_out: bool) -> None:
    text = f'{USED}[ip_filter]\n{rule}\n[policies.p]\nallow_ips = ["{allowed}"]\n'
    assert codes(text) == (["OR5025"] if kept_out else [])


@pytest.mark.parametrize(
    ("rule", "out"),
    [
        ('mode = "allowlist"\nnetworks = ["10.0.0.0/8"]', "127.0.0.1 and ::1"),
        ('mode = "allowlist"\nnetworks = ["::1"]', "127.0.0.1"),
        ('mode = "allowlist"\nnetworks = ["127.0.0.0/8"]', None),
        ('mode = "allowlist"', "127.0.0.1 and ::1"),
        ('mode = "blocklist"\nnetworks = ["127.0.0.1"]', "127.0.0.1"),
        ('mode = "blocklist"\nnetworks = ["10.0.0.0/8"]', None),
        ('networks = ["10.0.0.0/8"]', None),
    ],
)
def test_a_filter_that_keeps_this_machine_out_gets_a_hint(rule: str, out: str | None) -> None:
    text = f"{HOUSE}[ip_filter]\n{rule}\n"
    if out is None:
        assert codes(text) == []
        return
    finding = only(text)
    assert (finding.code, finding.severity, finding.summary) == ("OR5026", "hint", f"`[ip_filter]` keeps out {out}")
