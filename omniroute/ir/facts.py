"""What routing needs to know of a request, derived once from its body and headers."""

import msgspec

from omniroute.names import Capability, Format, ProviderName


class Facts(msgspec.Struct, frozen=True):
    """What a request asks for.

    ``input_tokens`` is an estimate, None where nobody made one; ``needs`` are what its content asks of a model.
    ``session`` is the key of the conversation that it belongs to, where that is known. ``guess`` is there where it was
    only guessed: its ``str`` is the key under which it is remembered who answered, if that is a model whose provider
    keeps prompts; it may be worked out only then.

    ``asked`` is the model's name as the client wrote it. ``provider`` is set where the path itself names the
    provider, and nothing else may then serve it.
    """

    asked: str
    format: Format
    stream: bool
    provider: ProviderName | None = None
    input_tokens: int | None = None
    max_output: int | None = None
    needs: frozenset[Capability] = frozenset()
    session: str | None = None
    guess: object | None = None
