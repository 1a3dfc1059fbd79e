"""The configuration as it takes effect: everything that acts, written out; nothing that a later version will act on.

Tests of it are left out: they do not act on a request.

Always true: what is given is a configuration of its own, and compiles to a snapshot with the same id.
"""

from typing import Any

from pydantic import BaseModel

from omniroute.config.compile import auth_of, requires_api_key
from omniroute.config.document import Document
from omniroute.config.document.base import PLANNED, STATUS
from omniroute.config.snapshot import Auth


def effective(document: Document) -> dict[str, Any]:
    """Give a document's tables and keys with their defaults, absent ones left out; secrets are references in it."""
    server = document.server.model_copy(update={"require_api_key": requires_api_key(document)})
    providers = {
        name: each.model_copy(update={"auth": _auth(auth_of(each))}) for name, each in document.providers.items()
    }
    shown = _table(document.model_copy(update={"server": server, "providers": providers}))
    return {name: each for name, each in shown.items() if name != "tests"}


def _auth(auth: Auth) -> str | dict[str, str]:
    """Write how a key is shown: a word where one says it."""
    return {auth.kind: auth.name} if auth.name else auth.kind


def _table(table: BaseModel) -> dict[str, Any]:
    """Give a table's keys, without those that do not act yet."""
    shown: dict[str, Any] = {}
    for name, field in type(table).model_fields.items():
        marks = field.json_schema_extra
        if isinstance(marks, dict) and marks.get(STATUS) == PLANNED[STATUS]:
            continue
        value = _plain(getattr(table, name))
        if value is not None and value != {}:
            shown[name] = value
    return shown


def _plain(value: object) -> Any:
    """Turn a value into what TOML can hold."""
    match value:
        case BaseModel():
            return _table(value)
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return str(value) if isinstance(value, str) else value
