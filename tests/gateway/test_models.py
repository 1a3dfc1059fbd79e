"""What is said of models, aliases and combos, in the form of each wire format."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import pytest

from omniroute.config.policy import Policy
from omniroute.config.snapshot import Model
from omniroute.engine.holder import Live
from omniroute.errors import Malformed, UnknownModel
from omniroute.gateway.models import FORMS, LONGEST_PAGE, find, listed, names, ollama_show
from omniroute.names import Capability, Format
from tests.support.gateway import live
from tests.support.snapshots import combo, provider, snapshot, target

LARGE = Model("org/large", 128_000, 8_000, frozenset({Capability.TOOLS, Capability.IMAGES, Capability.THINKING}))
SMALL = Model("small", 32_000, None, frozenset({Capability.TOOLS}))
HOUSE = provider("house", models=[LARGE, SMALL, Model("unknown")])
NAMES = ["both", "odd", "smart", "house/org/large", "house/small", "house/unknown"]


def config() -> Live:
    both = combo("both", target(HOUSE, "org/large"), target(HOUSE, "small"))
    odd = combo("odd", target(HOUSE, "small"), target(HOUSE, "unknown"))
    return live(snapshot(HOUSE, combos=[both, odd], aliases={"smart": "house/org/large", "gpt-*": "house/*"}), {})


def one(form: Format, name: str) -> dict[str, Any]:
    describe, _ = FORMS[form]
    return describe(find(config(), name))


def many(
    form: Format,
    query: Mapping[str, str] | None = None,
    among: Live | None = None,
    policy: Policy | None = None,
) -> dict[str, Any]:
    _, enumerate_names = FORMS[form]
    return enumerate_names(among or config(), query or {}, policy)


def test_every_name_is_listed_once() -> None:
    assert names(config()) == NAMES


@pytest.mark.parametrize(
    ("policy", "listed_names"),
    [
        (Policy("free"), NAMES),
        (Policy("small", allow=("house/small",)), ["both", "odd", "house/small"]),
        (Policy("combo", allow=("both",)), ["both"]),
        (Policy("no-large", deny=("house/org/*",)), ["both", "odd", "house/small", "house/unknown"]),
    ],
    ids=lambda value: value.name if isinstance(value, Policy) else "",
)
def test_a_caller_is_told_of_the_names_that_its_policy_lets_it_be_answered_under(
    policy: Policy, listed_names: Sequence[str]
) -> None:
    assert names(config(), policy) == listed_names
    assert [each["id"] for each in many(Format.OPENAI_CHAT, policy=policy)["data"]] == listed_names
    assert len(many(Format.OLLAMA, policy=policy)["models"]) == len(listed_names)
    for name in set(NAMES) - set(listed_names):
        with pytest.raises(UnknownModel):
            find(config(), name, policy)
    shadowed = live(snapshot(HOUSE, aliases={"house/small": "house/org/large"}), {})
    assert names(shadowed) == ["house/small", "house/org/large", "house/unknown"]
    assert find(shadowed, "house/small").root == "house/org/large"


@pytest.mark.parametrize("name", ["", "house", "gpt-4", "house/other"])
def test_what_is_not_listed_is_not_found(name: str) -> None:
    with pytest.raises(UnknownModel, match=f"listed as '{name}'"):
        find(config(), name)


@pytest.mark.parametrize(
    ("name", "owner", "context", "max_output", "capabilities"),
    [
        ("house/org/large", "house", 128_000, 8_000, {"tools", "images", "thinking"}),
        ("smart", "alias", 128_000, 8_000, {"tools", "images", "thinking"}),
        ("both", "combo", 32_000, 8_000, {"tools"}),
        ("odd", "combo", 32_000, None, set()),
        ("house/unknown", "house", None, None, set()),
    ],
)
def test_of_several_targets_is_said_what_is_true_of_each(
    name: str, owner: str, context: int | None, max_output: int | None, capabilities: set[str]
) -> None:
    found = listed(config(), name)
    assert (found.owner, found.context, found.max_output) == (owner, context, max_output)
    assert found.capabilities == capabilities


def test_a_model_in_the_form_of_openai_chat() -> None:
    common = {"object": "model", "created": 1_700_000_000}
    assert one(Format.OPENAI_CHAT, "house/org/large") == {
        "id": "house/org/large",
        **common,
        "owned_by": "house",
        "context_length": 128_000,
        "capabilities": ["images", "thinking", "tools"],
    }
    assert one(Format.OPENAI_CHAT, "house/unknown") == {"id": "house/unknown", **common, "owned_by": "house"}
    assert one(Format.OPENAI_CHAT, "smart")["root"] == "house/org/large"
    assert one(Format.OPENAI_CHAT, "odd")["targets"] == ["house/small", "house/unknown"]
    assert [each["id"] for each in many(Format.OPENAI_CHAT)["data"]] == NAMES


def test_a_model_in_the_form_of_anthropic_messages() -> None:
    assert one(Format.ANTHROPIC_MESSAGES, "smart") == {
        "type": "model",
        "id": "smart",
        "display_name": "smart",
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 128_000,
        "max_tokens": 8_000,
    }
    assert "max_tokens" not in one(Format.ANTHROPIC_MESSAGES, "odd")


def test_a_model_in_the_form_of_gemini() -> None:
    methods = ["generateContent", "streamGenerateContent", "countTokens"]
    assert one(Format.GEMINI, "house/org/large") == {
        "name": "models/house/org/large",
        "displayName": "house/org/large",
        "inputTokenLimit": 128_000,
        "outputTokenLimit": 8_000,
        "supportedGenerationMethods": methods,
        "thinking": True,
    }
    assert one(Format.GEMINI, "house/unknown") == {
        "name": "models/house/unknown",
        "displayName": "house/unknown",
        "supportedGenerationMethods": methods,
    }


def test_a_model_in_the_form_of_ollama() -> None:
    listed_as = one(Format.OLLAMA, "smart")
    details = listed_as.pop("details")
    assert listed_as == {
        "name": "smart",
        "model": "smart",
        "modified_at": "2023-11-14T22:13:20Z",
        "size": 0,
        "digest": sha256(b"smart").hexdigest(),
    }
    shown = ollama_show(find(config(), "smart"))
    assert (shown["details"], shown["modified_at"]) == (details, "2023-11-14T22:13:20Z")
    assert shown["model_info"] == {"general.architecture": "omniroute", "omniroute.context_length": 128_000}
    assert shown["capabilities"] == ["completion", "tools", "vision", "thinking"]
    unknown = ollama_show(find(config(), "house/unknown"))
    assert (unknown["model_info"], unknown["capabilities"]) == ({"general.architecture": "omniroute"}, ["completion"])
    assert [each["name"] for each in many(Format.OLLAMA)["models"]] == NAMES


@pytest.mark.parametrize(
    ("query", "found", "more"),
    [
        ({}, NAMES, False),
        ({"limit": "0"}, NAMES, False),
        ({"limit": "2"}, NAMES[:2], True),
        ({"limit": "6"}, NAMES, False),
        ({"limit": "9" * 5_000}, NAMES, False),
        ({"limit": "2", "after_id": NAMES[1]}, NAMES[2:4], True),
        ({"limit": "2", "after_id": NAMES[3]}, NAMES[4:], False),
        ({"after_id": NAMES[5]}, [], False),
        ({"limit": "2", "before_id": NAMES[5]}, NAMES[3:5], True),
        ({"limit": "2", "before_id": NAMES[2]}, NAMES[:2], False),
        ({"before_id": NAMES[0]}, [], False),
        ({"before_id": "", "after_id": ""}, NAMES, False),
    ],
)
def test_anthropic_messages_pages_go_forwards_and_backwards(
    query: dict[str, str], found: Sequence[str], more: bool
) -> None:
    page = many(Format.ANTHROPIC_MESSAGES, query)
    assert [each["id"] for each in page["data"]] == found
    assert page["has_more"] is more
    assert (page["first_id"], page["last_id"]) == ((found[0], found[-1]) if found else (None, None))


def test_gemini_pages_lead_from_one_to_the_next() -> None:
    seen: list[str] = []
    query = {"pageSize": "4"}
    while True:
        page = many(Format.GEMINI, query)
        seen += [each["displayName"] for each in page["models"]]
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert seen == NAMES


def test_pages_have_the_documented_sizes_where_none_is_asked_for() -> None:
    full = live(snapshot(provider("p", models=[Model(f"m{number}") for number in range(LONGEST_PAGE + 1)])), {})
    assert len(many(Format.ANTHROPIC_MESSAGES, among=full)["data"]) == 20
    assert len(many(Format.GEMINI, among=full)["models"]) == 50
    assert len(many(Format.GEMINI, {"pageSize": "2000"}, full)["models"]) == LONGEST_PAGE
    assert len(many(Format.OPENAI_CHAT, among=full)["data"]) == LONGEST_PAGE + 1


@pytest.mark.parametrize(
    ("form", "query", "param"),
    [
        (Format.ANTHROPIC_MESSAGES, {"limit": "-1"}, "limit"),
        (Format.ANTHROPIC_MESSAGES, {"limit": "many"}, "limit"),
        (Format.ANTHROPIC_MESSAGES, {"limit": ""}, "limit"),
        (Format.ANTHROPIC_MESSAGES, {"after_id": "nobody"}, "after_id"),
        (Format.ANTHROPIC_MESSAGES, {"before_id": "nobody"}, "before_id"),
        (Format.GEMINI, {"pageSize": "²"}, "pageSize"),
        (Format.GEMINI, {"pageToken": "nobody"}, "pageToken"),
    ],
)
def test_a_page_that_cannot_be_found_is_told(form: Format, query: dict[str, str], param: str) -> None:
    with pytest.raises(Malformed, match=f"'{param}' is") as caught:
        many(form, query)
    assert caught.value.param == param
