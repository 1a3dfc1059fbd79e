"""The tables that describe the gateway itself: ``[server]``, ``[defaults]``, ``[runtime]``, ``[reload]``."""

from typing import Annotated

from pydantic import Field

from omniroute.config.document.base import PLANNED, RESTART, Duration, Name, Network, Proxy, Size, Table

LISTEN_HOST = r"^[A-Za-z0-9.:_-]+$"
DATABASE = r"^sqlite:[!-9;-~]([ -~]*[!-~])?$"

Connect = Annotated[Duration, Field(description="How long making a connection to the provider may take.")]
FirstByte = Annotated[Duration, Field(description="How long a streamed answer's headers may take.")]
FirstToken = Annotated[
    Duration, Field(description="How long the first event of a stream that means something may take.")
]
BetweenEvents = Annotated[Duration, Field(description="The longest silence within a stream, after its first event.")]
WholeAnswer = Annotated[
    Duration,
    Field(description="How long one attempt at an answer that is not streamed may take; such an answer comes at once."),
]
Total = Annotated[Duration, Field(description="How long a request may take in all, every attempt included.")]


class DefaultTimeouts(Table):
    """How long to wait for a provider, where nothing nearer to it says otherwise."""

    connect: Connect = "5s"
    first_byte: FirstByte = "60s"
    first_token: FirstToken = "120s"  # noqa: S105 - a duration
    between_events: BetweenEvents = "60s"
    answer: WholeAnswer = "5m"
    total: Total = "10m"


class Timeouts(Table):
    """How long to wait; what is not written here comes from the table around it, in the end `[defaults.timeouts]`."""

    connect: Connect | None = None
    first_byte: FirstByte | None = None
    first_token: FirstToken | None = None
    between_events: BetweenEvents | None = None
    answer: WholeAnswer | None = None
    total: Total | None = None


class Defaults(Table):
    """What holds wherever nothing nearer says otherwise."""

    timeouts: DefaultTimeouts = Field(
        default_factory=DefaultTimeouts,
        description="How long to wait for a provider. A provider, a combo or a target may override each of these.",
        examples=[{"first_byte": "30s", "total": "5m"}],
    )
    policy: Name | None = Field(
        None,
        description="The policy of client keys that name none, and of callers without a key.",
        examples=["everybody"],
    )


class Server(Table):
    """The listening side. A change of its address takes effect when the gateway is restarted."""

    host: str = Field(
        "127.0.0.1",
        pattern=LISTEN_HOST,
        description="The address to listen on; `0.0.0.0` is every IPv4 address of this machine, `::` every address.",
        examples=["127.0.0.1", "0.0.0.0"],  # noqa: S104 - an example
        json_schema_extra=RESTART,
    )
    port: int = Field(
        20128,
        ge=0,
        le=65535,
        description="The TCP port to listen on; 0 takes any free one.",
        json_schema_extra=RESTART,
    )
    require_api_key: bool | None = Field(
        None,
        description=(
            "Whether every request must show a key of `[keys]`. Default: true, unless `host` is a loopback address "
            "and no `[keys]` is written."
        ),
    )
    max_body: Size = Field("10MiB", description="The longest request body that is accepted.")
    grace: Duration = Field(
        "30s",
        description="When the gateway is told to stop: how long answers that are under way may take to end.",
        json_schema_extra=RESTART,
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (),
        strict=False,
        description=(
            "Addresses and networks of proxies in front of the gateway. Only their `X-Forwarded-For` is believed, read "
            "from the right as far as they go; from anyone else, it says nothing."
        ),
        examples=[["10.0.0.7", "172.16.0.0/12"]],
    )
    proxy: Proxy | None = Field(
        None,
        description="The proxy through which providers are reached; one on a provider, a combo or a key is nearer.",
        json_schema_extra=PLANNED | RESTART,
    )


class Runtime(Table):
    """Where runtime data lives: usage, limits, the generation of the configuration."""

    database: str = Field(
        "sqlite:omniroute.db",
        pattern=DATABASE,
        description=(
            "The database of runtime data: a file, since it outlives the gateway and others read it too, so not "
            "`sqlite::memory:`. A relative path is relative to the working directory of the gateway."
        ),
        examples=["sqlite:omniroute.db", "sqlite:/var/lib/omniroute/omniroute.db"],
        json_schema_extra=RESTART,
    )
    retention: Duration | None = Field(
        None,
        description=(
            "How long rows of usage are kept. What they cost stays a part of what their budgets have spent, and the "
            "audit log is kept whole. Default: for ever."
        ),
        examples=["90d"],
    )


class Reload(Table):
    """How the gateway follows changes of its configuration files."""

    watch: bool = Field(
        True,
        description=(
            "Whether the files are read at once when the system reports a change of them. Where it is false, they are "
            "still read at each `poll` and on SIGHUP."
        ),
    )
    poll: Duration = Field(
        "15s", description="How often the files are read even if the system reported no change of them."
    )
    max_removed_percent: int = Field(
        50,
        ge=0,
        le=100,
        description=(
            "A change that removes more than this share of the providers, combos, aliases or keys in force is not "
            "applied while the gateway runs: half a file looks like this. Each kind counts by itself, from three of "
            "it on. The limit in force counts, not the one in the changed files."
        ),
    )
