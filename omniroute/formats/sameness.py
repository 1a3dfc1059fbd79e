"""When two requests are the same, and whether one answer may stand for both.

Always true:

1. A digest is SHA-256 over a JSON array, which ends itself, and the body's bytes as they were sent: two requests with
   one digest differ in nothing. What means the same and is written differently (another order of members, a space)
   has another digest, which costs an upstream call and never gives a wrong answer.
2. What is cacheable is found by what is known to be harmless, not by what is known to harm: a tool of a kind that
   nobody has heard of is not cacheable.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from omniroute.formats.codec import Asked

Naming = str | bytes | int | bool | None | Sequence["Naming"]
"""What says where a body went, and by whom."""

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TOOLS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_NOTHING = frozenset({b"null", b"false", b"[]", b"{}", b'""'})

_RUN_BY_CLIENT = frozenset({b'"function"', b'"custom"'})
_DECLARED = ("functionDeclarations", "function_declarations")


def digest(naming: Sequence[Naming], body: bytes) -> bytes:
    """Give 32 bytes that stand for a body and for all that ``naming`` says of it."""
    hashed = sha256(msgspec.json.encode(naming))
    hashed.update(body)
    return hashed.digest()


def cacheable(asked: Asked) -> bool:
    """Whether an answer may be given again to whoever asks the same: the API's rule, a temperature absent or 0.

    Beside that, one answer is asked for, and neither the request nor the answer is bound to state that a provider
    keeps (a conversation, a container, a stored answer, a tool that the provider runs itself).
    """
    body = asked.body
    try:
        for name, where in asked.fields.items():
            harmless = _HARMLESS.get(name)
            if harmless is not None and not harmless(body[where]):
                return False
    except (ValueError, msgspec.DecodeError):
        return False  # not what its format says: whoever is asked will say so
    return True


def _absent(value: bytes) -> bool:
    return value in _NOTHING


def _zero(value: bytes) -> bool:
    return value == b"null" or float(value) == 0.0


def _one(value: bytes) -> bool:
    return value == b"null" or float(value) <= 1.0


def _settings(value: bytes) -> bool:
    """Look into an object of settings, where a format has one."""
    if value in _NOTHING:
        return True
    found = _OBJECT.decode(value)
    return all(harmless(bytes(found[name])) for name, harmless in _SETTINGS.items() if name in found)


def _tools(value: bytes) -> bool:
    """Whether every tool is run by the client itself."""
    return value in _NOTHING or all(map(_run_by_client, _TOOLS.decode(value)))


def _run_by_client(tool: dict[str, msgspec.Raw]) -> bool:
    if "type" in tool:
        return bytes(tool["type"]) in _RUN_BY_CLIENT
    return "name" in tool or (len(tool) == 1 and any(name in tool for name in _DECLARED))


_Harmless = Callable[[bytes], bool]

# literal table: members of the settings of Gemini (generationConfig) and of Ollama (options)
_SETTINGS: dict[str, _Harmless] = {
    "temperature": _zero,
    "candidateCount": _one,
    "candidate_count": _one,
}

# literal table: members of requests, and when they leave the answer free to be given again; all others do
_HARMLESS: dict[str, _Harmless] = {
    "temperature": _zero,
    "n": _one,
    "best_of": _one,
    "store": _absent,
    "background": _absent,
    "previous_response_id": _absent,
    "conversation": _absent,
    "container": _absent,
    "mcp_servers": _absent,
    "web_search_options": lambda value: value == b"null",
    "cachedContent": _absent,
    "cached_content": _absent,
    "tools": _tools,
    "generationConfig": _settings,
    "generation_config": _settings,
    "options": _settings,
}
