import pytest

from omniroute.config.checks.providers import ACTING_FORMATS
from omniroute.formats import CODECS
from tests.support.written import HOUSE, codes, found, loaded, only, text_at


def own(*lines: str) -> str:
    return "[providers.own]\n" + "".join(f"{line}\n" for line in lines)


def test_a_provider_of_the_catalogue_needs_its_key_and_no_more() -> None:
    assert codes('[providers.acme]\napi_key = "env:A"\n') == []
    assert codes("[providers.here]\n") == []


def test_a_provider_without_an_address_is_found() -> None:
    finding = only(own('auth = "none"'))
    assert (finding.code, text_at(finding)) == ("OR3003", "providers.own")
    assert finding.hint == 'for example: base_url = "http://10.0.0.7:8000/v1"'


def test_a_misspelt_provider_of_the_catalogue_is_recognised() -> None:
    finding = only('[providers.acne]\napi_key = "env:A"\n')
    assert finding.code == "OR3003"
    assert finding.hint == "did you mean `acme`, which the catalogue knows? If not, add base_url"


@pytest.mark.parametrize(
    "url",
    ["http://h:99999/v1", "http://h:70000", "https://[::1:::2]/v1", "http://[1.2.3.4]/v1"],
)
def test_an_address_that_cannot_be_is_found(url: str) -> None:
    assert only(own('auth = "none"', f'base_url = "{url}"')).code == "OR2004"


@pytest.mark.parametrize(
    "url", ["http://h:65535/v1", "https://[::1]:8080/v1", "http://my_service:8000/v1/", "embedded:echo"]
)
def test_an_address_that_can_be_is_taken(url: str) -> None:
    assert codes(own('auth = "none"', f'base_url = "{url}"')) == []


@pytest.mark.parametrize(
    "url",
    [
        "https://user:pass@h/v1",
        "https://h/v1?key=1",
        "h/v1",
        "ftp://h/v1",
        "https://h/v1#x",
        "https:///v1",
        "https://h h/",
    ],
)
def test_an_address_of_another_form_is_refused_by_the_schema(url: str) -> None:
    assert "OR2004" in codes(own('auth = "none"', f'base_url = "{url}"'))


@pytest.mark.parametrize(
    ("text", "variable"), [("[providers.acme]\n", "ACME_KEY"), (own('base_url = "http://h/v1"'), "OWN_API_KEY")]
)
def test_a_provider_without_a_key_is_found(text: str, variable: str) -> None:
    finding = only(text)
    assert finding.code == "OR3004"
    assert finding.hint == f'add api_key = "env:{variable}", or auth = "none" if it asks for no key'


def test_credentials_of_the_same_name_or_key_are_found() -> None:
    text = (
        '[providers.acme]\napi_key = "env:A"\n'
        '[[providers.acme.credentials]]\nname = "default"\napi_key = "env:B"\n'
        '[[providers.acme.credentials]]\nname = "spare"\napi_key = "env:A"\n'
        '[[providers.acme.credentials]]\nname = "third"\napi_key = "env:C"\n'
    )
    findings = found(text)
    assert [(each.code, each.summary.rpartition(" ")[2], text_at(each)) for each in findings] == [
        ("OR3005", "name", '"default"'),
        ("OR3005", "key", '"env:A"'),
    ]
    assert all(each.related for each in findings)


def test_a_provider_whose_formats_do_not_act_is_found_with_the_place_in_the_catalogue() -> None:
    finding = only('[providers.lingua]\napi_key = "env:A"\n')
    assert (finding.code, finding.label) == ("OR3007", "speaks `openai-images`, which later versions will use")
    assert "asks providers in `anthropic-messages`, `gemini`, `ollama`" in finding.summary
    assert 'formats = ["openai-chat"]' in finding.hint
    assert [each.place.source.name for each in finding.related] == ["catalogue/lingua.toml"]


def test_formats_of_the_users_own_are_found_where_they_are_written() -> None:
    finding = only(HOUSE + 'formats = ["openai-speech"]\n')
    assert (finding.code, text_at(finding), finding.related) == ("OR3007", '["openai-speech"]', ())


def test_the_formats_that_act_are_known_ones() -> None:
    assert set(CODECS) == ACTING_FORMATS


def test_a_configuration_needs_a_provider() -> None:
    assert codes("[server]\nport = 1\n") == ["OR3008"]
    assert codes("") == ["OR3008"]
    assert [(each.code, each.place) for each in loaded().diagnostics] == [("OR3008", None)]


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding"])
def test_headers_of_the_connection_are_not_for_the_user(name: str) -> None:
    finding = only(f'{HOUSE}[providers.house.headers]\n{name} = "x"\n')
    assert (finding.code, text_at(finding)) == ("OR2004", name)


def test_other_headers_are() -> None:
    assert codes(f'{HOUSE}[providers.house.headers]\nx-team = "research"\n') == []
