"""Every closed vocabulary of the gateway, and the types of its identifiers.

Always true: nothing here imports anything of ours, and a member's value is the word that people write
in TOML and read in logs. Adding a member is a change of the public API.
"""

from enum import StrEnum
from typing import NewType

ProviderName = NewType("ProviderName", str)
CredentialName = NewType("CredentialName", str)
TargetId = NewType("TargetId", str)
"""``provider/model``, split at the first slash: the model may hold slashes itself."""


class Format(StrEnum):
    """A wire format: the shape of requests and answers of one API family."""

    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    OPENAI_COMPLETIONS = "openai-completions"
    OPENAI_EMBEDDINGS = "openai-embeddings"
    OPENAI_IMAGES = "openai-images"
    OPENAI_SPEECH = "openai-speech"
    OPENAI_TRANSCRIPTIONS = "openai-transcriptions"
    ANTHROPIC_MESSAGES = "anthropic-messages"
    GEMINI = "gemini"
    OLLAMA = "ollama"


class Capability(StrEnum):
    """What a model can take or give beyond plain text."""

    TOOLS = "tools"
    IMAGES = "images"
    DOCUMENTS = "documents"
    AUDIO_IN = "audio_in"
    AUDIO_OUT = "audio_out"
    JSON_SCHEMA = "json_schema"
    THINKING = "thinking"
    ADAPTIVE_THINKING = "adaptive_thinking"
    CACHE_HINTS = "cache_hints"


class Strategy(StrEnum):
    """How a combo orders its targets."""

    PRIORITY = "priority"
    WEIGHTED = "weighted"
    ROUND_ROBIN = "round-robin"
    RANDOM = "random"
    STRICT_RANDOM = "strict-random"
    LEAST_USED = "least-used"
    COST_OPTIMIZED = "cost-optimized"
    LATENCY_OPTIMIZED = "latency-optimized"
    CONTEXT_OPTIMIZED = "context-optimized"
    FILL_FIRST = "fill-first"
    P2C = "p2c"
    LAST_KNOWN_GOOD = "last-known-good"
    CONTEXT_RELAY = "context-relay"
    AUTO = "auto"


class Scope(StrEnum):
    """What a client key may be used for."""

    INFERENCE = "inference"
    STATUS = "status"
    OPERATE = "operate"


class FailureKind(StrEnum):
    """Why an upstream attempt failed; retry decisions read this and nothing else."""

    AUTH = "auth"
    BUSY = "busy"
    QUOTA = "quota"
    DOWN = "down"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    CONTEXT = "context"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    MALFORMED = "malformed"
    CUT = "cut"


class Outcome(StrEnum):
    """How a request ended, as its usage row says it."""

    OK = "ok"
    REFUSED = "refused"
    FAILED = "failed"
    CUT = "cut"
    CANCELLED = "cancelled"


class ReloadResult(StrEnum):
    """What came of one look at the configuration files."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    UNSTABLE = "unstable"
    GUARDED = "guarded"
    ERROR = "error"


class Trigger(StrEnum):
    """What made the gateway look at its configuration files."""

    START = "start"
    FILE = "file"
    POLL = "poll"
    SIGNAL = "signal"
    WATCHER = "watcher"


class Severity(StrEnum):
    """How bad a diagnostic is."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"
