"""``[cache]``, ``[idempotency]``, ``[resilience]`` and ``[[tests]]``."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from omniroute.config.document.base import Count, Duration, Money, Name, Size, Table, Word
from omniroute.names import Capability, FailureKind, Format

Repeats = Annotated[int, Field(ge=1, le=100_000)]
Share = Annotated[float, Field(ge=0, le=1)]


class ExactCache(Table):
    """Answers to requests that are the same."""

    max_entries: Count = Field(10_000, description="The most answers that are kept.")
    max_bytes: Size = Field("256MiB", description="The most that they may take up together.")
    ttl: Duration = Field("30m", description="How long an answer is kept.")


class SemanticCache(Table):
    """Answers to requests that are similar."""

    enabled: bool = Field(False, description="Whether similar requests are looked for.")
    embedder: Word | None = Field(
        None,
        description="The model that makes texts comparable. Nothing is looked for without one.",
        examples=["example/embedding-small"],
    )
    threshold: float = Field(0.95, ge=0, le=1, description="How similar a request must be: 1 is the same direction.")
    max_entries: Count = Field(10_000, description="The most answers that are kept.")
    ttl: Duration = Field("30m", description="How long an answer is kept.")


class Cache(Table):
    """Answers that need not be asked for twice."""

    exact: ExactCache | None = Field(
        None,
        description="Answers to requests that are the same. Default: none are kept; `exact = {}` keeps them.",
        examples=[{"max_entries": 10_000, "ttl": "30m"}],
    )
    semantic: SemanticCache | None = Field(
        None,
        description="Answers to requests that are similar. Only policies that say so are given them.",
        examples=[{"enabled": True, "embedder": "example/embedding-small", "threshold": 0.95}],
    )


class Idempotency(Table):
    """Requests that are sent again, under the same `Idempotency-Key`."""

    window: Duration = Field(
        "5s", description="How long an answer is kept for those that ask again with the same key and the same body."
    )


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
    wait: Duration = Field(
        "10s", description="How long a request waits at most for a credential to have rested, where no other is free."
    )


class Hedge(Table):
    """A second target is asked when the first is late; whoever says something first answers.

    Late is later than 95 % of the target's own last hundred answers began; answers that are not streamed are measured
    apart. The other attempt is given up, but its provider may bill what it did until then.
    """

    enabled: bool = Field(False, description="Whether a second target is asked.")
    min_samples: int = Field(
        50, ge=20, le=100, description="So many answers of a target must be known before it can be late."
    )
    max_share: float = Field(
        0.05, ge=0.001, le=1, description="The largest share of the requests for which a second target is asked."
    )
    min_wait: Duration = Field("500ms", description="Nothing is late before this time.")


class Resilience(Table):
    """What is left alone for a while after failures, and what is done about targets that are late."""

    breaker: Breaker = Field(default_factory=Breaker, description="Targets that keep failing.")
    cooldown: Cooldown = Field(default_factory=Cooldown, description="Credentials that were refused.")
    hedge: Hedge = Field(default_factory=Hedge, description="Targets that are late.")
    sticky: Literal["auto", "explicit", "off"] = Field(
        "auto",
        description=(
            "Which conversations stay with the target and the credential that answered them last, because their "
            "provider may have kept what was said: `explicit` is those that the client names, by `X-Session-Id` or in "
            "the body; `auto` also those that are known by how they begin, where the model is cheaper for it; `off` "
            "is none."
        ),
    )


class AskedInTest(Table):
    """The request of a test."""

    model: Word = Field(description="The name that the client asks for.")
    needs: tuple[Annotated[Capability, Field(strict=False)], ...] = Field(
        (), strict=False, description="What the request needs.", examples=[["images"]]
    )
    key: Name | None = Field(None, description="The client key that it shows, by its name: its policy holds.")
    session: str | None = Field(
        None, min_length=1, description="What its headers call the conversation that it belongs to."
    )
    format: Annotated[Format, Field(strict=False)] = Field(
        Format.OPENAI_CHAT, description="The wire format that the client speaks."
    )
    stream: bool = Field(False, description="Whether the answer is to be streamed.")
    tokens: Count | None = Field(None, description="How long the input is, in tokens.")


class UpstreamInTest(Table):
    """What an upstream does in a test. Whoever is given nothing answers with status 200."""

    provider: Name | None = Field(
        None, description="The provider; every provider, where neither this nor `target` is written."
    )
    target: Word | None = Field(
        None, description="One target, which counts more than its provider.", examples=["example/large"]
    )
    credential: Name | None = Field(None, description="The one credential that this is about.")
    status: int | None = Field(None, ge=100, le=599, description="The HTTP status that it answers with.")
    failure: Annotated[FailureKind, Field(strict=False)] | None = Field(
        None, description="How it fails, instead of a status. `down`: it cannot be reached.", examples=["timeout"]
    )
    retry_after: Duration | None = Field(None, description="When it wants to be asked again.")


class GivenInTest(Table):
    """The world of a test: what upstreams do, what time it is, and what was spent."""

    upstream: tuple[UpstreamInTest, ...] = Field(
        (),
        strict=False,
        description=(
            "What upstreams do. Several entries for the same one are given one after the other, and the last of them "
            "from then on."
        ),
        examples=[[{"provider": "example", "status": 429}]],
    )
    at: AwareDatetime | None = Field(
        None,
        description="When the first request comes, with offset: for schedules, expiry and budgets. Default: now.",
    )
    spent: dict[Name, Money] = Field(
        default_factory=dict,
        description=(
            "What was spent of budgets before. Each request that is answered is taken to cost what is set aside for it."
        ),
        examples=[{"team-a": "190.00 USD"}],
    )


class ExpectedInTest(Table):
    """What a test expects."""

    attempts: tuple[Word, ...] | None = Field(
        None,
        strict=False,
        description="The targets that are tried, in order, once for each attempt; of the last request, with `repeat`.",
    )
    status: int | None = Field(
        None, ge=100, le=599, description="The HTTP status of the answer to the client; of every one, with `repeat`."
    )
    server: Word | None = Field(
        None, description="The target that answers; of the last request, with `repeat`.", examples=["example/large"]
    )
    shares: dict[Word, Share] | None = Field(
        None,
        description="Which share of all requests a target answers.",
        examples=[{"example/large": 0.8, "house/qwen3-32b": 0.2}],
    )
    tolerance: Share = Field(0.05, description="How far a share may be off.")


class ConfigTest(Table):
    """A test of the configuration: `omniroute test` runs them."""

    name: str = Field(min_length=1, description="What should be true, as a sentence.")
    request: AskedInTest = Field(description="What is asked.")
    given: GivenInTest = Field(default_factory=GivenInTest, description="What upstreams do.")
    expect: ExpectedInTest = Field(description="What should come of it.")
    repeat: Repeats = Field(1, description="How often the request comes. What was learnt of those before counts.")
    every: Duration = Field("1s", description="How long after one request the next one comes.")
    seed: int = Field(0, ge=0, le=10**9, description="What is left to chance: another seed, another draw.")
