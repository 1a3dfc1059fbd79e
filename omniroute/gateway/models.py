"""What is known of the models, aliases and combos that a client can name, in the form of each wire format.

Of a name that stands for several targets only that is said which is true of every one of them, as any may answer.

Always true: pure; nothing here asks an upstream, and what is not known is left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from hashlib import sha256
from typing import Any

import msgspec

from omniroute.config.policy import Policy
from omniroute.config.snapshot import Target
from omniroute.engine.holder import Live
from omniroute.errors import Forbidden, Malformed, UnknownModel
from omniroute.gateway.routes import ACTIONS
from omniroute.ir.facts import Facts
from omniroute.names import Capability, Format
from omniroute.routing.permit import allowed
from omniroute.routing.resolve import known_names, resolve

Query = Mapping[str, str]
Describe = Callable[["Listed"], dict[str, Any]]
Enumerate = Callable[[Live, Query, Policy | None], dict[str, Any]]
"""Lists the names that callers with this policy may use, or the page of them that is asked for."""

LONGEST_PAGE = 1000

# literal table
_ABILITIES: Mapping[Capability, str] = {
    Capability.TOOLS: "tools",
    Capability.IMAGES: "vision",
    Capability.THINKING: "thinking",
}

_DETAILS: Mapping[str, Any] = {
    "parent_model": "",
    "format": "",
    "family": "",
    "families": [],
    "parameter_size": "",
    "quantization_level": "",
}
"""What is known of no model that is reached through a gateway; clients read these without looking whether they are."""


class Listed(msgspec.Struct, frozen=True):
    """A name: whose it is (``alias``, ``combo`` or a provider), and the targets that may answer.

    ``since`` is when the configuration that has it was taken up, in Unix seconds.
    """

    id: str
    owner: str
    since: int
    targets: tuple[Target, ...]
    root: str | None = None

    @property
    def context(self) -> int | None:
        """The tokens that fit into every target, as far as known."""
        return _lowest(target.model.context for target in self.targets)

    @property
    def max_output(self) -> int | None:
        """The longest answer that every target gives, as far as known."""
        return _lowest(target.model.max_output for target in self.targets)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What every target can do, as far as known."""
        return reduce(frozenset.__and__, (target.model.capabilities for target in self.targets))


def names(live: Live, policy: Policy | None = None) -> list[str]:
    """Give every name that a client can be told of, once each: those that its policy lets it be answered under."""
    found = list(dict.fromkeys(known_names(live.snapshot)))
    if policy is None or (policy.allow is None and not policy.deny):
        return found
    return [name for name in found if _allows(live, policy, name)]


def _allows(live: Live, policy: Policy, name: str) -> bool:
    """Say whether somebody may answer under a name."""
    try:
        return bool(allowed(policy, name, resolve(live.snapshot, _facts(name))))
    except Forbidden:
        return False


def _facts(name: str) -> Facts:
    """Ask for a name, and for nothing in particular."""
    return Facts(asked=name, format=Format.OPENAI_CHAT, stream=False)


def find(live: Live, name: str, policy: Policy | None = None) -> Listed:
    """Find what is known of a name.

    Raises:
        UnknownModel: it is not listed, or not for a caller with this policy.
    """
    if name not in set(names(live, policy)):
        message = f"no model, alias or combo is listed as '{name}'"
        raise UnknownModel(message)
    return listed(live, name, policy)


def listed(live: Live, name: str, policy: Policy | None = None) -> Listed:
    """Say what is known of a name that ``names`` gave, and of those who may answer a caller with this policy."""
    snapshot = live.snapshot
    targets = allowed(policy, name, resolve(snapshot, _facts(name)))
    since = live.applied_at // 1_000_000
    if name in snapshot.aliases:
        return Listed(name, "alias", since, targets, snapshot.aliases[name].target)
    owner = "combo" if name in snapshot.combos else name.partition("/")[0]
    return Listed(name, owner, since, targets)


def openai_chat(model: Listed) -> dict[str, Any]:
    """Describe a name as https://platform.openai.com/docs/api-reference/models/object, with what is known besides."""
    item: dict[str, Any] = {"id": model.id, "object": "model", "created": model.since, "owned_by": model.owner}
    if model.owner == "combo":
        return {**item, "targets": [target.id for target in model.targets]}
    if model.root is not None:
        return {**item, "root": model.root}
    if model.context is not None:
        item["context_length"] = model.context
    if model.capabilities:
        item["capabilities"] = sorted(model.capabilities)
    return item


def openai_chat_list(live: Live, _: Query, policy: Policy | None) -> dict[str, Any]:
    """List every name as https://platform.openai.com/docs/api-reference/models/list."""
    return {"object": "list", "data": [openai_chat(listed(live, name, policy)) for name in names(live, policy)]}


def anthropic_messages(model: Listed) -> dict[str, Any]:
    """Describe a name as https://docs.anthropic.com/en/api/models; its release date is unknown, so it is the epoch."""
    known = {"max_input_tokens": model.context, "max_tokens": model.max_output}
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        **_known(known),
    }


def anthropic_messages_list(live: Live, query: Query, policy: Policy | None) -> dict[str, Any]:
    """List a page of the names as https://docs.anthropic.com/en/api/models-list.

    Raises:
        Malformed: the page that is asked for cannot be found.
    """
    limit = _limit(query, "limit", 20)
    if "before_id" in query:
        backwards, more = _page(names(live, policy)[::-1], query, "before_id", limit)
        found = backwards[::-1]
    else:
        found, more = _page(names(live, policy), query, "after_id", limit)
    ends = {"first_id": found[0] if found else None, "last_id": found[-1] if found else None}
    return {"data": [anthropic_messages(listed(live, name, policy)) for name in found], "has_more": more, **ends}


def gemini(model: Listed) -> dict[str, Any]:
    """Describe a name as https://ai.google.dev/api/models."""
    known = {"inputTokenLimit": model.context, "outputTokenLimit": model.max_output}
    thinks = {"thinking": True} if Capability.THINKING in model.capabilities else {}
    return {
        "name": f"models/{model.id}",
        "displayName": model.id,
        **_known(known),
        "supportedGenerationMethods": list(ACTIONS),
        **thinks,
    }


def gemini_list(live: Live, query: Query, policy: Policy | None) -> dict[str, Any]:
    """List a page of the names as https://ai.google.dev/api/models#method:-models.list.

    Raises:
        Malformed: the page that is asked for cannot be found.
    """
    found, more = _page(names(live, policy), query, "pageToken", _limit(query, "pageSize", 50))
    following = {"nextPageToken": found[-1]} if more else {}
    return {"models": [gemini(listed(live, name, policy)) for name in found], **following}


def ollama(model: Listed) -> dict[str, Any]:
    """Describe a name as https://docs.ollama.com/api/tags; the digest is of the name, as there is no file."""
    return {
        "name": model.id,
        "model": model.id,
        "modified_at": _written(model.since),
        "size": 0,
        "digest": sha256(model.id.encode()).hexdigest(),
        "details": _DETAILS,
    }


def ollama_list(live: Live, _: Query, policy: Policy | None) -> dict[str, Any]:
    """List every name as https://docs.ollama.com/api/tags."""
    return {"models": [ollama(listed(live, name, policy)) for name in names(live, policy)]}


def ollama_show(model: Listed) -> dict[str, Any]:
    """Tell of one name what https://docs.ollama.com/api-reference/show-model-details tells, as far as known."""
    family = "omniroute"
    return {
        "modified_at": _written(model.since),
        "parameters": "",
        "template": "",
        "modelfile": "",
        "details": _DETAILS,
        "model_info": {"general.architecture": family, **_known({f"{family}.context_length": model.context})},
        "capabilities": ["completion", *(word for each, word in _ABILITIES.items() if each in model.capabilities)],
    }


# literal table
FORMS: Mapping[Format, tuple[Describe, Enumerate]] = {
    Format.OPENAI_CHAT: (openai_chat, openai_chat_list),
    Format.ANTHROPIC_MESSAGES: (anthropic_messages, anthropic_messages_list),
    Format.GEMINI: (gemini, gemini_list),
    Format.OLLAMA: (ollama, ollama_list),
}
"""For a wire format: how one name is described, and how they are listed."""


def _lowest(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _known(values: Mapping[str, int | None]) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def _written(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _limit(query: Query, name: str, default: int) -> int:
    """Read how many names a page may have; more than the most there can be is that, and none the default."""
    text = query.get(name, "0")
    if not (text.isascii() and text.isdecimal()):
        message = f"'{name}' is a number of models, at most {LONGEST_PAGE}; it is '{text}'"
        raise Malformed(message, name)
    return min(int(text[:9]), LONGEST_PAGE) or default


def _page(among: Sequence[str], query: Query, name: str, limit: int) -> tuple[list[str], bool]:
    """Give the names behind the one that the query holds under ``name``, and whether there are more."""
    start = 0
    if query.get(name):
        if query[name] not in among:
            message = f"'{name}' is not the name of a listed model: '{query[name]}'"
            raise Malformed(message, name)
        start = among.index(query[name]) + 1
    return list(among[start : start + limit]), start + limit < len(among)
