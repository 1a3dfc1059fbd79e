"""What the text completions format holds to be the same, as canonical JSON.

``null`` is what an absent member is, and an answer's first choice has the index 0
(https://platform.openai.com/docs/api-reference/completions/object). Requests are not written in this format, so none
has a canonical form beyond that.
"""

from typing import Any

Json = dict[str, Any]


def request(value: Json) -> Json:
    """Give the canonical form of a request."""
    return without(value)


def response(value: Json) -> Json:
    """Give the canonical form of a whole answer."""
    body = without(value)
    return {**body, "choices": [without(each) for each in body.get("choices", ())]}


def without(value: Json) -> Json:
    """Leave out members that are null."""
    return {name: each for name, each in value.items() if each is not None}
