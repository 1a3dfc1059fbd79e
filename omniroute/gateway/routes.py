"""Which paths exist, as data: what serves, documents and tests the edge reads these tables.

Always true: beside inference and ``READS`` everything answers GET and HEAD only. Nothing over HTTP changes the
configuration; verbs that act on runtime data would be listed in ``OPERATIONS``, and this version has none.
"""

from collections.abc import Iterable

import msgspec

from omniroute.names import Format, Scope


class Page(msgspec.Struct, frozen=True):
    """A read-only page; ``scope`` is what a key needs to see it, None where anybody may.

    ``also`` are paths of clients whose base URL has a prefix twice, or not at all.
    """

    path: str
    name: str
    scope: Scope | None
    summary: str
    also: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path at which it is."""
        return (self.path, *self.also)


class Spot(msgspec.Struct, frozen=True):
    """What a POST is for: the wire format that is spoken there, and whether it asks for an answer or for a count."""

    format: Format
    counts: bool = False


# literal tables
INFERENCE: dict[str, Spot] = {
    "/v1/chat/completions": Spot(Format.OPENAI_CHAT),
    "/v1/completions": Spot(Format.OPENAI_COMPLETIONS),
    "/v1/responses": Spot(Format.OPENAI_RESPONSES),
    "/v1/responses/input_tokens": Spot(Format.OPENAI_RESPONSES, counts=True),
    "/v1/messages": Spot(Format.ANTHROPIC_MESSAGES),
    "/v1/messages/count_tokens": Spot(Format.ANTHROPIC_MESSAGES, counts=True),
    "/v1/api/chat": Spot(Format.OLLAMA),
    "/api/chat": Spot(Format.OLLAMA),
}
"""POST: path → what is spoken there."""

TOLERATED: dict[str, str] = {
    **{f"/v1{path}": path for path in INFERENCE if path.startswith("/v1/")},
    "/chat/completions": "/v1/chat/completions",
    "/responses": "/v1/responses",
}
"""POST: paths of clients whose base URL has the prefix twice, or not at all → the path that is meant."""

ACTIONS: dict[str, tuple[Spot, bool]] = {
    "generateContent": (Spot(Format.GEMINI), False),
    "streamGenerateContent": (Spot(Format.GEMINI), True),
    "countTokens": (Spot(Format.GEMINI, counts=True), False),
}
"""POST ``/v1beta/models/{model}:ACTION``: what is spoken there, and whether the answer is streamed."""

MODELS_PREFIXES = ("/v1beta/models/", "/v1/models/", "/v1/v1beta/models/")
"""How such a path begins: Google's two versions of its API, and the prefix of a base URL before one of them."""

DEDICATED: dict[str, Format] = {
    "chat/completions": Format.OPENAI_CHAT,
    "completions": Format.OPENAI_COMPLETIONS,
    "responses": Format.OPENAI_RESPONSES,
    "messages": Format.ANTHROPIC_MESSAGES,
}
"""POST ``/v1/providers/{provider}/…``: the rest of the path → wire format."""

DEDICATED_PREFIX = "/v1/providers/"

PAGES: tuple[Page, ...] = (
    Page("/healthz", "health", None, "the process runs"),
    Page("/readyz", "ready", None, "it takes requests: 503 while it stops"),
    Page("/metrics", "metrics", Scope.STATUS, "Prometheus metrics"),
    Page("/api/config/status", "config_status", Scope.STATUS, "the active configuration, and the last attempt at one"),
    Page("/", "root", None, "that the gateway runs, in words: some clients ask before anything else"),
    Page(
        "/v1/models",
        "models",
        Scope.INFERENCE,
        "every combo, alias and listed model, in the form of the `openai-` formats; in that of `anthropic-messages` or "
        "`gemini` where the request's headers are theirs",
        ("/models", "/v1/v1/models"),
    ),
    Page(
        "/v1/models/{model:path}",
        "model",
        Scope.INFERENCE,
        "one of them",
        ("/models/{model:path}", "/v1/v1/models/{model:path}"),
    ),
    Page("/v1beta/models", "gemini_models", Scope.INFERENCE, "the same, in the form of `gemini`"),
    Page("/v1beta/models/{model:path}", "gemini_model", Scope.INFERENCE, "one of them"),
    Page("/api/tags", "ollama_tags", Scope.INFERENCE, "the same, in the form of `ollama`", ("/v1/api/tags",)),
    Page(
        "/api/version",
        "ollama_version",
        Scope.INFERENCE,
        "the version of Ollama whose API is followed, which its clients ask for; and the gateway's own",
        ("/v1/api/version",),
    ),
)

READS: tuple[Page, ...] = (
    Page(
        "/api/show",
        "ollama_show",
        Scope.INFERENCE,
        "what is known of the model that the body names, in the form of `ollama`",
        ("/v1/api/show",),
    ),
)
"""POST that only reads, where a wire format asks a question with a body: it changes as little as a GET."""

DIALECTS: tuple[tuple[str, Format], ...] = (
    ("/v1beta/", Format.GEMINI),
    ("/v1/v1beta/", Format.GEMINI),
    ("/api/config/", Format.OPENAI_CHAT),
    ("/api/", Format.OLLAMA),
    ("/v1/api/", Format.OLLAMA),
)
"""How a path begins → the wire format of those who ask there; the first that fits."""

SIGNS: dict[bytes, Format] = {
    b"anthropic-version": Format.ANTHROPIC_MESSAGES,
    b"x-goog-api-client": Format.GEMINI,
    b"x-goog-api-key": Format.GEMINI,
}
"""Request headers that tell who asks, at paths that several formats have."""

OPERATIONS: tuple[Page, ...] = ()
"""POST and DELETE on runtime data, behind a key with the scope ``operate``."""


def dedicated(path: str) -> tuple[str, str] | None:
    """Take a path apart that names its provider: the provider, and the rest; None for any other path."""
    if not path.startswith(DEDICATED_PREFIX):
        return None
    provider, _, rest = path[len(DEDICATED_PREFIX) :].partition("/")
    return provider, rest


def action(path: str) -> tuple[str, str] | None:
    """Take a path apart that names a model and what is asked of it, at the last colon; None for any other path."""
    prefix = next((each for each in MODELS_PREFIXES if path.startswith(each)), None)
    if prefix is None:
        return None
    model, colon, verb = path[len(prefix) :].rpartition(":")
    return (model, verb) if colon and verb in ACTIONS else None


def is_inference(path: str) -> bool:
    """Whether a POST to this path is a request for a model."""
    named = dedicated(path)
    if named is not None:
        return named[1] in DEDICATED
    return path in INFERENCE or path in TOLERATED or action(path) is not None


def dialect(path: str, headers: Iterable[tuple[bytes, bytes]]) -> Format:
    """Say in which wire format somebody reads pages and errors: as the path has it, else as the headers tell."""
    spot = INFERENCE.get(TOLERATED.get(path, path))
    if spot is not None:
        return spot.format
    named = dedicated(path)
    if named is not None and named[1] in DEDICATED:
        return DEDICATED[named[1]]
    if action(path) is not None:
        return Format.GEMINI
    by_path = next((format_ for start, format_ in DIALECTS if path.startswith(start)), None)
    by_sign = (SIGNS[name] for name, _ in headers if name in SIGNS)
    return by_path or next(by_sign, Format.OPENAI_CHAT)
