"""``[aliases]`` and ``[combos]``: the names that clients ask for, and what they stand for."""

from typing import Annotated

from pydantic import Field

from omniroute.config.document.base import PLANNED, Count, Proxy, Table, Word, planned_values
from omniroute.config.document.process import Timeouts
from omniroute.names import Strategy

ACTING_STRATEGIES = frozenset({Strategy.PRIORITY})


class Target(Table):
    """One of a combo's targets, with settings of its own."""

    model: Word = Field(
        description="`provider/model`, split at the first slash, or the name of an alias or another combo.",
        examples=["example/large"],
    )
    weight: Count = Field(1, description="The target's share, for weighted strategies.", json_schema_extra=PLANNED)
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long to wait for this target.")


class Combo(Table):
    """A named choice of targets: when one fails, the next is tried."""

    strategy: Annotated[Strategy, Field(strict=False)] = Field(
        Strategy.PRIORITY,
        description="How the targets are ordered: `priority` tries them as they are written.",
        json_schema_extra=planned_values(*(each for each in Strategy if each not in ACTING_STRATEGIES)),
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
        None, description="Replaces the system prompt of requests.", json_schema_extra=PLANNED
    )
    tool_filter: str | None = Field(
        None,
        description="A regular expression: tools whose names do not match it are left out of requests.",
        examples=["^(?!dangerous_)"],
        json_schema_extra=PLANNED,
    )
    proxy: Proxy | None = Field(
        None, description="The proxy to reach this combo's targets by.", json_schema_extra=PLANNED
    )
