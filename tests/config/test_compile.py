from dataclasses import dataclass

import pytest

from omniroute.config.compile import auth_of, compile_document, is_loopback, requires_api_key
from omniroute.config.document import Document
from omniroute.config.snapshot import Auth, Credential, Hedge, Price, Reload, SecretRef, Server, Snapshot, Timeouts
from omniroute.names import Capability, CredentialName, Format, Scope, Strategy
from tests.house.test_frozen import mutable
from tests.support.written import HOUSE, document, snapshot

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
EVERYTHING = (
    HOUSE
    + f"""
version = 1
[server]
port = 1
[defaults.timeouts]
total = "9m"
[providers.acme]
api_key = "env:A"
[[providers.acme.credentials]]
name = "first"
api_key = "keyring:omniroute/acme"
priority = 1
[[providers.acme.credentials]]
name = "last"
api_key = "file:/run/a:b"
priority = 3
[providers.acme.timeouts]
connect = "1s"
[aliases]
fast = "house/m"
"x-*" = "acme/*"
"x-y-*" = "house/*"
[combos.c]
targets = ["fast", {{ model = "x-1", timeouts = {{ total = "1m" }} }}]
timeouts = {{ total = "2m", first_byte = "3s" }}
[keys.alice]
sha256 = "{HASH}"
expires = 2027-01-01
[reload]
poll = "1m"
""".replace("version = 1\n", "")
)


def test_a_snapshot_is_frozen_all_the_way_down() -> None:
    assert list(mutable(snapshot(EVERYTHING))) == []


def test_what_is_not_written_has_the_same_defaults_everywhere() -> None:
    """The defaults of snapshots made by hand are those of the document."""
    made = snapshot(HOUSE)
    assert made.server == Server()
    assert made.reload == Reload()
    assert made.timeouts == Timeouts()
    assert made.database == "sqlite:omniroute.db"


def test_texts_become_numbers() -> None:
    made = snapshot(
        '[server]\nmax_body = "1KiB"\ngrace = "1m30s"\nport = 0\nhost = "0.0.0.0"\n'
        '[reload]\nwatch = false\npoll = "2s"\nmax_removed_percent = 100\n'
        '[runtime]\ndatabase = "sqlite:x.db"\n' + HOUSE
    )
    assert made.server == Server("0.0.0.0", 0, require_api_key=True, max_body=1024, grace=90.0)
    assert made.reload == Reload(watch=False, poll=2.0, max_removed_percent=100)
    assert made.database == "sqlite:x.db"


def test_a_provider_is_what_the_catalogue_and_the_user_say() -> None:
    provider = snapshot(EVERYTHING).providers["acme"]
    assert provider.base_url == "https://api.acme.example/v1"
    assert provider.formats == (Format.OPENAI_CHAT, Format.OPENAI_EMBEDDINGS)
    assert provider.headers == (("x-shared", "catalogue"), ("x-version", "1"))
    assert provider.auth == Auth("bearer")
    assert provider.stream_usage
    large = provider.models["large"]
    assert (large.context, large.max_output, large.capabilities) == (1000, None, {Capability.TOOLS})


def test_a_base_url_ends_without_a_slash() -> None:
    assert snapshot(HOUSE.replace("/v1", "/v1/")).providers["house"].base_url == "http://10.0.0.7:8000/v1"


def test_credentials_are_in_the_order_of_their_priority() -> None:
    assert snapshot(EVERYTHING).providers["acme"].credentials == (
        Credential(CredentialName("default"), SecretRef("env", "A"), 1),
        Credential(CredentialName("first"), SecretRef("keyring", "omniroute/acme"), 1),
        Credential(CredentialName("last"), SecretRef("file", "/run/a:b"), 3),
    )


def test_a_provider_that_asks_for_no_key_has_a_credential_without_a_secret() -> None:
    assert snapshot(HOUSE).providers["house"].credentials == (Credential(CredentialName("default")),)


@pytest.mark.parametrize(
    ("provider", "auth"),
    [
        ({}, Auth("bearer")),
        ({"formats": ["anthropic-messages", "openai-chat"]}, Auth("header", "x-api-key")),
        ({"formats": ["openai-chat", "anthropic-messages"]}, Auth("bearer")),
        ({"formats": ["gemini"]}, Auth("header", "x-goog-api-key")),
        ({"formats": ["gemini"], "auth": "bearer"}, Auth("bearer")),
        ({"auth": "x-api-key"}, Auth("header", "x-api-key")),
        ({"auth": "none"}, Auth("none")),
        ({"auth": {"header": "api-key"}}, Auth("header", "api-key")),
        ({"auth": {"query": "key"}}, Auth("query", "key")),
    ],
)
def test_how_a_key_is_shown_is_as_written_or_as_the_first_format_has_it(
    provider: dict[str, object], auth: Auth
) -> None:
    assert auth_of(Document.model_validate({"providers": {"p": provider}}).providers["p"]) == auth


def test_what_is_planned_is_never_compiled() -> None:
    planned = {"auth": {"sigv4": {"region": "eu-1", "service": "x"}}}
    with pytest.raises(NotImplementedError, match="refused before"):
        auth_of(Document.model_validate({"providers": {"p": planned}}).providers["p"])


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (
            '{ input = "1", output = "2.5" }',
            Price(*(10**9, 25 * 10**8, 10**9, 10**9, 10**9, 25 * 10**8, 10**9, 25 * 10**8, 10**9)),
        ),
        (
            '{ input = "1", cache_read = "0.1", cache_write = "0" }',
            Price(10**9, None, 10**8, 0, 0, audio_in=10**9, audio_cache_read=10**8),
        ),
        ('{ output = "1" }', Price(output=10**9, reasoning=10**9, audio_out=10**9)),
        (
            '{ input = "1", output = "2", cache_write_1h = "3", reasoning = "4", audio_in = "5", audio_out = "6", '
            'audio_cache_read = "7" }',
            Price(*(each * 10**9 for each in (1, 2, 1, 1, 3, 4, 5, 6, 7))),
        ),
        ('{ request = "0.005", image = "0.04" }', Price(request=5_000_000, image=40_000_000)),
        ("{}", Price()),
    ],
)
def test_a_price_that_is_not_written_is_unknown_or_that_of_the_class_it_is_a_part_of(
    price: str, expected: Price
) -> None:
    made = snapshot(f"{HOUSE}[providers.house.models.m]\nprice = {price}\n")
    assert made.providers["house"].models["m"].price == expected


def test_a_combo_has_its_targets_with_what_is_known_of_them() -> None:
    made = snapshot(
        HOUSE + '[providers.acme]\napi_key = "env:A"\n[combos.c]\ntargets = ["acme/large", "acme/org/new"]\n'
    )
    combo = made.combos["c"]
    assert (combo.name, combo.strategy, combo.max_attempts) == ("c", Strategy.PRIORITY, None)
    assert [target.id for target in combo.targets] == ["acme/large", "acme/org/new"]
    assert combo.targets[0].provider is made.providers["acme"]
    assert combo.targets[0].model is made.providers["acme"].models["large"]
    assert (combo.targets[1].model.name, combo.targets[1].model.context) == ("org/new", None)


def test_a_limit_of_attempts_is_kept() -> None:
    assert snapshot(HOUSE + '[combos.c]\ntargets = ["house/m"]\nmax_attempts = 2\n').combos["c"].max_attempts == 2


def test_nested_combos_and_aliases_become_targets_each_once() -> None:
    made = snapshot(
        HOUSE
        + '[aliases]\na = "inner"\n"p-*" = "house/*"\n[combos.outer]\ntargets = ["a", "p-1", "house/2"]\n'
        + '[combos.inner]\ntargets = ["house/1", "house/3"]\n'
    )
    assert [target.id for target in made.combos["outer"].targets] == ["house/1", "house/3", "house/2"]


def test_of_timeouts_those_written_nearest_to_the_model_win() -> None:
    made = snapshot(
        '[defaults.timeouts]\nconnect = "1s"\nfirst_byte = "1s"\nfirst_token = "1s"\nbetween_events = "1s"\n'
        + HOUSE
        + '[providers.house.timeouts]\nfirst_byte = "2s"\nfirst_token = "2s"\nbetween_events = "2s"\ntotal = "2s"\n'
        + '[combos.outer]\ntargets = [{ model = "inner", timeouts = { total = "4s", answer = "4s" } }]\n'
        + 'timeouts = { first_token = "3s", between_events = "3s", total = "3s", answer = "3s" }\n'
        + '[combos.inner]\ntargets = [{ model = "house/m", timeouts = { total = "6s" } }]\n'
        + 'timeouts = { between_events = "5s", total = "5s" }\n'
    )
    assert made.timeouts == Timeouts(1, 1, 1, 1, 300, 600)
    assert made.providers["house"].timeouts == Timeouts(1, 2, 2, 2, 300, 2)
    assert made.combos["inner"].targets[0].timeouts == Timeouts(1, 2, 2, 5, 300, 6)
    assert made.combos["outer"].targets[0].timeouts == Timeouts(1, 2, 3, 5, 4, 6)


def test_aliases_are_exact_or_patterns_the_most_specific_first() -> None:
    made = snapshot(EVERYTHING)
    assert {name: alias.target for name, alias in made.aliases.items()} == {"fast": "house/m"}
    assert [alias.name for alias in made.patterns] == ["x-y-*", "x-*"]


def test_client_keys_are_found_by_their_hash() -> None:
    key = snapshot(EVERYTHING).keys[HASH]
    assert (key.name, key.scopes, key.expires) == ("alice", {Scope.INFERENCE}, 1798761600)
    assert snapshot(f'{HOUSE}[keys.a]\nsha256 = "{HASH}"\n').keys[HASH].expires is None


@pytest.mark.parametrize(
    ("server", "keys", "required"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"host": "localhost"}, False, False),
        ({"host": "::1"}, False, False),
        ({"host": "0.0.0.0"}, False, True),
        ({"host": "gateway.example"}, False, True),
        ({"host": "0.0.0.0", "require_api_key": False}, False, False),
        ({"require_api_key": True}, False, True),
        ({"require_api_key": False}, True, False),
    ],
)
def test_keys_are_asked_for_unless_only_this_machine_can_ask_and_none_is_written(
    server: dict[str, object], keys: bool, required: bool
) -> None:
    tables = {"server": server, "keys": {"a": {"sha256": HASH}} if keys else {}}
    assert requires_api_key(Document.model_validate(tables)) is required


def test_loopback_is_what_no_other_machine_reaches() -> None:
    assert [
        host for host in ("127.0.0.1", "127.3.2.1", "::1", "localhost", "0.0.0.0", "::", "x") if is_loopback(host)
    ] == [*("127.0.0.1", "127.3.2.1", "::1", "localhost")]


@dataclass
class Same:
    """Texts that mean the same, or do not."""

    first: str
    second: str


@pytest.mark.parametrize(
    "pair",
    [
        Same(HOUSE, "# a comment\n" + HOUSE),
        Same(HOUSE, f"{HOUSE}[server]\nport = 20128\n"),
        Same(HOUSE + 'timeouts.total = "60s"\n', HOUSE + 'timeouts = { total = "1m" }\n'),
        Same('[providers]\nhouse.auth = "none"\nhouse.base_url = "http://10.0.0.7:8000/v1"\n', HOUSE),
        Same(HOUSE + '[aliases]\na = "house/m"\nb = "house/n"\n', '[aliases]\nb = "house/n"\na = "house/m"\n' + HOUSE),
    ],
)
def test_configurations_that_mean_the_same_have_the_same_id(pair: Same) -> None:
    assert snapshot(pair.first).id == snapshot(pair.second).id


@pytest.mark.parametrize(
    "other",
    [
        '[providers.acme]\napi_key = "env:B"\n',
        '[providers.acme]\napi_key = "env:A"\ncredentials = [{ name = "x", api_key = "env:B" }]\n',
        '[providers.acme]\napi_key = "env:A"\nmodels.large.context = 2\n',
        '[providers.acme]\napi_key = "env:A"\n[aliases]\na = "acme/m"\n',
        '[providers.acme]\napi_key = "env:A"\n[combos.a]\ntargets = ["acme/m"]\n',
        '[providers.acme]\napi_key = "env:A"\n[server]\nport = 1\n',
    ],
)
def test_configurations_that_mean_something_else_have_another_id(other: str) -> None:
    assert snapshot('[providers.acme]\napi_key = "env:A"\n').id != snapshot(other).id


def test_the_order_of_targets_is_a_part_of_the_meaning() -> None:
    text = HOUSE + '[combos.c]\ntargets = ["house/m", "house/n"]\n'
    assert snapshot(text).id != snapshot(text.replace('"house/m", "house/n"', '"house/n", "house/m"')).id


def test_the_id_does_not_depend_on_the_names_of_files_and_fits_a_hash() -> None:
    one = document(HOUSE)
    first, second = compile_document(one, ["a.toml"]), compile_document(one, ["b.toml", "c.toml"])
    assert first.id == second.id
    assert (first.files, second.files) == (("a.toml",), ("b.toml", "c.toml"))
    assert len(bytes.fromhex(first.id)) == 32
    assert first.short_id == first.id[:12]


REPLACING = """
[providers.house.models]
old = { replaced_by = "mid", context = 10 }
mid = { replaced_by = "new" }
new = { context = 20 }
"""


def test_models_that_are_replaced_lead_to_the_last_one_and_are_listed_no_more() -> None:
    made = snapshot(HOUSE + REPLACING + '[combos.c]\ntargets = ["house/new", "house/other"]\n').providers["house"]
    assert dict(made.replaced) == {"old": "new", "mid": "new"}
    assert list(made.models) == ["new"]


def test_a_combo_that_names_a_replaced_model_has_the_other_as_its_target() -> None:
    text = HOUSE + REPLACING + '[combos.c]\ntargets = ["house/old", "house/other"]\n'
    combo = snapshot(text).combos["c"]
    assert [each.id for each in combo.targets] == ["house/new", "house/other"]
    assert combo.targets[0].model.context == 20


def test_prefixes_are_those_of_providers_that_are_there_and_nobodys_own_name() -> None:
    assert dict(snapshot(EVERYTHING).prefixes) == {"ac": "acme"}
    assert dict(snapshot(HOUSE).prefixes) == {}
    own = '[providers.ac]\nbase_url = "http://10.0.0.9/v1"\nauth = "none"\n'
    assert dict(snapshot(EVERYTHING, own).prefixes) == {}


def test_what_a_combo_makes_of_requests_is_a_part_of_what_the_configuration_means() -> None:
    def made(more: str) -> Snapshot:
        return snapshot(HOUSE + f'[combos.c]\ntargets = ["house/m"]\n{more}')

    plain, told = made(""), made('system_message = "Be brief."\n')
    assert (plain.combos["c"].system_message, plain.combos["c"].tool_filter) == (None, None)
    assert told.combos["c"].system_message == "Be brief."
    assert made('tool_filter = "^a"\n').combos["c"].tool_filter == "^a"
    assert len({plain.id, told.id, made('tool_filter = "Be brief."\n').id}) == 3


def test_how_many_are_answered_at_once_and_when_a_second_target_is_asked_become_numbers() -> None:
    text = (
        HOUSE
        + """
[resilience.hedge]
enabled = true
min_samples = 30
max_share = 0.1
min_wait = "250ms"
[providers.narrow]
base_url = "http://10.0.0.8/v1"
auth = "none"
max_concurrent = 20
queue = "5s"
models = { m = { max_concurrent = 4 } }
"""
    )
    made = snapshot(text)
    narrow = made.providers["narrow"]
    assert (narrow.max_concurrent, narrow.queue, narrow.models["m"].max_concurrent) == (20, 5.0, 4)
    assert made.resilience.hedge == Hedge(enabled=True, min_samples=30, max_share=0.1, min_wait=0.25)
    assert snapshot(HOUSE).resilience.hedge == Hedge()
    house = snapshot(HOUSE).providers["house"]
    assert (house.max_concurrent, house.queue) == (None, 30.0)
    assert snapshot(text.replace('queue = "5s"', 'queue = "6s"')).id != made.id
    assert snapshot(text.replace("max_share = 0.1", "max_share = 0.2")).id != made.id
