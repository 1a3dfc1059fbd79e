import pytest

from omniroute.config.document import Document
from omniroute.config.marks import restart_only, secrets


def document(**tables: object) -> Document:
    return Document.model_validate(tables)


@pytest.mark.parametrize(
    ("after", "keys"),
    [
        ({}, ()),
        ({"server": {"port": 1, "host": "::1"}}, ("server.host", "server.port")),
        ({"server": {"require_api_key": True, "max_body": "1MiB"}}, ()),
        ({"runtime": {"database": "sqlite:x.db"}}, ("runtime.database",)),
        ({"server": {"port": 20128}}, ()),
        ({"reload": {"poll": "1s"}}, ()),
        ({"defaults": {"timeouts": {"total": "1s"}}}, ()),
        ({"providers": {"a": {"base_url": "http://h/v1"}}}, ()),
    ],
)
def test_keys_that_differ_and_need_a_restart_are_named(after: dict[str, object], keys: tuple[str, ...]) -> None:
    assert restart_only(document(), document(**after)) == keys


def test_every_reference_to_a_secret_is_given_with_its_path() -> None:
    one = document(
        providers={
            "a": {"api_key": "env:A", "credentials": [{"name": "x", "api_key": "file:/x"}]},
            "b": {"auth": "none"},
        }
    )
    assert list(secrets(one)) == [
        (("providers", "a", "api_key"), "env:A"),
        (("providers", "a", "credentials", 0, "api_key"), "file:/x"),
    ]
