"""Reading HTTP/1.1 answers: bytes in, a head and pieces of a body out. No I/O.

httptools (llhttp) parses, strictly; this adds what it leaves to its user: which message is the answer (not a 1xx),
where a body without a length ends, and bounds on everything that is not a body.

Always true: what is kept of an answer besides its body is at most ``LONGEST_HEAD`` bytes.
"""

import httptools

LONGEST_HEAD = 65_536
"""Bytes of status line and headers, and of whatever else brings no piece of a body (1xx answers, trailers)."""


class BadAnswer(Exception):
    """The bytes are no HTTP/1.1 answer, or none that can be taken."""


class AnswerReader:
    """Reads the answers of one connection, one after the other; ``expect`` comes before each.

    ``arrived``: status and headers are there. ``complete``: so is the whole body. ``pieces``: the body's bytes of
    the last ``feed``. ``reusable``: the answer is complete and the connection fit for another request.
    """

    __slots__ = (
        "_barren",
        "_bodiless",
        "_parser",
        "_refusal",
        "_size",
        "arrived",
        "complete",
        "headers",
        "pieces",
        "reusable",
        "status",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.expect(bodiless=False)

    def expect(self, *, bodiless: bool) -> None:
        """Get ready for the next answer; ``bodiless`` where it answers a HEAD."""
        self._bodiless = bodiless
        self._barren = self._size = self.status = 0
        self._refusal = ""
        self.arrived = self.complete = self.reusable = False
        self.headers: dict[str, str] = {}
        self.pieces: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take what was read from the connection.

        Raises:
            BadAnswer: it is not what was expected; ``pieces`` still hold what came before.
        """
        if self.pieces:
            self.pieces = []
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise BadAnswer(self._refusal or str(error)) from None
            self.reusable = False  # more than the answer came: whatever that is, nothing is asked here again
        if self.pieces or self.complete:
            self._barren = 0
            return
        self._barren += len(data)
        if self._barren > LONGEST_HEAD:
            raise BadAnswer(_TOO_MUCH)

    def ends(self) -> bool:
        """Whether the answer is complete when the connection ends here: RFC 9112 §6.3, point 8."""
        lengthless = "content-length" not in self.headers and "transfer-encoding" not in self.headers
        return self.arrived and (self.complete or lengthless)

    # What the parser calls; an exception in here comes out of ``feed_data``.

    def on_message_begin(self) -> None:
        """A message begins; after the answer there must be none, so what comes is not looked at."""
        if self.complete:
            self._refuse("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line, of whatever message; or a trailer."""
        self._size += len(name) + len(value) + 4
        if self._size > LONGEST_HEAD:
            self._refuse(_TOO_MUCH)
        if self.arrived:
            return  # a trailer
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1").rstrip(" \t")
        headers = self.headers
        headers[key] = f"{headers[key]}, {text}" if key in headers else text

    def on_headers_complete(self) -> None:
        """The head is complete; it is the answer's, unless it is a 1xx."""
        status = self._parser.get_status_code()
        if status == 101:
            self._refuse("it switched protocols, which was not asked for")
        if status < 200:
            self.headers = {}
            return
        if self.headers.get("transfer-encoding", "chunked").lower() != "chunked":
            self._refuse("its transfer coding is not supported")
        self.status = status
        self.arrived = True
        if self._bodiless:
            # llhttp cannot be told, and would go on to take the next answer for this one's body.
            self.complete = True

    def on_body(self, data: bytes) -> None:
        """Bytes of a body, without their coding."""
        if self._bodiless:
            self._refuse("a body where there must be none")
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        """A message is complete; whether the connection can go on is known now."""
        if self.arrived and not self.complete:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()

    def _refuse(self, why: str) -> None:
        self._refusal = why
        raise BadAnswer(why)


_TOO_MUCH = f"more than {LONGEST_HEAD} bytes of headers"
