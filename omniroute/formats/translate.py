"""Carries a request to an upstream and its answer back: as the bytes they are, or said in another format.

Where client and upstream speak the same format, nothing is read that need not be. Where they do not, a request is read
once, and written once for each format that it is to be said in.

Always true: what could not be carried is in ``losses``; a request is only carried to a format that can say all of its
content, which ``Translation.fit`` tells before anything is sent.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from omniroute.errors import Bug
from omniroute.formats import CODECS
from omniroute.formats.adapt import Adapted, Known, Telling, adapt, told_back
from omniroute.formats.codec import Answered, Asked, Codec, Context, Prepared, Terms, Watch
from omniroute.formats.stream import Decoder, Learnt
from omniroute.ir.events import Event, Fault
from omniroute.ir.loss import Loss, Weight
from omniroute.ir.request import GenerateRequest
from omniroute.names import Format

Headers = tuple[tuple[str, str], ...]


class Fit(msgspec.Struct, frozen=True):
    """How a request fits a format that it was not asked in: what is lost; ``refused`` says why it cannot be said."""

    losses: tuple[Loss, ...] = ()
    refused: str | None = None


class Spoken(msgspec.Struct, frozen=True):
    """A request said in a format: the JSON object, what is lost, and the tools that were said under other names."""

    body: Mapping[str, Any]
    losses: tuple[Loss, ...]
    names: Mapping[str, Known]


class Whole(msgspec.Struct, frozen=True):
    """A whole answer: what was learnt of it, and, unless that is a complaint, the body for the client."""

    answered: Answered
    body: bytes = b""


class Carrier(Protocol):
    """How one request goes to one upstream, and its answer comes back.

    ``upstream`` is the codec spoken there, ``client`` the one spoken here; ``losses`` grows as the answer comes.
    """

    upstream: Codec
    client: Codec

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What was lost until now."""
        ...

    @property
    def told(self) -> Headers:
        """Response headers that say how the answer was come by."""
        ...

    def url(self, model: str, stream: bool) -> str:  # noqa: FBT001 - the shape that codec.Codec gives it
        """Give what is appended to the upstream's base URL."""
        ...

    def prepare(self) -> Prepared:
        """Give the body to send."""
        ...

    def watch(self, prepared: Prepared) -> Watch:
        """Begin to follow a streamed answer; what the watch gives out is for the client."""
        ...

    def whole(self, body: bytes) -> Whole:
        """Take a whole answer."""
        ...


class PassThrough:
    """The upstream speaks the client's format: bytes are kept."""

    __slots__ = ("_asked", "_terms", "client", "losses", "upstream", "url")

    told: Headers = ()

    def __init__(self, codec: Codec, asked: Asked, terms: Terms) -> None:
        """Carry ``asked`` as it is, to a target of these ``terms``."""
        self.client = self.upstream = codec
        self.losses: tuple[Loss, ...] = ()
        self.url = codec.url
        self._asked = asked
        self._terms = terms

    def prepare(self) -> Prepared:
        """Give the client's bytes, with the upstream's name for the model."""
        return self.upstream.prepare(self._asked, self._terms.model, self._terms.stream_usage)

    def watch(self, prepared: Prepared) -> Watch:
        """Follow the bytes without changing them."""
        return self.upstream.watch(prepared.hide_usage)

    def whole(self, body: bytes) -> Whole:
        """Learn from the answer; its bytes are the client's."""
        return Whole(self.upstream.answer(body), body)


class Restated(PassThrough):
    """The upstream speaks the client's format, but the request holds what it would refuse: thoughts of others.

    A conversation that others have answered before is read and written again without their thoughts; what is answered
    now is passed through.
    """

    __slots__ = ("_spoken",)

    def __init__(self, codec: Codec, asked: Asked, spoken: Spoken, terms: Terms) -> None:
        """Carry a request as it was ``spoken``."""
        super().__init__(codec, asked, terms)
        self.losses = spoken.losses
        self._spoken = spoken

    def prepare(self) -> Prepared:
        """Give the request without the thoughts of others."""
        return Prepared(dress(self.upstream)(self._spoken.body, self._terms))


class Translation:
    """A client's request, and its sayings in other formats: each is made when it is first asked for, and kept."""

    __slots__ = ("_asked", "_request", "_spoken", "codec")

    def __init__(self, codec: Codec, asked: Asked) -> None:
        """Hold the request; nothing of it is read yet."""
        self.codec = codec
        self._asked = asked
        self._request: GenerateRequest | None = None
        self._spoken: dict[Format, Spoken] = {}

    @property
    def request(self) -> GenerateRequest:
        """The request, read.

        Raises:
            Malformed: it cannot be understood.
        """
        if self._request is None:
            self._request = self.codec.read_request(self._asked)
        return self._request

    def fit(self, wire: Format) -> Fit:
        """Say how the request fits a format other than its own.

        Raises:
            Malformed: it cannot be understood.
        """
        codec = CODECS.get(wire)
        if codec is None or codec.render_request is None:
            return Fit(refused=f"requests are not translated to {wire}")
        pins = self.request.pins
        if pins:
            said = "; ".join(f"'{pin.feature}' ({pin.why})" for pin in pins)
            return Fit(refused=f"only a provider that speaks {self.codec.format} can do what is asked: {said}")
        losses = self.spoken(wire).losses
        content = [loss for loss in losses if loss.weight is Weight.CONTENT]
        if content:
            said = "; ".join(f"{loss.path} ({loss.why})" for loss in content)
            return Fit(losses, f"{wire} cannot say {said}")
        return Fit(losses)

    def spoken(self, wire: Format) -> Spoken:
        """Say the request in a format that ``fit`` found able to.

        Raises:
            Malformed: it cannot be understood.
        """
        if wire not in self._spoken:
            self._spoken[wire] = self._say(CODECS[wire])
        return self._spoken[wire]

    def _say(self, codec: Codec) -> Spoken:
        """Write the request in a format."""
        if codec.render_request is None:
            raise Bug(f"{codec.format} is spoken by clients only")
        adapted = Adapted(self.request, {}, ()) if codec.tools is None else adapt(self.request, codec.tools)
        rendered = codec.render_request(adapted.request)
        return Spoken(rendered.body, adapted.losses + rendered.losses, adapted.names)

    def carrier(self, wire: Format, terms: Terms, request_id: str, now: int) -> Carrier:
        """Carry the request to a target that is asked in ``wire``; ``now`` is in Unix microseconds."""
        if wire is self.codec.format:
            if any(mark in self._asked.body for mark in self.codec.marks):
                return Restated(self.codec, self._asked, self.spoken(wire), terms)
            return PassThrough(self.codec, self._asked, terms)
        context = Context(self.request, request_id, terms.model, now)
        return Translated(self.codec, CODECS[wire], self.spoken(wire), terms, context)


class Translated:
    """The upstream speaks another format than the client."""

    __slots__ = ("_context", "_more", "_spoken", "_terms", "client", "upstream", "url")

    told: Headers = ()

    def __init__(self, client: Codec, upstream: Codec, spoken: Spoken, terms: Terms, context: Context) -> None:
        """Carry a request as it was ``spoken``."""
        self.client = client
        self.upstream = upstream
        self.url = upstream.url
        self._spoken = spoken
        self._terms = terms
        self._context = context
        self._more: list[Loss] = []

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What was lost until now."""
        return (*self._spoken.losses, *self._more)

    def prepare(self) -> Prepared:
        """Give the body as the target wants it."""
        return Prepared(dress(self.upstream)(self._spoken.body, self._terms))

    def watch(self, prepared: Prepared) -> Watch:
        """Read the stream, and write it in the client's format; usage is said or left out by that format's encoder."""
        return TranslatingWatch(self.upstream, self.client, self._spoken.names, self._context, self._more)

    def whole(self, body: bytes) -> Whole:
        """Read the answer, and write it in the client's format."""
        answered = self.upstream.answer(body)
        if answered.complaint is not None:
            return Whole(answered)
        response = self.upstream.read_response(body)
        if self._spoken.names:
            parts = tuple(told_back(part, self._spoken.names) for part in response.parts)
            response = msgspec.structs.replace(response, parts=parts)
        said = self.client.render_response(response, self._context)
        self._more.extend(said.losses)
        return Whole(answered, said.body)


def dress(codec: Codec) -> Callable[[Mapping[str, Any], Terms], bytes]:
    """Give what makes the body to send of a request that was written.

    Raises:
        Bug: the format is spoken by clients only, which whoever asks has seen to.
    """
    if codec.dress is None:
        raise Bug(f"{codec.format} is spoken by clients only")
    return codec.dress


class TranslatingWatch(Learnt):
    """Follows a stream as ``codec.Watch``, and gives it out in another format."""

    def __init__(
        self, upstream: Codec, client: Codec, names: Mapping[str, Known], context: Context, losses: list[Loss]
    ) -> None:
        """Begin at the beginning of a stream; what cannot be said is added to ``losses``."""
        super().__init__()
        self._decoder = Decoder(upstream.splitter(), upstream.reader())
        self._encoder = client.encoder(context)
        self._encoder.losses = losses
        self._telling = Telling(names) if names else None

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the upstream; give those to be sent on."""
        return self._say(self._decoder.feed(data))

    def close(self) -> bytes:
        """Take the end of input; give what the client is still owed."""
        return self._say(self._decoder.close())

    def _say(self, events: list[Event]) -> bytes:
        """Learn from events, and say them to the client; a fault is said by who ends the stream."""
        said: list[bytes] = []
        for event in events:
            self.learn(event)
            if isinstance(event, Fault):
                break
            if self._telling is None:
                said.append(self._encoder.feed(event))
            else:
                said.extend(map(self._encoder.feed, self._telling.take(event)))
        return b"".join(said)
