"""How much to think, said as an effort or as a number of tokens: one table for going from one to the other.

The tokens are those that Google documents for its own translation of ``reasoning_effort``
(https://ai.google.dev/gemini-api/docs/openai#thinking: 1,024, 8,192 and 24,576); the rungs that it does not name are
ours.
"""

# literal table: effort → tokens, rising
EFFORTS: dict[str, int] = {
    "none": 0,
    "minimal": 512,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 65_536,
}


def budget_of(effort: str) -> int:
    """Give the tokens that an effort stands for; an unknown word counts as ``medium``."""
    return EFFORTS.get(effort, EFFORTS["medium"])


def effort_of(budget: int, known: tuple[str, ...] = ("low", "medium", "high")) -> str:
    """Give the least of the efforts ``known``, in rising order, that is worth ``budget`` tokens, else the greatest."""
    return next((effort for effort in known if EFFORTS[effort] >= budget), known[-1])
