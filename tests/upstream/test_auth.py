"""How a credential is shown to an upstream."""

import pytest

from omniroute.config.snapshot import Auth
from omniroute.upstream.auth import headers_for, query_for
from omniroute.upstream.secrets import Secret

SECRET = Secret("sk-1&2 ü")


@pytest.mark.parametrize(
    ("auth", "headers", "query"),
    [
        (Auth("bearer"), (("authorization", "Bearer sk-1&2 ü"),), ""),
        (Auth("header", "X-Api-Key"), (("x-api-key", "sk-1&2 ü"),), ""),
        (Auth("query", "the key"), (), "?the%20key=sk-1%262%20%C3%BC"),
        (Auth("none"), (), ""),
    ],
)
def test_each_kind_carries_the_secret_in_its_own_place(
    auth: Auth, headers: tuple[tuple[str, str], ...], query: str
) -> None:
    assert headers_for(auth, SECRET) == headers
    assert query_for(auth, SECRET) == query


@pytest.mark.parametrize("kind", ["bearer", "header", "query", "none"])
def test_without_a_secret_nothing_is_sent(kind: str) -> None:
    assert headers_for(Auth(kind, "name"), None) == ()
    assert query_for(Auth(kind, "name"), None) == ""
