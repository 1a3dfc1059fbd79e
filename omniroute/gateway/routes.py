"""Which paths exist, as data: what serves, documents and tests the edge reads these tables.

Always true: outside ``INFERENCE`` and ``DEDICATED`` everything answers GET and HEAD only. Nothing over HTTP changes
the configuration; verbs that act on runtime data would be listed in ``OPERATIONS``, and this version has none.
"""

import msgspec

from omniroute.names import Format, Scope


class Page(msgspec.Struct, frozen=True):
    """A read-only page; ``scope`` is what a key needs to see it, None where anybody may."""

    path: str
    name: str
    scope: Scope | None
    summary: str


# literal tables
INFERENCE: dict[str, Format] = {
    "/v1/chat/completions": Format.OPENAI_CHAT,
}
"""POST: path → the wire format that is spoken there."""

DEDICATED: dict[str, Format] = {
    "chat/completions": Format.OPENAI_CHAT,
}
"""POST ``/v1/providers/{provider}/…``: the rest of the path → wire format."""

DEDICATED_PREFIX = "/v1/providers/"

PAGES: tuple[Page, ...] = (
    Page("/healthz", "health", None, "the process runs"),
    Page("/readyz", "ready", None, "it takes requests: 503 while it stops"),
    Page("/metrics", "metrics", Scope.STATUS, "Prometheus metrics"),
    Page("/v1/models", "models", Scope.INFERENCE, "every combo, alias and listed model, in OpenAI's form"),
    Page("/v1/models/{model:path}", "model", Scope.INFERENCE, "one of them"),
    Page("/api/config/status", "config_status", Scope.STATUS, "the active configuration, and the last attempt at one"),
)

OPERATIONS: tuple[Page, ...] = ()
"""POST and DELETE on runtime data, behind a key with the scope ``operate``."""


def dedicated(path: str) -> tuple[str, str] | None:
    """Take a path apart that names its provider: the provider, and the rest; None for any other path."""
    if not path.startswith(DEDICATED_PREFIX):
        return None
    provider, _, rest = path[len(DEDICATED_PREFIX) :].partition("/")
    return provider, rest


def is_inference(path: str) -> bool:
    """Whether a POST to this path is a request for a model."""
    named = dedicated(path)
    return path in INFERENCE or (named is not None and named[1] in DEDICATED)
