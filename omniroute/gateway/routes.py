"""Which paths exist, as data: what serves, documents and tests the edge reads these tables.

Always true: beside inference, ``READS`` and ``OPERATIONS`` everything answers GET and HEAD only. Nothing over HTTP
changes the configuration: where clients of another gateway ask for that, ``TAUGHT`` says what to write instead.
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


class Operation(Page, frozen=True, kw_only=True):
    """Something that is done to runtime data: never to the configuration. Each is a row of the audit log."""

    methods: tuple[str, ...]
    action: str


class Taught(msgspec.Struct, frozen=True):
    """What clients of the API reference ask to change over HTTP, and the TOML that changes it here.

    The path stands for everything below it as well.
    """

    path: str
    methods: frozenset[str]
    what: str
    toml: str


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
    Page(
        "/api/telemetry/summary",
        "telemetry",
        Scope.STATUS,
        "how long answers took lately, by provider and model: p50, "
        "p95 and p99 in milliseconds; `windowMs` is 300000 unless the query says otherwise",
    ),
    Page("/api/usage/budget", "budgets", Scope.STATUS, "how each budget stands in its period, in nano-dollars"),
    Page(
        "/api/usage/summary",
        "usage",
        Scope.STATUS,
        "requests, tokens and cost by key, model and provider; `period` is `24h` unless the query says otherwise",
    ),
    Page(
        "/api/models/availability",
        "availability",
        Scope.STATUS,
        "what is left alone at this moment: open breakers, and credentials that rest",
    ),
    Page("/api/cache/stats", "caches", Scope.STATUS, "what the caches hold, and how often they answered"),
    Page(
        "/api/compliance/audit-log",
        "audit",
        Scope.STATUS,
        "the audit log, the newest row first; the query may have `action`, `actor`, `limit` and `offset`",
    ),
    Page("/api/sessions", "sessions", Scope.STATUS, "how many conversations are remembered"),
    Page("/api/db-backups", "backups", Scope.STATUS, "the backups of the runtime data"),
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

MANAGEMENT = (
    *("/api/config/", "/api/telemetry/", "/api/usage/", "/api/models/", "/api/cache/", "/api/compliance/"),
    *(
        "/api/sessions",
        "/api/db-backups",
        "/api/resilience",
        "/api/provider",
        "/api/cloud/",
        "/api/combos",
        "/api/keys",
    ),
    *("/api/pricing", "/api/settings", "/api/rate-limit", "/api/policies"),
)
"""How paths of the API reference begin that are no wire format's."""

DIALECTS: tuple[tuple[str, Format], ...] = (
    ("/v1beta/", Format.GEMINI),
    ("/v1/v1beta/", Format.GEMINI),
    *((each, Format.OPENAI_CHAT) for each in MANAGEMENT),
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

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/api/cache/stats",
        "clear_caches",
        Scope.OPERATE,
        "forgets the answers of all caches",
        methods=("DELETE",),
        action="cache.cleared",
    ),
    Operation(
        "/api/resilience/reset",
        "reset_resilience",
        Scope.OPERATE,
        "closes every breaker, and ends the rest of every credential, in the process that answers",
        methods=("POST",),
        action="resilience.reset",
    ),
    Operation(
        "/api/db-backups",
        "create_backup",
        Scope.OPERATE,
        "makes a backup of the runtime data; of those made so the last 20 are kept",
        methods=("POST", "PUT"),
        action="backup.created",
    ),
)
"""What is done to runtime data, always behind a key with the scope ``operate``."""

_PROVIDER = """[providers.example]
base_url = "https://api.example.com/v1"
formats = ["openai-chat"]
api_key = "env:EXAMPLE_API_KEY"
"""
_MODEL = """[providers.example.models."large"]
context = 128000
price = { input = "2.50", output = "10.00" }
"""
_COMBO = """[combos.coding]
targets = ["example/large", "other/small"]
"""
_POLICY = """[policies.engineers]
allow_models = ["coding"]
rate = { requests_per_minute = 120 }
"""
_BUDGET = """[budgets.team-a]
limit = "50.00 USD"
period = "monthly"

[policies.engineers]
budgets = ["team-a"]
"""
_KEY = """# `omniroute key new alice` makes the key, and prints this table
[keys.alice]
sha256 = "…"
policy = "engineers"
"""
_IPS = """[ip_filter]
mode = "allowlist"
networks = ["10.0.0.0/8"]
"""
_THINKING = """[policies.engineers.thinking_budget]
mode = "custom"
budget = 8192
"""
_PROMPT = """[policies.engineers.system_prompt]
mode = "append"
text = "Answer in English."
"""
_RESILIENCE = """[resilience.breaker]
failures = 5
cooldown = "30s"
"""
_ALIAS = """[aliases]
fast = "example/small"
"""
_ANY = frozenset({"POST", "PUT", "PATCH", "DELETE"})

# literal table: the first that fits
TAUGHT: tuple[Taught, ...] = (
    Taught("/api/usage/budget", _ANY, "a budget", _BUDGET),
    Taught("/api/provider-models", _ANY, "a model", _MODEL),
    Taught("/api/provider-nodes", _ANY, "a provider", _PROVIDER),
    Taught("/api/providers", _ANY, "a provider", _PROVIDER),
    Taught("/api/models/alias", _ANY, "an alias", _ALIAS),
    Taught("/api/cloud/models/alias", _ANY, "an alias", _ALIAS),
    Taught("/api/combos", _ANY, "a combo", _COMBO),
    Taught("/api/keys", _ANY, "a client key", _KEY),
    Taught("/api/pricing", _ANY, "a price", _MODEL),
    Taught("/api/settings/ip-filter", _ANY, "the address filter", _IPS),
    Taught("/api/settings/thinking-budget", _ANY, "a thinking budget", _THINKING),
    Taught("/api/settings/system-prompt", _ANY, "a system prompt", _PROMPT),
    Taught("/api/resilience", _ANY, "resilience", _RESILIENCE),
    Taught("/api/rate-limits", _ANY, "a rate limit", _POLICY),
    Taught("/api/rate-limit", _ANY, "a rate limit", _POLICY),
    Taught("/api/policies", _ANY, "a policy", _POLICY),
)
"""Nothing of this exists: it is answered with 405 and the TOML to write."""


def taught(path: str, method: str) -> Taught | None:
    """Find what somebody wants to change who asks for this; None where that is nothing that is known."""
    for each in TAUGHT:
        if method in each.methods and (path == each.path or path.startswith(f"{each.path}/")):
            return each
    return None


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
