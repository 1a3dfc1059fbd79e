"""Which models are worth coming back to: those whose provider keeps what a conversation has said so far.

Source of the rule: a provider keeps prompts where it lets requests say what to keep (``cache_hints``), or where it
bills what it has kept for less than what it reads anew (https://platform.openai.com/docs/guides/prompt-caching,
https://ai.google.dev/gemini-api/docs/caching): there it keeps them unasked.
"""

from omniroute.config.snapshot import Model
from omniroute.names import Capability


def keeps_prompts(model: Model) -> bool:
    """Say whether a conversation is cheaper where it went on before."""
    if Capability.CACHE_HINTS in model.capabilities:
        return True
    price = model.price
    return price.cache_read is not None and price.input is not None and price.cache_read < price.input
