"""Tools that a provider runs itself, and when they bind a request to providers of its own format.

A search beside tools of the client's own is an offer that coding agents make with every request, whatever it is about:
another provider leaves it out, and says so. Any other hosted tool, one that the client insists on, and one that is all
that the model is given, is what the request is about: only its own format can serve it (docs/decisions).
"""

from collections.abc import Callable, Sequence

from omniroute.ir.parts import Opaque
from omniroute.ir.request import Pin, Tool


def hosted_pins(
    tools: Sequence[Tool | Opaque], name: Callable[[Opaque], str], search: Callable[[Opaque], bool], forced: str | None
) -> tuple[Pin, ...]:
    """Give the pins of a request's hosted tools.

    Args:
        tools: the request's tools.
        name: what a format calls a hosted tool.
        search: whether a hosted tool searches the web.
        forced: the name of the hosted tool that the client's tool choice insists on, if it does.
    """
    if not tools:
        return ()
    own = any(isinstance(tool, Tool) for tool in tools)
    bound = (
        name(tool) for tool in tools if isinstance(tool, Opaque) and not (own and search(tool) and name(tool) != forced)
    )
    return tuple(Pin(f"tools: {each}", "it is run by the provider, not by the client") for each in dict.fromkeys(bound))
