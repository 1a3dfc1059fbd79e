"""How an explanation is written: as a JSON document, and what is to be kept in mind below one in words."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from omniroute.routing.explanation import Explanation
from omniroute.routing.wording import notes

VERSION = "1.0"
"""The format of the JSON document: ``schemas/explanation.schema.json``."""


def document(explanation: Explanation | None, past: Mapping[str, Any] | None = None) -> str:
    """Write the JSON document."""
    told = None
    if explanation is not None:
        told = {**msgspec.to_builtins(explanation), "config": f"sha256:{explanation.config}"}
        told["notes"] = list(notes(explanation))
    return json.dumps({"format_version": VERSION, "explanation": told, "past": past}, indent=2) + "\n"


def noted(lines: tuple[str, ...]) -> str:
    """Write what is to be kept in mind below the rest."""
    return "\n" + "".join(f"Note: {each}.\n" for each in lines)
