"""The compiled configuration: what a request sees of the TOML.

Always true: everything here is deeply frozen (a test walks it), holds references to secrets and never their
values, and names nothing that does not exist: references became objects when it was compiled. Money is integer
nano-dollars, and durations are seconds.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from omniroute.config.policy import Budget, Caches, IpFilter, Network, Policy, Rate
from omniroute.names import Capability, CredentialName, Format, ProviderName, Scope, Strategy, TargetId

_DATE = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2})$")


class SecretRef(msgspec.Struct, frozen=True):
    """Where a secret is to be found: ``env:NAME``, ``file:PATH`` or ``keyring:SERVICE/NAME``, taken apart."""

    scheme: str
    locator: str

    def __str__(self) -> str:
        """Show the reference as it is written."""
        return f"{self.scheme}:{self.locator}"


class Timeouts(msgspec.Struct, frozen=True):
    """How long to wait for an upstream, in seconds, each measured from the start of its own phase.

    ``first_byte`` ends with a streamed response's headers, ``first_token`` with the first event that means
    something, ``between_events`` is the longest silence after that. ``answer`` bounds one attempt at an answer that
    is not streamed, whose headers most providers hold back until it is complete. ``total`` bounds the whole request.
    """

    connect: float = 5.0
    first_byte: float = 60.0
    first_token: float = 120.0
    between_events: float = 60.0
    answer: float = 300.0
    total: float = 600.0


class Auth(msgspec.Struct, frozen=True):
    """How a credential is shown to an upstream: ``kind`` is ``bearer``, ``none``, ``header`` or ``query``."""

    kind: str
    name: str = ""


class Price(msgspec.Struct, frozen=True):
    """Nano-dollars for a million tokens of each class; None means unknown, which is not zero.

    A provider that names no price of its own for a class bills it as the class that it is a part of, so the cache and
    audio classes hold the input (or output) price where nothing else is written. ``cache_write`` is for entries that
    live five minutes, ``cache_write_1h`` for those of an hour. ``reasoning`` is a part of the output.
    ``request`` is nano-dollars for one request, ``image`` for one picture of an answer; unknown there is zero.
    ``tiers`` are other prices of the whole answer, each for requests that send more than so many tokens, cached or not;
    ascending.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    audio_in: int | None = None
    audio_out: int | None = None
    audio_cache_read: int | None = None
    image: int = 0
    request: int = 0
    tiers: tuple[tuple[int, "Price"], ...] = ()

    def at(self, prompt: int) -> "Price":
        """Give the price of a request that sends ``prompt`` tokens."""
        found = self
        for above, price in self.tiers:
            if prompt <= above:
                break
            found = price
        return found


class Model(msgspec.Struct, frozen=True):
    """What is known of one model of a provider; ``max_concurrent`` are the most requests that it answers at once."""

    name: str
    context: int | None = None
    max_output: int | None = None
    capabilities: frozenset[Capability] = frozenset()
    price: Price = Price()
    max_concurrent: int | None = None


class PriceList(msgspec.Struct, frozen=True):
    """What a provider's models cost and take by the list that comes with the gateway; names are in lower case.

    ``names`` are exact; those of ``dated`` may be followed by a date; ``starts`` are beginnings, of which the longest
    wins, and ``lengths`` their lengths, the longest first. A name with a word of ``exact`` in it is found by ``names``
    alone. None is a model that has no price, whatever begins like it. ``source`` and ``date`` (ISO 8601) say whose list
    it is, and of which day.
    """

    source: str = ""
    date: str = ""
    names: Mapping[str, Model | None] = MappingProxyType({})
    dated: Mapping[str, Model | None] = MappingProxyType({})
    starts: Mapping[str, Model | None] = MappingProxyType({})
    lengths: tuple[int, ...] = ()
    exact: tuple[str, ...] = ()

    def find(self, model: str) -> Model | None:
        """Find what is known of a model; None where that is nothing. It takes the same few steps for every name."""
        name = model.lower()
        if name in self.names:
            return self.names[name]
        undated = _DATE.sub("", name) if self.dated else name
        if undated != name and undated in self.dated:
            return self.dated[undated]
        if any(word in name for word in self.exact):
            return None
        start = next((name[:length] for length in self.lengths if name[:length] in self.starts), None)
        return None if start is None else self.starts[start]


class Credential(msgspec.Struct, frozen=True):
    """One key of a provider; ``secret`` is absent where the provider asks for none. Lower ``priority`` goes first."""

    name: CredentialName
    secret: SecretRef | None = None
    priority: int = 1


class Provider(msgspec.Struct, frozen=True):
    """An upstream: where it is, what it speaks, how it wants to be asked.

    ``stream_usage`` says whether it understands ``stream_options.include_usage``; where it does not, it is
    never asked for usage that the client did not ask for. ``credential_strategy`` says which of several credentials
    goes first, and ``formats`` has the one that it is best at first. ``rate`` is how much it may be asked by all
    callers together. ``replaced`` leads from the names of models that are gone, which ``models`` lacks, to those that
    are asked in their place.
    ``max_concurrent`` are the most requests that all its models together answer at once, and ``queue`` is how long one
    more waits for a place where nobody else has one, in seconds.
    ``embedded`` is an upstream inside this process.
    """

    name: ProviderName
    base_url: str
    formats: tuple[Format, ...]
    auth: Auth
    credentials: tuple[Credential, ...]
    headers: tuple[tuple[str, str], ...] = ()
    models: Mapping[str, Model] = MappingProxyType({})
    timeouts: Timeouts = Timeouts()
    stream_usage: bool = True
    credential_strategy: str = "fill-first"
    rate: Rate = Rate()
    replaced: Mapping[str, str] = MappingProxyType({})
    prices: PriceList = PriceList()
    max_concurrent: int | None = None
    queue: float = 30.0

    def known(self, model: str) -> Model:
        """Give what is known of a model: what is written, else what the price list has, else its name."""
        written = self.models.get(model)
        if written is not None:
            return written
        listed = self.prices.find(model)
        return Model(model) if listed is None else Model(model, listed.context, price=listed.price)

    @property
    def embedded(self) -> bool:
        """Whether this upstream answers inside this process, without a network."""
        return self.base_url.startswith("embedded:")


class Target(msgspec.Struct, frozen=True):
    """One model at one provider: what a request can be sent to."""

    id: TargetId
    provider: Provider
    model: Model
    timeouts: Timeouts

    @property
    def limited(self) -> bool:
        """Whether it answers no more than so many requests at once."""
        return self.provider.max_concurrent is not None or self.model.max_concurrent is not None


class Step(msgspec.Struct, frozen=True):
    """One choice of a combo: a target, or a whole combo that chooses by its own strategy; ``weight`` is its share."""

    to: "Target | Combo"
    weight: int = 1


class Combo(msgspec.Struct, frozen=True):
    """A named choice.

    ``steps`` are what its strategy orders. ``targets`` are all that it can come to, each once, in the order written.
    ``system_message`` and ``tool_filter`` say what is made of the requests that are sent to it.
    """

    name: str
    strategy: Strategy
    targets: tuple[Target, ...]
    max_attempts: int | None
    steps: tuple[Step, ...] = ()
    system_message: str | None = None
    tool_filter: str | None = None


class Alias(msgspec.Struct, frozen=True):
    """Another name for a model or a combo: exact, or a pattern with one ``*`` on each side.

    ``rank`` orders patterns, the most specific first: the number of literal characters before the star, then
    after it.
    """

    name: str
    target: str

    @property
    def pattern(self) -> bool:
        """Whether this alias stands for many names."""
        return "*" in self.name

    @property
    def rank(self) -> tuple[int, int]:
        """Sort key, ascending: most specific first."""
        before, _, after = self.name.partition("*")
        return (-len(before), -len(after))


class Key(msgspec.Struct, frozen=True):
    """A client key, known only by its SHA-256 in lower-case hex; ``expires`` is in Unix seconds, UTC.

    ``policy`` is what holds for it; a key without one may do all that its scopes say.
    """

    name: str
    sha256: str
    scopes: frozenset[Scope]
    expires: int | None = None
    policy: Policy | None = None


class Server(msgspec.Struct, frozen=True):
    """What the listening side needs; ``max_body`` is in bytes, ``grace`` in seconds.

    ``trusted_proxies`` are those whose word is taken for where a request came from.
    """

    host: str = "127.0.0.1"
    port: int = 20128
    require_api_key: bool = False
    max_body: int = 10 * 1024 * 1024
    grace: float = 30.0
    trusted_proxies: tuple[Network, ...] = ()


class Reload(msgspec.Struct, frozen=True):
    """How the files are watched; times in seconds."""

    watch: bool = True
    poll: float = 15.0
    max_removed_percent: int = 50


class Hedge(msgspec.Struct, frozen=True):
    """When a second target is asked because the first is late: later than 95 % of its own last answers began.

    Never before ``min_wait`` seconds, for a target of which fewer than ``min_samples`` are known, or for more than
    ``max_share`` of the requests.
    """

    enabled: bool = False
    min_samples: int = 50
    max_share: float = 0.05
    min_wait: float = 0.5


class Resilience(msgspec.Struct, frozen=True):
    """When a target or a credential that fails is left alone, and for how long; times in seconds.

    So many ``failures`` within ``window`` open a breaker for ``cooldown``, after which ``probes`` requests may try.
    A credential that was refused rests for ``rest``, doubled with each refusal that follows, to ``longest_rest``;
    where no other is free, a request waits for one up to ``longest_wait``. ``hedge`` is for targets that are late.
    ``sticky`` says which conversations stay with the target that answered them last.
    """

    failures: int = 5
    window: float = 30.0
    cooldown: float = 30.0
    probes: int = 1
    rest: float = 1.0
    longest_rest: float = 120.0
    longest_wait: float = 10.0
    hedge: Hedge = Hedge()
    sticky: Literal["auto", "explicit", "off"] = "auto"


class Snapshot(msgspec.Struct, frozen=True):
    """A whole configuration, compiled.

    ``id`` is the SHA-256 (hex) of the effective document in canonical form, secrets as references: the same
    meaning has the same id, however it was formatted. ``patterns`` are the aliases with a star, best first.
    ``files`` are the names of the files it was read from. ``database`` is where runtime data lives, as written.
    ``keys`` are found by their SHA-256; the other mappings by name. ``prefixes`` are other names by which clients may
    call providers: none of them is a provider's own. ``anonymous`` is the policy of
    callers without a key. ``retention`` is how long rows are kept in seconds, None for ever.
    """

    id: str
    server: Server
    reload: Reload
    database: str
    providers: Mapping[str, Provider]
    combos: Mapping[str, Combo]
    aliases: Mapping[str, Alias]
    patterns: tuple[Alias, ...]
    keys: Mapping[str, Key]
    timeouts: Timeouts = Timeouts()
    resilience: Resilience = Resilience()
    files: tuple[str, ...] = ()
    prefixes: Mapping[str, ProviderName] = MappingProxyType({})
    policies: Mapping[str, Policy] = MappingProxyType({})
    anonymous: Policy | None = None
    budgets: Mapping[str, Budget] = MappingProxyType({})
    ip_filter: IpFilter = IpFilter()
    caches: Caches = Caches()
    retention: float | None = None

    @property
    def short_id(self) -> str:
        """Twelve characters of the id: enough to tell two configurations apart."""
        return self.id[:12]
