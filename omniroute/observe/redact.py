"""Masks what looks like a secret in text that leaves the gateway.

No event should hold a secret in the first place; this is the second lock on that door, for what others wrote: a
client that pastes its key where a model's name belongs, an upstream that quotes the key it refuses.

Always true: a value is replaced as a whole, by ``***``, and the quotes around it stay. A text that was masked does not
change when it is masked again. It is masked before it is encoded: in JSON a line end is written with a letter, and
what begins behind a letter does not look like a secret. No alternative can begin within a run of characters that it
walks along: the time is that of the text's length, whoever wrote it.
"""

import re

from omniroute.config.leaks import PREFIXES

MASK = "***"

_NAMES = (
    r"(?:x-)?(?:goog-)?api[-_ ]?key",
    r"(?:access|refresh|id|auth)[-_]token",
    r"client[-_]secret",
    r"(?:proxy-)?authorization",
    r"password",
)
"""What secrets are called, in headers, query strings and JSON."""

_QUOTES = r"""[\\"']*"""

_SECRET = re.compile(
    rf"""
    (?P<lead>
        (?i: \b (?:{"|".join(_NAMES)}) {_QUOTES}\s*[:=]\s*{_QUOTES} (?:(?:bearer|basic)\s+)? )
        | (?i: \b bearer \s+ )
        | [?&] key=
        | :// [^/\s:@"'\\]* : (?= [^/\s@"'\\]+ @ )             # the password in a URL
    )
    (?! (?i: bearer | basic ) \s )                             # a scheme, whose value is no secret
    [^\s"'\\,;&<>(){{}}\[\]@]{{4,}}
    | (?<![A-Za-z0-9]) (?:{"|".join(PREFIXES)}) [\w.-]{{8,}}   # a key that tells by how it begins
    | (?<![\w-]) eyJ[\w-]{{8,}} \. [\w-]{{8,}} (?:\.[\w-]*)?   # a JSON Web Token (RFC 7519), the signature too
    | (?<![A-Za-z0-9]) (?=[A-Za-z]*[0-9]) (?=[0-9a-z]*[A-Z]) (?=[0-9A-Z]*[a-z]) [A-Za-z0-9]{{24,}}  # a random string
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """Give the text with everything masked that looks like a secret."""
    return _SECRET.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    return (found["lead"] or "") + MASK
