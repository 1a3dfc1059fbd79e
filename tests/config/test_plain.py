import pytest

from tests.support.written import HOUSE, codes, found, loaded, mended, only, text_at

KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789"


def test_a_key_in_clear_is_found_and_hidden_and_never_repeated() -> None:
    finding = only(f'[providers.acme]\napi_key = "{KEY}"\n')
    assert finding.code == "OR4001"
    assert finding.masked
    assert text_at(finding) == f'"{KEY}"'
    assert finding.label == f"{len(KEY)} characters, looks like an API key"
    assert finding.summary == "secret written in clear: `api_key` of provider `acme`"
    words = (finding.summary, finding.label, finding.hint, finding.note, finding.fix)
    assert KEY[:6] not in repr(words)
    assert "replaced by its issuer" in finding.note


def test_the_hint_is_the_variable_that_people_use_or_one_of_the_providers_name() -> None:
    assert only('[providers.acme]\napi_key = "x"\n').hint == 'write api_key = "env:ACME_KEY"'
    own = "[providers.my-own.x]\n".replace(".x]", "]") + 'base_url = "http://h/v1"\napi_key = "hunter2"\n'
    assert only(own).hint == 'write api_key = "env:MY_OWN_API_KEY"'
    assert only(own).label == "7 characters, not a reference"
    assert only(own.replace("hunter2", "x")).label == "1 character, not a reference"


def test_every_key_of_a_provider_is_looked_at() -> None:
    text = f'[[providers.acme.credentials]]\nname = "a"\napi_key = "{KEY}"\n'
    assert only(text).path == ("providers", "acme", "credentials", 0, "api_key")


@pytest.mark.parametrize("value", ["ACME_API_KEY", "$ACME_API_KEY", "${ACME_API_KEY}"])
def test_the_name_of_a_variable_is_no_secret_and_is_mended(value: str) -> None:
    text = f'[providers.acme]\napi_key = "{value}"\n'
    finding = only(text)
    assert finding.code == "OR2004"
    assert not finding.masked
    assert codes(mended(text, finding)) == []


@pytest.mark.parametrize("value", ["env:", "env:MY-KEY", "keyring:x", "file:", "env:1A"])
def test_a_reference_that_cannot_be_looked_up_is_no_reference(value: str) -> None:
    finding = only(f'[providers.acme]\napi_key = "{value}"\n')
    assert (finding.code, finding.hint) == ("OR2004", "write env:NAME, file:PATH or keyring:SERVICE/NAME")
    assert finding.masked


def test_a_secret_behind_a_scheme_is_a_secret() -> None:
    assert only(f'[providers.acme]\napi_key = "env:{KEY}"\n').code == "OR4001"


@pytest.mark.parametrize("value", ["env:A", "file:/run/secrets/a b", "keyring:omniroute/acme"])
def test_references_are_taken(value: str) -> None:
    assert codes(f'[server]\nport = 1\n[providers.acme]\napi_key = "{value}"\n') == []


@pytest.mark.parametrize(
    "text",
    [
        f'[providers.house.headers]\nx-key = "{KEY}"',
        '[providers.house.headers]\nAuthorization = "hunter2"',
        '[providers.house.headers]\nx-api-key = "hunter2"',
        f'[aliases]\nfast = "house/{KEY}"',
        '[providers.house]\nproxy = "http://user:password@127.0.0.1:3128"',
    ],
)
def test_a_secret_is_found_wherever_it_stands(text: str) -> None:
    whole = f"{HOUSE}{text}\n".replace("[providers.house]\nproxy", "proxy")
    secrets = [each for each in found(whole) if each.code == "OR4001"]
    assert len(secrets) == 1
    assert secrets[0].masked


def test_a_secret_under_an_unknown_key_is_found_as_well() -> None:
    findings = found(f'[providers.acme]\napi_key = "env:A"\napikey = ["{KEY}"]\n')
    assert {each.code for each in findings} == {"OR2003", "OR4001"}


def test_a_value_that_only_looks_like_a_secret_may_be_allowed_with_a_reason() -> None:
    text = f'{HOUSE}[providers.house.headers]\nx-build = "{KEY}" # omniroute: allow(OR4001) a public build id\n'
    result = loaded(text)
    assert result.diagnostics == ()
    assert result.snapshot is not None
    assert result.snapshot.providers["house"].headers == (("x-build", KEY),)


def test_a_secret_as_a_target_is_not_repeated_by_the_checks() -> None:
    findings = found(f'{HOUSE}[aliases]\nfast = "{KEY}"\n')
    assert {each.code for each in findings} == {"OR3002", "OR4001"}
    assert KEY not in repr([(each.summary, each.label, each.hint) for each in findings])


def test_what_is_allowed_is_still_checked() -> None:
    text = f'[providers.own.headers]\nx-build = "{KEY}" # omniroute: allow(OR4001) a public build id\n'
    assert codes(text) == ["OR3003"]


def test_a_secret_where_only_a_reference_can_be_read_cannot_be_allowed() -> None:
    finding = only('[providers.acme]\napi_key = "mock" # omniroute: allow(OR4001) it takes anything\n')
    assert finding.code == "OR4001"
    assert "a comment cannot allow this" in finding.note
