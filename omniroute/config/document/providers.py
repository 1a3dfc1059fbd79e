"""``[providers]``: the upstreams, their credentials, and what is known of their models."""

from typing import Annotated, Literal

from pydantic import Field

from omniroute.config.document.base import (
    HOST,
    PLANNED,
    Count,
    Duration,
    HeaderName,
    HeaderValue,
    Name,
    PriceEach,
    PricePerMillion,
    Proxy,
    Rate,
    Secret,
    Table,
    Word,
)
from omniroute.config.document.process import Timeouts
from omniroute.names import Capability, Format

BASE_URL = rf"^(https?://{HOST}(/[A-Za-z0-9._~:@!$&'()*+,;=%/-]*)?|embedded:[a-z0-9][a-z0-9-]*)$"
TOKEN_URL = rf"^https://{HOST}(/[!-~]*)?$"
QUERY_NAME = r"^[A-Za-z0-9._~-]+$"
VARIABLE = r"^[A-Z][A-Z0-9_]*$"


class Price(Table):
    """US dollars for a million tokens of each class. A class that is not written is unknown, which is not zero."""

    input: PricePerMillion | None = Field(None, description="Input tokens, those from a cache not counted.")
    output: PricePerMillion | None = Field(None, description="Output tokens.")
    cache_read: PricePerMillion | None = Field(
        None, description="Input tokens read from the provider's prompt cache. Default: the price of input."
    )
    cache_write: PricePerMillion | None = Field(
        None, description="Input tokens written to the provider's prompt cache. Default: the price of input."
    )
    cache_write_1h: PricePerMillion | None = Field(
        None, description="Those that are written for an hour. Default: the price of cache_write."
    )
    reasoning: PricePerMillion | None = Field(
        None, description="Output tokens spent on thinking. Default: the price of output."
    )
    audio_in: PricePerMillion | None = Field(None, description="Input tokens of sound. Default: the price of input.")
    audio_out: PricePerMillion | None = Field(None, description="Output tokens of sound. Default: the price of output.")
    audio_cache_read: PricePerMillion | None = Field(
        None, description="Tokens of sound read from the prompt cache. Default: the price of cache_read."
    )
    request: PriceEach | None = Field(None, description="US dollars for each request. Default: nothing.")
    image: PriceEach | None = Field(None, description="US dollars for each picture of an answer. Default: nothing.")


class Model(Table):
    """What is known of one model of a provider."""

    context: Count | None = Field(None, description="The context window, in tokens.", examples=[131072])
    max_output: Count | None = Field(None, description="The longest output, in tokens.", examples=[8192])
    capabilities: tuple[Annotated[Capability, Field(strict=False)], ...] | None = Field(
        None,
        strict=False,
        description="What the model can take or give beyond plain text.",
        examples=[["tools", "json_schema"]],
    )
    price: Price | None = Field(
        None,
        description="US dollars for a million tokens.",
        examples=[{"input": "0.10", "output": "0.40"}],
    )
    max_concurrent: Count | None = Field(
        None,
        description="The most requests that this model answers at once; that of the provider holds besides.",
        examples=[4],
    )
    replaced_by: Word | None = Field(
        None,
        description=(
            "The model of the same provider that is asked in this one's place, which is deprecated or gone. Answers "
            "say so in `X-OmniRoute-Deprecated`. Its own name takes back what the catalogue says."
        ),
        examples=["qwen3-32b"],
    )


class Credential(Table):
    """One of several keys of a provider."""

    name: Name = Field(description="What logs and usage rows call this credential.", examples=["main"])
    api_key: Secret = Field(description="Where the key is found.")
    priority: Count = Field(1, description="Credentials with a lower number are used first.")


class HeaderAuth(Table):
    """The key is sent in a header of this name."""

    header: HeaderName = Field(description="The header that carries the key, and nothing but the key.")


class QueryAuth(Table):
    """The key is sent in the query of the URL."""

    query: str = Field(pattern=QUERY_NAME, description="The parameter that carries the key.", examples=["key"])


class OAuth2(Table):
    """Client credentials, exchanged for an access token."""

    token_url: str = Field(pattern=TOKEN_URL, description="Where access tokens are handed out.")
    client_id: Word = Field(description="The client's public name.")
    client_secret: Secret = Field(description="Where the client's secret is found.")
    scope: str | None = Field(None, description="The scope to ask for.")


class OAuth2Auth(Table):
    """An access token is fetched with client credentials (RFC 6749 §4.4)."""

    oauth2: OAuth2 = Field(description="Where and how the token is fetched.", json_schema_extra=PLANNED)


class SigV4(Table):
    """Signatures of AWS."""

    region: Word = Field(description="The AWS region.", examples=["eu-central-1"])
    service: Word = Field(description="The service that is signed for.", examples=["execute-api"])


class SigV4Auth(Table):
    """Each request is signed (AWS Signature Version 4)."""

    sigv4: SigV4 = Field(description="What is signed for.", json_schema_extra=PLANNED)


AuthWord = Literal["bearer", "x-api-key", "none"]


class Provider(Table):
    """An upstream. One that the catalogue knows needs only its credential; one of your own is data only."""

    base_url: str | None = Field(
        None,
        pattern=BASE_URL,
        description=(
            "Where the provider is, as people write it elsewhere for its format: with `/v1` for the `openai-` ones, "
            "with `/v1beta` for `gemini`, the bare origin for `anthropic-messages` and `ollama`."
        ),
        examples=["http://10.0.0.7:8000/v1"],
    )
    formats: tuple[Annotated[Format, Field(strict=False)], ...] = Field(
        (Format.OPENAI_CHAT,),
        strict=False,
        min_length=1,
        description="The wire formats that the provider speaks, the one it is best at first.",
        examples=[["openai-chat", "openai-embeddings"]],
    )
    api_key: Secret | None = Field(None, description="Where the provider's key is found.")
    credentials: tuple[Credential, ...] | None = Field(
        None,
        strict=False,
        min_length=1,
        description="Several keys instead of `api_key`.",
        examples=[[{"name": "main", "api_key": "env:EXAMPLE_API_KEY"}]],
    )
    auth: AuthWord | HeaderAuth | QueryAuth | OAuth2Auth | SigV4Auth | None = Field(
        None,
        description=(
            "How the key is shown to the provider. Default by the first of `formats`: `x-api-key` for "
            "anthropic-messages, the header `x-goog-api-key` for gemini, else `bearer`."
        ),
        examples=["none", {"header": "api-key"}],
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict,
        description="Headers that every request to this provider carries. Not for keys: those are credentials.",
        examples=[{"x-team": "research"}],
    )
    models: dict[Word, Model] = Field(
        default_factory=dict,
        description="What is known of its models. A model that is not listed can be asked for all the same.",
        examples=[{"qwen3-32b": {"context": 32768, "capabilities": ["tools"]}}],
    )
    timeouts: Timeouts = Field(
        default_factory=Timeouts,
        description="How long to wait for this provider.",
        examples=[{"first_byte": "30s", "total": "5m"}],
    )
    stream_usage: bool = Field(
        True,
        description=(
            "Whether the provider understands `stream_options.include_usage`. Where it does not, streamed usage is "
            "only known if the provider reports it unasked."
        ),
    )
    credential_strategy: Literal["fill-first", "round-robin", "p2c", "random", "least-used", "strict-random"] = Field(
        "fill-first",
        description=(
            "Which of several credentials is used first: `fill-first` stays with the one of the lowest `priority` "
            "until it is refused."
        ),
    )
    rate: Rate = Field(
        default_factory=Rate,
        description="How much all callers together may ask this provider for.",
        examples=[{"requests_per_minute": 500, "tokens_per_minute": 2_000_000}],
    )
    max_concurrent: Count | None = Field(
        None,
        description=(
            "The most requests that the provider answers at once, for each process of the gateway. One more goes to "
            "another target of its combo that has room. Where none has, it waits: at most ten times as many do."
        ),
        examples=[20],
    )
    queue: Duration = Field(
        "30s",
        description=(
            "How long a request waits for its turn, where `max_concurrent` holds it back and no other target has "
            "room. After that it has failed here, as where the provider is busy."
        ),
        examples=["5s"],
    )
    proxy: Proxy | None = Field(None, description="The proxy to reach this provider by.", json_schema_extra=PLANNED)


class CatalogueProvider(Provider):
    """A provider as the catalogue that comes with the gateway describes it."""

    api_key_env: tuple[Annotated[str, Field(pattern=VARIABLE)], ...] = Field(
        (),
        strict=False,
        description="The environment variables in which people keep the provider's key, the usual one first.",
        examples=[["EXAMPLE_API_KEY"]],
    )
    aliases: tuple[Name, ...] = Field(
        (),
        strict=False,
        description="Other prefixes under which people know the provider's models, as in `ex/large`.",
        examples=[["ex"]],
    )
    docs: str | None = Field(None, pattern=TOKEN_URL, description="The provider's own documentation of its API.")
