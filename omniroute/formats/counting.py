"""Carries the question how many tokens a request has, and its answer, which is a number."""

from omniroute.errors import Bug
from omniroute.formats.codec import Answered, Codec, Counter, Prepared, Watch
from omniroute.formats.translate import Whole
from omniroute.ir.complaint import Complaint
from omniroute.ir.loss import Loss
from omniroute.names import FailureKind


class Counting:
    """As ``translate.Carrier``, for an upstream whose format has a counter."""

    __slots__ = ("_body", "client", "losses", "upstream")

    told = (("x-omniroute-count", "provider"),)

    def __init__(self, client: Codec, upstream: Codec, body: bytes) -> None:
        """Send ``body`` to the upstream's counter."""
        self.client = client
        self.upstream = upstream
        self.losses: tuple[Loss, ...] = ()
        self._body = body

    def url(self, model: str, stream: bool) -> str:  # noqa: FBT001 - the shape of Carrier
        """Give what is appended to the upstream's base URL."""
        return counter_of(self.upstream).url(model)

    def prepare(self) -> Prepared:
        """Give the body to send."""
        return Prepared(self._body)

    def watch(self, prepared: Prepared) -> Watch:
        """Refuse: a count is never streamed."""
        raise Bug(f"a count was to be streamed: {len(prepared.body)} bytes were asked")

    def whole(self, body: bytes) -> Whole:
        """Read the number, and write it as the client's format does."""
        found = counter_of(self.upstream).read(body)
        if found is None:
            complaint = Complaint(message="the answer holds no count of tokens")
            return Whole(Answered(complaint=complaint, trouble=FailureKind.MALFORMED))
        return Whole(Answered(), counter_of(self.client).render(found))


def counter_of(codec: Codec) -> Counter:
    """Give a format's counter.

    Raises:
        Bug: it has none, which whoever asks has seen to.
    """
    if codec.counter is None:
        raise Bug(f"{codec.format} has no counter")
    return codec.counter
