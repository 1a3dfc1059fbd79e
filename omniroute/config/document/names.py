"""``[aliases]`` and ``[combos]``: the names that clients ask for, and what they stand for."""

from typing import Annotated

from pydantic import Field

from omniroute.config.document.base import PLANNED, Count, Proxy, Table, Word
from omniroute.config.document.process import Timeouts
from omniroute.names import Strategy


class Target(Table):
    """One of a combo's targets, with settings of its own."""

    model: Word = Field(
        description="`provider/model`, split at the first slash, or the name of an alias or another combo.",
        examples=["example/large"],
    )
    weight: Count = Field(1, description="The target's share of the requests, where the strategy is `weighted`.")
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long to wait for this target.")


class Combo(Table):
    """A named choice of targets: when one fails, the next is tried."""

    strategy: Annotated[Strategy, Field(strict=False)] = Field(
        Strategy.PRIORITY,
        description=(
            "How the targets are ordered for a request: `priority` tries them as they are written. Where one fails, "
            "the next is tried, whatever the strategy."
        ),
    )
    targets: tuple[Word | Target, ...] = Field(
        strict=False,
        min_length=1,
        description=(
            "What to try: `provider/model`, an alias or another combo; as a table where it has settings of its own."
        ),
        examples=[["example/large", "house/qwen3-32b", "fast"]],
    )
    max_attempts: Count | None = Field(
        None,
        description="The most attempts for one request. Default: each target with each of its credentials.",
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long to wait for the targets of this combo.")
    system_message: str | None = Field(
        None,
        description=(
            "Takes the place of the system prompt of requests, whatever their format; an empty one takes it away. "
            "Of combos within one another, that of the outermost counts."
        ),
        examples=["You answer in one sentence."],
    )
    tool_filter: str | None = Field(
        None,
        description=(
            "A regular expression: tools in whose names it is not found are left out of requests; those that a "
            "provider runs are known by their type. Of combos within one another, that of the outermost counts."
        ),
        examples=["^(?!dangerous_)"],
    )
    proxy: Proxy | None = Field(
        None, description="The proxy to reach this combo's targets by.", json_schema_extra=PLANNED
    )
