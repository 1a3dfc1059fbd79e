"""The JSON Schema of the configuration language, generated from the document models.

``schema_text`` is what ``schemas/omniroute.schema.json`` holds: what editors, CI and the running gateway use.

Always true: the same models give the same text, key by key; every table with fixed keys is closed; tables with
free names say which names are allowed; no key lacks a description; nothing is nullable, since TOML has no null.
"""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from omniroute import __version__
from omniroute.config.document import Catalogue, Document
from omniroute.config.document.base import RELOAD, STATUS
from omniroute.config.words import toml, toml_key

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Node = dict[str, Any]

_NOTES = {STATUS: "Not supported yet.", RELOAD: "Takes effect on restart."}
_ORDER = (
    "$schema", "$id", "title", "description", "markdownDescription", "x-tombi-toml-version",
    "$ref", "type", "const", "enum", "oneOf", "format", "pattern", "minimum", "maximum", "minLength", "minItems",
    "propertyNames", "properties", "required", "additionalProperties", "items", "default", "examples",
)  # fmt: skip


def schema_text() -> str:
    """Give the schema of a user's configuration file, ready to be written."""
    return _text(document_schema())


def document_schema() -> Node:
    """Give the schema of a user's configuration file."""
    return _schema(Document, "omniroute")


def catalogue_schema() -> Node:
    """Give the schema of a file of the catalogue that comes with the gateway."""
    return _schema(Catalogue, "catalogue")


def _text(schema: Node) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


class _Generator(GenerateJsonSchema):
    """pydantic's generator, without what TOML and people have no use for: nulls and automatic titles."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Leave null out: in TOML, what is not set is not written."""
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Give no titles: a key's own name says the same."""
        del schema
        return False


def _schema(model: type[BaseModel], name: str) -> Node:
    generated = model.model_json_schema(schema_generator=_Generator)
    definitions = generated.pop("$defs")
    root = _tidied(generated, definitions) | {
        "$schema": DIALECT,
        "$id": f"urn:omniroute:schema:v{__version__.partition('.')[0]}:{name}",
        "title": f"OmniRoute {name}" if name != "omniroute" else "OmniRoute configuration",
        "x-tombi-toml-version": "v1.0.0",
    }
    tidied = {key: _tidied(each, definitions) for key, each in sorted(definitions.items())}
    return _ordered(root) | {"$defs": tidied}


def _tidied(node: Node, definitions: Node) -> Node:
    """Rewrite one schema, and those within it."""
    tidy = {key: value for key, value in node.items() if key != "title"}
    if "anyOf" in tidy:
        tidy["oneOf"] = tidy.pop("anyOf")
    if tidy.get("default") in (None, [], {}):
        tidy.pop("default", None)
    if "patternProperties" in tidy:
        ((pattern, value),) = tidy.pop("patternProperties").items()
        tidy |= {"propertyNames": {"pattern": pattern}, "additionalProperties": value}
    for key, value in tidy.items():
        if key == "properties":
            tidy[key] = {
                name: _described(name, _tidied(each, definitions), definitions) for name, each in value.items()
            }
        elif key == "oneOf":
            tidy[key] = [_tidied(each, definitions) for each in value]
        elif key in {"items", "additionalProperties"} and value is not False:
            tidy[key] = _tidied(value, definitions)
    return _ordered(tidy)


def _described(name: str, node: Node, definitions: Node) -> Node:
    """Say in the description what the marks mean, and show the examples as TOML to editors that render Markdown.

    pydantic leaves a description out where it is the same as that of the table which is referred to.
    """
    described = node if "description" in node else definitions[node["$ref"].rpartition("/")[2]]
    notes = [note for mark, note in _NOTES.items() if mark in node]
    description = " ".join([described["description"], *notes])
    examples = "\n".join(f"{toml_key(name)} = {toml(each)}" for each in node.get("examples", ()))
    shown = {"markdownDescription": f"{description}\n\n```toml\n{examples}\n```"} if examples else {}
    return _ordered(node | {"description": description} | shown)


def _ordered(node: Node) -> Node:
    """Put what a reader looks for first, and marks last."""
    known = {key: node[key] for key in _ORDER if key in node}
    return known | {key: node[key] for key in sorted(node.keys() - known.keys())}
