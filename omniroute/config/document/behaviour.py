"""``[cache]``, ``[resilience]`` and ``[[tests]]``."""

from typing import Annotated

from pydantic import Field

from omniroute.config.document.base import Count, Duration, Name, Table, Word
from omniroute.names import Capability


class ExactCache(Table):
    """Answers to requests that are the same."""

    max_entries: Count = Field(10_000, description="The most answers that are kept.")
    ttl: Duration = Field("30m", description="How long an answer is kept.")


class SemanticCache(Table):
    """Answers to requests that are similar."""

    enabled: bool = Field(False, description="Whether similar requests are looked for.")
    embedder: Word | None = Field(
        None,
        description="The model that makes texts comparable.",
        examples=["example/embedding-small"],
    )
    threshold: float = Field(0.95, ge=0, le=1, description="How similar a request must be: 1 is the same direction.")


class Cache(Table):
    """Answers that need not be asked for twice."""

    exact: ExactCache | None = Field(None, description="Answers to requests that are the same.")
    semantic: SemanticCache | None = Field(None, description="Answers to requests that are similar.")


class Breaker(Table):
    """When a target that keeps failing is left alone."""

    failures: Count = Field(5, description="So many failures within `window` open the breaker.")
    window: Duration = Field("30s", description="The time in which failures are counted.")
    cooldown: Duration = Field("30s", description="How long an open breaker stays open.")
    half_open_probes: Count = Field(1, description="The requests that may try whether it is well again.")


class Cooldown(Table):
    """How long a credential rests after a refusal."""

    base: Duration = Field("1s", description="After the first refusal; it doubles with each that follows.")
    max: Duration = Field("2m", description="The longest rest.")


class Resilience(Table):
    """What is left alone for a while after failures."""

    breaker: Breaker = Field(default_factory=Breaker, description="Targets that keep failing.")
    cooldown: Cooldown = Field(default_factory=Cooldown, description="Credentials that were refused.")


class AskedInTest(Table):
    """The request of a test."""

    model: Word = Field(description="The name that the client asks for.")
    needs: tuple[Annotated[Capability, Field(strict=False)], ...] = Field(
        (), strict=False, description="What the request needs.", examples=[["images"]]
    )
    key: Name | None = Field(None, description="The client key that it shows.")


class UpstreamInTest(Table):
    """What a provider answers in a test."""

    provider: Name = Field(description="The provider.")
    status: int = Field(ge=100, le=599, description="The HTTP status of its answer.")
    retry_after: Duration | None = Field(None, description="When it wants to be asked again.")


class GivenInTest(Table):
    """The world of a test."""

    upstream: tuple[UpstreamInTest, ...] = Field(
        (),
        strict=False,
        description="What providers answer, in the order of the attempts.",
        examples=[[{"provider": "example", "status": 429}]],
    )


class ExpectedInTest(Table):
    """What a test expects."""

    attempts: tuple[Word, ...] | None = Field(None, strict=False, description="The targets that are tried, in order.")
    status: int | None = Field(None, ge=100, le=599, description="The HTTP status of the answer to the client.")


class ConfigTest(Table):
    """A test of the configuration: `omniroute test` runs them."""

    name: str = Field(min_length=1, description="What should be true, as a sentence.")
    request: AskedInTest = Field(description="What is asked.")
    given: GivenInTest = Field(default_factory=GivenInTest, description="What providers answer.")
    expect: ExpectedInTest = Field(description="What should come of it.")
