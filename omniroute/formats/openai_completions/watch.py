"""Follows a streamed answer while its bytes are passed on.

Source: as for ``reader``.

Always true: beyond what ``stream.RecordWatch`` holds, a usage record that only we asked for is not passed on, and a
missing ``[DONE]`` is added to an answer that is complete without it, because clients wait for it.
"""

from omniroute.formats.framing import Record, Splitter
from omniroute.formats.openai_completions.reader import CompletionsReader
from omniroute.formats.stream import RecordWatch

_LAST_RECORD = b"data: [DONE]\n\n"


class CompletionsWatch(RecordWatch):
    """Follows one stream; see ``codec.Watch``."""

    def __init__(self, hide_usage: bool) -> None:  # noqa: FBT001 - the shape that codec.Codec gives it
        """Begin; ``hide_usage`` leaves out the record that has usage and no choices."""
        self._completion = CompletionsReader()
        self._hide_usage = hide_usage
        super().__init__(Splitter(), self._completion)

    def close(self) -> bytes:
        """Take the end of input; give what the client is still owed."""
        passed = super().close()
        return passed + _LAST_RECORD if self.done and not self._completion.ended else passed

    def _take(self, record: Record, passed: list[bytes]) -> None:
        """Learn from a record, and pass it on unless it is a fault or ours alone."""
        before = len(passed)
        super()._take(record, passed)
        if self._hide_usage and self._completion.only_usage:
            del passed[before:]
