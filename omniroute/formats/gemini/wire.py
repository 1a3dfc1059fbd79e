"""The JSON of this format: names in two spellings, lists that may be a single value, and lenient decoding.

Source: the JSON mapping of protocol buffers (https://protobuf.dev/programming-guides/json/), by which this API reads
its requests: a member's name is lowerCamelCase or the original snake_case, and ``null`` is an absent member.

Always true: nothing here changes a value that it was given.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from omniroute.errors import Malformed
from omniroute.formats.head import kind_of

MOST = 2**53
"""Beyond this integers are not interoperable in JSON (RFC 8259 §6)."""

# literal table: the members that this room reads and whose two spellings differ
_CAMEL = (
    "allowedFunctionNames",
    "blockReason",
    "cacheTokensDetails",
    "cachedContent",
    "cachedContentTokenCount",
    "candidateCount",
    "candidatesTokenCount",
    "candidatesTokensDetails",
    "citationMetadata",
    "codeExecution",
    "codeExecutionResult",
    "computerUse",
    "createTime",
    "displayName",
    "enterpriseWebSearch",
    "executableCode",
    "fileData",
    "fileSearch",
    "fileUri",
    "finishReason",
    "frequencyPenalty",
    "functionCall",
    "functionCallingConfig",
    "functionDeclarations",
    "functionResponse",
    "generateContentRequest",
    "generationConfig",
    "googleMaps",
    "googleSearch",
    "googleSearchRetrieval",
    "groundingMetadata",
    "includeThoughts",
    "inlineData",
    "jsonPath",
    "logprobsResult",
    "maxOutputTokens",
    "mimeType",
    "modelVersion",
    "parametersJsonSchema",
    "partialArgs",
    "presencePenalty",
    "promptFeedback",
    "promptTokenCount",
    "promptTokensDetails",
    "responseId",
    "responseJsonSchema",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "safetySettings",
    "stopSequences",
    "systemInstruction",
    "thinkingBudget",
    "thinkingConfig",
    "thinkingLevel",
    "thoughtSignature",
    "thoughtsTokenCount",
    "toolCall",
    "toolConfig",
    "toolResponse",
    "toolUsePromptTokenCount",
    "toolUsePromptTokensDetails",
    "topK",
    "topP",
    "totalTokenCount",
    "totalTokens",
    "urlContext",
    "urlContextMetadata",
    "usageMetadata",
    "videoMetadata",
    "willContinue",
)
_SPELT = {re.sub("(?=[A-Z])", "_", name).lower(): name for name in _CAMEL}


def named(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give an object's members, those that this room reads in camelCase; ``null`` is left out."""
    return {_SPELT.get(name, name): member for name, member in value.items() if member is not None}


def members(value: object) -> dict[str, Any]:
    """Give an object's members as ``named`` does; of anything else, none."""
    return named(value) if isinstance(value, dict) else {}


def many(value: object) -> list[Any]:
    """Give the elements of what is repeated: a single value stands for a list of it."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: object) -> str | None:
    """Give a string that is not empty; of anything else, nothing."""
    return value if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """Read a number of tokens, which may be a float or a string of digits; None for what is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MOST else None


def loads(data: bytes) -> object:
    """Decode JSON as leniently as clients do: bytes that are not UTF-8, halves of surrogate pairs and NaN pass.

    Gives None for what is not JSON even so.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        value = json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _: None)
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def encode(value: object) -> bytes:
    """Encode JSON; halves of surrogate pairs, which UTF-8 cannot hold, are replaced."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def rest(value: Mapping[str, Any], read: Iterable[str]) -> dict[str, Any]:
    """Give the members that were not read."""
    taken = frozenset(read)
    return {name: member for name, member in value.items() if name not in taken}


def kind(value: object) -> str:
    """Say what kind of JSON value this is."""
    return kind_of(msgspec.json.encode(value))


def refuse(name: str, wanted: str, value: object) -> Malformed:
    """Refuse a member of another kind than the documented one."""
    return Malformed(f'"{name}" must be {wanted}, and is {kind(value)}', name)


def want_object(value: object, name: str) -> dict[str, Any]:
    """Read an object, with its members as ``named`` gives them; absent is empty.

    Raises:
        Malformed: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise refuse(name, "an object", value)
    return named(value)


def want_text(value: object, name: str) -> str | None:
    """Read a string.

    Raises:
        Malformed: it is something else.
    """
    if value is not None and not isinstance(value, str):
        raise refuse(name, "a string", value)
    return value


def want_number(value: object, name: str) -> float | int | None:
    """Read a number; the mapping allows it to be written as a string.

    Raises:
        Malformed: it is something else.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise refuse(name, "a number", value) from None
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise refuse(name, "a number", value)
    return value


def want_integer(value: object, name: str) -> int | None:
    """Read an integer, which may be written as a float or as a string.

    Raises:
        Malformed: it is something else.
    """
    number = want_number(value, name)
    if number is None:
        return None
    if isinstance(number, float) and not number.is_integer():
        raise refuse(name, "an integer", value)
    return int(number)
