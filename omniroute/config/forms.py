"""What values are called, and what form a key asks of its value, in words.

Always true: every pattern of the document models has words here (a test holds it).
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from omniroute.config import units
from omniroute.config.document import access, base, process, providers
from omniroute.config.keywords import Moment

_KINDS = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "a table",
}

_NAME = "lower-case letters, digits, `.`, `_` and `-`, a letter or a digit first"
_URL = "`http://` or `https://`, a host, and a path without a query; a key has a place of its own"

# literal table: patterns and formats of the schema, and what is said of each
FORMS: Mapping[str, str] = MappingProxyType(
    {
        units.DURATION: "a duration above zero: whole numbers, each with its unit (ms, s, m, h or d)",
        units.SIZE: "a size above zero: a whole number and right behind it B, KB, MB, GB, KiB, MiB or GiB",
        units.PRICE: "an amount of US dollars in digits, without a currency",
        units.MONEY: "an amount of US dollars with its currency",
        base.NAME: _NAME,
        base.WORD: "a name without spaces",
        base.ALIAS: "a name without spaces, with one `*` at most",
        base.REFERENCE: "a reference to a secret",
        base.PROXY: "the URL of a proxy: http, https, socks5 or socks5h",
        base.NETWORK: "an IP address or a network",
        base.HEADER_NAME: "the name of an HTTP header",
        base.HEADER_VALUE: "printable ASCII without blanks around it",
        access.SHA256: "64 hexadecimal digits in lower case, as `omniroute key new NAME` prints them",
        access.DAYS: "a day such as `mon`, or a range such as `mon-fri`",
        access.HOURS: "two times of the day",
        process.LISTEN_HOST: "an address or a host's name",
        process.DATABASE: "`sqlite:` and the path of a file; a database in memory would be lost between two readers",
        providers.BASE_URL: _URL,
        providers.TOKEN_URL: "an `https://` URL",
        providers.QUERY_NAME: "the name of a query parameter",
        "date": "a date, without quotes: 2027-01-01",
        "date-time": "a time with its offset, without quotes: 2027-01-01T00:00:00Z",
    }
)


def form(pattern: str) -> str:
    """Give what a pattern, or a format, asks for."""
    return FORMS[pattern]


def kind(name: str) -> str:
    """Give what a type of JSON Schema is called."""
    return _KINDS[name]


def kind_of(value: Any) -> str:
    """Give what a value is called."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, Moment):
        return "a date or a time"
    for of, name in ((str, "string"), (int, "integer"), (float, "number"), (list, "array")):
        if isinstance(value, of):
            return _KINDS[name]
    return _KINDS["object"]


def slug(name: str) -> str:
    """Give a name that is allowed and near to one that is not; nothing where too little of it is left."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("._-")
