"""How a credential is shown to an upstream: as headers, or in the URL.

Always true: pure, one row of a table a kind; what comes out holds the secret, so it goes into an ``Outgoing`` and
nowhere else.
"""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from omniroute.config.snapshot import Auth
from omniroute.upstream.secrets import Secret

Headers = tuple[tuple[str, str], ...]


def headers_for(auth: Auth, secret: Secret | None) -> Headers:
    """Give the headers that carry a credential; none where it is not carried by one, or where there is no secret.

    ``bearer`` is RFC 6750 §2.1.
    """
    return _HEADERS[auth.kind](auth.name, secret.reveal()) if secret is not None else ()


def query_for(auth: Auth, secret: Secret | None) -> str:
    """Give what is appended to a URL without a query: ``?name=value`` for the kind ``query``, else nothing."""
    if auth.kind != "query" or secret is None:
        return ""
    return f"?{quote(auth.name, safe='')}={quote(secret.reveal(), safe='')}"


_HEADERS: Mapping[str, Callable[[str, str], Headers]] = {
    "bearer": lambda _name, value: (("authorization", f"Bearer {value}"),),
    "header": lambda name, value: ((name.lower(), value),),
    "query": lambda _name, _value: (),
    "none": lambda _name, _value: (),
}
