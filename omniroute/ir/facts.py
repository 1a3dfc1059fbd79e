"""What routing needs to know of a request, derived once from its body and headers."""

import msgspec

from omniroute.names import Format, ProviderName


class Facts(msgspec.Struct, frozen=True):
    """What a request asks for.

    ``asked`` is the model's name as the client wrote it. ``provider`` is set where the path itself names the
    provider, and nothing else may then serve it.
    """

    asked: str
    format: Format
    stream: bool
    provider: ProviderName | None = None
