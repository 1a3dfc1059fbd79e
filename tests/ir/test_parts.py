"""What messages are made of, as values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.ir.parts import Image, Inline, Opaque, Part, Plain, Text, ToolCall, ToolResult, Url
from omniroute.names import Format
from tests.support.ir_values import WIRES, answer_parts, shown
from tests.support.laws import often

every_part = st.sampled_from(WIRES).flatmap(lambda wire: answer_parts(wire) | st.tuples(shown(wire)))


@given(every_part)
@settings(max_examples=often(100), deadline=None)
def test_parts_do_not_change(parts: tuple[Part, ...]) -> None:
    for part in parts:
        with pytest.raises(AttributeError):
            setattr(part, part.__struct_fields__[0], None)


def test_parts_that_say_the_same_are_equal() -> None:
    assert Image(Inline("image/png", "AA==")) == Image(Inline("image/png", "AA=="))
    assert Image(Inline("image/png", "AA==")) != Image(Url("https://example.com/a.png"))
    assert Text("a") != Text("a", extras={"x": 1})
    assert Opaque(Format.GEMINI, 1) != Opaque(Format.OLLAMA, 1)
    assert ToolResult("1", (Text("a"),)) == ToolResult("1", (Text("a"),), None)
    assert ToolCall("1", "f", '{"a": 1}') != ToolCall("1", "f", '{"a":1}')


def test_a_plain_document_is_plain_text_unless_it_says_otherwise() -> None:
    assert Plain("a").media_type == "text/plain"
