"""Which of a provider's own tools bind a request to providers of its format."""

from typing import Any

import pytest

from omniroute.formats.hosted import hosted_pins
from omniroute.ir.parts import Opaque
from omniroute.ir.request import Tool
from omniroute.names import Format

OWN = Tool("f")


def hosted(kind: str) -> Opaque:
    return Opaque(Format.OPENAI_RESPONSES, {"type": kind})


def name(tool: Opaque) -> str:
    return str(tool.json["type"])


def search(tool: Opaque) -> bool:
    return name(tool) == "web_search"


@pytest.mark.parametrize(
    ("tools", "forced", "pinned"),
    [
        ([], None, []),
        ([OWN], None, []),
        ([OWN, hosted("web_search")], None, []),
        ([OWN, hosted("web_search")], "web_search", ["web_search"]),
        ([hosted("web_search")], None, ["web_search"]),
        ([OWN, hosted("code")], None, ["code"]),
        ([OWN, hosted("code"), hosted("web_search"), hosted("code")], None, ["code"]),
        ([hosted("files"), hosted("web_search")], None, ["files", "web_search"]),
    ],
)
def test_a_hosted_tool_binds_unless_it_is_a_search_beside_tools_of_the_clients_own(
    tools: list[Any], forced: str | None, pinned: list[str]
) -> None:
    pins = hosted_pins(tools, name, search, forced)
    assert [pin.feature for pin in pins] == [f"tools: {each}" for each in pinned]
    assert all(pin.why for pin in pins)
