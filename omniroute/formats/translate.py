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
from omniroute.formats.shape import Shaping, shaped
from omniroute.formats.stream import Decoder, Learnt
from omniroute.ir.events import Event, Fault
from omniroute.ir.loss import Loss, LossKind, Weight
from omniroute.ir.request import GenerateRequest
from omniroute.names import Format

Headers = tuple[tuple[str, str], ...]


class Fit(msgspec.Struct, frozen=True):
    """How a request fits a format: what is lost; ``refused`` says why it cannot be said.

    ``tools`` says whether it offers any, as far as that is looked at.
    """

    losses: tuple[Loss, ...] = ()
    refused: str | None = None
    tools: bool = True


FITS = Fit()


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
    """The upstream speaks the client's format, but what it is to be asked is not what the client's bytes say.

    They hold what it would refuse, thoughts of others, or the request was shaped: it is read and written again. What
    is answered now is passed through.
    """

    __slots__ = ("_spoken",)

    def __init__(self, codec: Codec, asked: Asked, spoken: Spoken, terms: Terms) -> None:
        """Carry a request as it was ``spoken``."""
        super().__init__(codec, asked, terms)
        self.losses = spoken.losses
        self._spoken = spoken

    def prepare(self) -> Prepared:
        """Give the request as it was written again; usage that the client did not ask for is hidden from it."""
        hide_usage = self._asked.stream and self._terms.stream_usage and not self._asked.usage_asked
        return Prepared(dress(self.upstream)(self._spoken.body, self._terms), hide_usage)


class Translation:
    """A client's request, and its sayings in other formats: each is made when it is first asked for, and kept."""

    __slots__ = ("_asked", "_plain", "_request", "_shaping", "_spoken", "_under", "codec")

    def __init__(
        self, codec: Codec, asked: Asked, shaping: Shaping | None = None, plain: "Translation | None" = None
    ) -> None:
        """Hold the request; nothing of it is read yet. With a shaping, ``plain`` is the client's request without it."""
        self.codec = codec
        self._asked = asked
        self._plain = plain
        self._shaping = shaping
        self._under: dict[Shaping, Translation] = {}
        self._request: GenerateRequest | None = None
        self._spoken: dict[Format, Spoken] = {}

    @property
    def plain(self) -> "Translation":
        """The client's request as it came."""
        return self._plain or self  # kept as None where it is this one: what refers to itself is freed late

    def under(self, shaping: Shaping | None) -> "Translation":
        """Give the translation of what a shaping makes of the client's request."""
        if shaping is None:
            return self
        if shaping not in self._under:
            self._under[shaping] = Translation(self.codec, self._asked, shaping, self)
        return self._under[shaping]

    @property
    def request(self) -> GenerateRequest:
        """The request, read and shaped.

        Raises:
            Malformed: it cannot be understood.
        """
        if self._request is None:
            read = self.codec.read_request(self._asked) if self._shaping is None else self.plain.request
            self._request = read if self._shaping is None else shaped(read, self._shaping)
        return self._request

    @property
    def restated(self) -> bool:
        """Whether upstreams of the client's own format are sent other bytes than the client's.

        Raises:
            Malformed: it cannot be understood, and has to be.
        """
        writes = self.codec.render_request is not None
        if writes and self._shaping is not None and self.request is not self.plain.request:
            return True
        marks = self.codec.marks
        return bool(marks) and any(mark in self._asked.body for mark in marks)

    def fit(self, wire: Format, shaping: Shaping | None = None) -> Fit:
        """Say how the request, under a shaping, fits a format; its own it fits, if that can say what is told instead.

        Raises:
            Malformed: it cannot be understood.
        """
        if shaping is not None:
            return self.under(shaping).fit(wire)
        if wire is self.codec.format:
            return self._own_fit()
        unread = sayable(wire)
        if unread.refused is not None:
            return unread
        pins = self.request.pins
        if pins:
            said = "; ".join(f"'{pin.feature}' ({pin.why})" for pin in pins)
            return Fit(refused=f"only a provider that speaks {self.codec.format} can do what is asked: {said}")
        losses = self.spoken(wire).losses
        return _weighed(losses, wire) if losses else FITS

    def _own_fit(self) -> Fit:
        """Say how the request fits its own format: without a place for instructions, that cannot take a combo's."""
        told = self._shaping is not None and self._shaping.tells
        mute = f"{self.codec.format} has no place for a system message" if self.codec.render_request is None else None
        return Fit(refused=mute if told else None, tools=bool(self.request.tools))

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
        rules = codec.tools if codec.format is not self.codec.format else None
        adapted = Adapted(self.request, {}, ()) if rules is None else adapt(self.request, rules)
        rendered = codec.render_request(adapted.request)
        losses = adapted.losses + rendered.losses
        if self.request.thinking is not None and self.request.thinking.ruled:
            losses = tuple([loss for loss in losses if not _is_wording(loss)])
        return Spoken(rendered.body, losses, adapted.names)

    def carrier(self, wire: Format, terms: Terms, request_id: str, now: int) -> Carrier:
        """Carry the request to a target that is asked in ``wire``; ``now`` is in Unix microseconds."""
        if self._shaping is not None and terms.thinking is None and self._shaping.unforced is not self._shaping:
            return self.plain.under(self._shaping.unforced).carrier(wire, terms, request_id, now)
        if wire is self.codec.format:
            if self.restated:
                return Restated(self.codec, self._asked, self.spoken(wire), terms)
            return PassThrough(self.codec, self._asked, terms)
        context = Context(self.plain.request, request_id, terms.model, now)
        return Translated(self.codec, CODECS[wire], self.spoken(wire), terms, context)


def _weighed(losses: tuple[Loss, ...], wire: Format) -> Fit:
    """Say how a request fits a format in which these are lost: content must not be."""
    content = [loss for loss in losses if loss.weight is Weight.CONTENT]
    if not content:
        return Fit(losses)
    said = "; ".join(f"{loss.path} ({loss.why})" for loss in content)
    return Fit(losses, f"{wire} cannot say {said}")


def _is_wording(loss: Loss) -> bool:
    """Say whether a loss is only that a format says in words of its own how much the configuration wants thought."""
    return loss.kind is LossKind.APPROXIMATED and loss.path.startswith("thinking")


class Lossless:
    """How a request fits formats, where nothing that it says may be lost: as ``Translation.fit``, which it asks."""

    __slots__ = ("_fitting",)

    def __init__(self, fitting: Callable[..., Fit]) -> None:
        """Ask ``fitting``."""
        self._fitting = fitting

    def __call__(self, wire: Format, shaping: Shaping | None = None) -> Fit:
        """Say how it fits; where anything is lost, it does not.

        Raises:
            Malformed: the request cannot be understood.
        """
        fit = self._fitting(wire) if shaping is None else self._fitting(wire, shaping)
        if fit.refused is not None or not fit.losses:
            return fit
        said = "; ".join(dict.fromkeys(f"{loss.path} ({loss.why})" for loss in fit.losses))
        return Fit(
            fit.losses, f"the key's policy lets nothing be lost (on_loss), and {wire} cannot keep {said}", fit.tools
        )


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


def sayable(wire: Format, shaping: Shaping | None = None) -> Fit:
    """Say how a request of which nothing is known fits a format, whatever is made of it by a ``shaping``."""
    del shaping
    codec = CODECS.get(wire)
    if codec is None or codec.render_request is None:
        return Fit(refused=f"requests are not translated to {wire}")
    return FITS


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
