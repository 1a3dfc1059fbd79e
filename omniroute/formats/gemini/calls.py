"""Ids for calls that come without one, and which result answers which call.

In this format a call's id is optional; a result without one answers the first call of its name that is open. Source:
Gemini API reference, "FunctionCall" and "FunctionResponse" (https://ai.google.dev/api/caching#FunctionCall).

Always true: an id that was sent stays; one that is made up is not empty, and unique in its conversation.
"""

import re

LONGEST_STEM = 24
"""Characters of an answer's id in the ids of its calls: some formats take no more than 40 in all."""

_REFUSED = re.compile("[^A-Za-z0-9_-]")


class Calls:
    """The calls of one conversation, or of one answer, in order."""

    def __init__(self, stem: str = "") -> None:
        """Begin without calls; ``stem`` is what tells an answer from others of its conversation."""
        clean = _REFUSED.sub("", stem)[-LONGEST_STEM:]
        self._prefix = f"call_{clean}_" if clean else "call_"
        self._made = 0
        self._seen: set[str] = set()
        self._open: list[tuple[str, str]] = []

    def called(self, name: str, given: str | None) -> str:
        """Take a call; give its id."""
        call = given or self._make()
        self._seen.add(call)
        self._open.append((name, call))
        return call

    def answered(self, name: str | None, given: str | None) -> str:
        """Take a result; give the id of the call that it answers."""
        for place, (called, call) in enumerate(self._open):
            if call == given if given else called == name:
                del self._open[place]
                return call
        return given or self._make()

    def _make(self) -> str:
        """Make an id up."""
        while True:
            call = f"{self._prefix}{self._made}"
            self._made += 1
            if call not in self._seen:
                return call
