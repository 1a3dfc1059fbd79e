"""The form of an answer.

Source: OpenAI API reference, "Create chat completion", ``response_format``
(https://platform.openai.com/docs/api-reference/chat/create). Of other servers: ``schema`` beside ``json_object``.
"""

from typing import Any

from omniroute.formats.openai_chat.members import Writing, members, nested, rest
from omniroute.ir.request import OutputSpec

NAMELESS = "answer"
"""What a schema is called that its client did not name; this format wants a name."""
_FIELDS = {"name": str, "description": str, "strict": bool}


def read_output(left: dict[str, Any]) -> OutputSpec | None:
    """Take the wish for a form out of a request's members; plain text is none, and an unknown form stays there."""
    value = left.get("response_format")
    if not isinstance(value, dict):
        return None
    kind, spec = value.get("type"), value.get("json_schema")
    if kind == "text":
        left["=response_format"] = left.pop("response_format")
    elif kind == "json_object":
        del left["response_format"]
        extras = rest(value, "type", "schema")
        schema = value.get("schema")
        if schema is not None:
            extras["=type"] = kind
        return OutputSpec(schema, extras=extras or None)
    elif kind == "json_schema" and isinstance(spec, dict):
        del left["response_format"]
        extras = rest(value, "type", "json_schema")
        fields = {name: spec[name] for name, type_ in _FIELDS.items() if isinstance(spec.get(name), type_)}
        nested(extras, "json_schema", spec, "schema", *fields)
        if spec.get("schema") is None and not fields:
            extras["=type"] = kind
        return OutputSpec(spec.get("schema"), extras=extras or None, **fields)
    return None


def write_output(output: OutputSpec, writing: Writing) -> dict[str, Any]:
    """Write ``response_format``."""
    extras = writing.extras(output.extras, "output")
    described = (output.schema, output.name, output.description, output.strict)
    kind = extras.pop("type", "json_object" if described == (None,) * 4 else "json_schema")
    if kind == "json_object":
        return members({"type": kind, "schema": output.schema} | extras)
    spec = {
        "name": output.name if writing.own else output.name or NAMELESS,
        "description": output.description,
        "schema": output.schema,
        "strict": output.strict,
    }
    return {"type": kind, "json_schema": members(spec | extras.pop("json_schema", {}))} | extras
