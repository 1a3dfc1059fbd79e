"""What looks like a secret, whatever key it stands under.

Always true: nothing here gives back any part of a secret; only how long it is, and that it looks like one.
"""

import re

# literal table: how the keys of services begin that issue keys with a fixed beginning, and what follows at least
_ISSUED = {
    "sk-": "[A-Za-z0-9_-]{16,}",
    "sk_": "[A-Za-z0-9_]{16,}",
    "gsk_": "[A-Za-z0-9]{16,}",
    "csk-": "[A-Za-z0-9]{16,}",
    "pplx-": "[A-Za-z0-9]{16,}",
    "nvapi-": "[A-Za-z0-9_-]{16,}",
    "hf_": "[A-Za-z0-9]{16,}",
    "r8_": "[A-Za-z0-9]{16,}",
    "tgp_v1_": "[A-Za-z0-9_-]{16,}",
    "fw_": "[A-Za-z0-9]{16,}",
    "ghp_": "[A-Za-z0-9]{20,}",
    "gho_": "[A-Za-z0-9]{20,}",
    "ghu_": "[A-Za-z0-9]{20,}",
    "ghs_": "[A-Za-z0-9]{20,}",
    "ghr_": "[A-Za-z0-9]{20,}",
    "github_pat_": "[A-Za-z0-9_]{20,}",
    "glpat-": "[A-Za-z0-9_-]{16,}",
    "AIza": "[A-Za-z0-9_-]{30,}",
    "AKIA": "[A-Z0-9]{16}",
    "xoxa-": "[A-Za-z0-9-]{16,}",
    "xoxb-": "[A-Za-z0-9-]{16,}",
    "xoxp-": "[A-Za-z0-9-]{16,}",
    "xoxr-": "[A-Za-z0-9-]{16,}",
    "xoxs-": "[A-Za-z0-9-]{16,}",
}
PREFIXES = tuple(_ISSUED)
"""How keys of well-known issuers begin, the same for everybody, so that it may be shown."""

_SHAPES = (
    *(prefix + rest for prefix, rest in _ISSUED.items()),
    r"[a-z]{2,6}-[A-Za-z0-9_-]{40,}",  # a short word of the issuer's, and much that is random
    r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",  # a JSON Web Token (RFC 7519)
)
_SECRET = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(_SHAPES)})(?![A-Za-z0-9])")
_BEARER = re.compile(r"^(bearer|basic|token)\s+\S{8,}$", re.IGNORECASE)
_IN_URL = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_DIGIT = re.compile("[0-9]")

BULLETS = "••••••••"

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key"})
"""Headers that carry a credential, whatever their value looks like."""


def looks_secret(text: str) -> bool:
    """Say whether a text holds what looks like a key, a token or a password in a URL."""
    found = _SECRET.search(text)
    return bool((found and _DIGIT.search(found.group())) or _BEARER.match(text) or _IN_URL.search(text))


def redacted(text: str) -> str:
    """Give a text without what looks like a secret in it."""
    hidden = _SECRET.sub(lambda found: BULLETS if _DIGIT.search(found.group()) else found.group(), text)
    return _IN_URL.sub(f"://{BULLETS}@", hidden)


def seems_random(text: str) -> bool:
    """Say whether a text is long, unbroken and mixed, as keys without a fixed beginning are."""
    kinds = sum(bool(re.search(kind, text)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return len(text) >= 20 and kinds >= 2 and not re.search(r"[\s/:]", text)
