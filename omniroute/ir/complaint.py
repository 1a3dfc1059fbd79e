"""An upstream's own account of what went wrong, read out of its dialect."""

import msgspec


class Complaint(msgspec.Struct, frozen=True):
    """What an upstream said in an error body or an error event; every field may be absent.

    ``status`` is the HTTP status, or the one named inside an error event of a stream that had begun with 200.
    ``message`` is at most 2,000 characters: an upstream's error page must not fill our logs.
    """

    status: int | None = None
    code: str | None = None
    type: str | None = None
    param: str | None = None
    message: str = ""
