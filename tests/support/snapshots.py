"""Snapshots made by hand, for tests of what decides and of what carries out."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from types import MappingProxyType

from omniroute.config.policy import Policy
from omniroute.config.snapshot import (
    Alias,
    Auth,
    Combo,
    Credential,
    Key,
    Model,
    Provider,
    Reload,
    SecretRef,
    Server,
    Snapshot,
    Step,
    Target,
    Timeouts,
)
from omniroute.formats.shape import Shaping
from omniroute.names import CredentialName, Format, ProviderName, Scope, Strategy
from omniroute.routing.resolve import target_of

CHAT = (Format.OPENAI_CHAT,)


def provider(
    name: str,
    base_url: str = "http://127.0.0.1:9/v1",
    *,
    credentials: Iterable[str] = ("main",),
    models: Iterable[Model] = (),
    formats: tuple[Format, ...] = CHAT,
    timeouts: Timeouts = Timeouts(),
    auth: Auth = Auth("none"),
    stream_usage: bool = True,
    replaced: Mapping[str, str] = MappingProxyType({}),
) -> Provider:
    """A provider; with an auth of its own, its credentials are read from the environment as ``NAME_CREDENTIAL``."""

    def secret(credential: str) -> SecretRef | None:
        return None if auth.kind == "none" else SecretRef("env", f"{name}_{credential}".upper())

    return Provider(
        name=ProviderName(name),
        base_url=base_url,
        formats=formats,
        auth=auth,
        credentials=tuple(Credential(CredentialName(each), secret(each)) for each in credentials),
        models=MappingProxyType({each.name: each for each in models}),
        timeouts=timeouts,
        stream_usage=stream_usage,
        replaced=MappingProxyType(dict(replaced)),
    )


def combo(
    name: str,
    *targets: Target,
    max_attempts: int | None = None,
    strategy: Strategy = Strategy.PRIORITY,
    steps: Iterable[Step] = (),
    shaping: Shaping | None = None,
) -> Combo:
    """A combo of targets, in order; or of steps, from which it takes its targets."""
    steps = tuple(steps)
    leaves = (leaf for each in steps for leaf in (each.to.targets if isinstance(each.to, Combo) else (each.to,)))
    reached = targets or tuple({each.id: each for each in leaves}.values())
    made = shaping or Shaping()
    return Combo(name, strategy, reached, max_attempts, steps, made.system_message, made.tool_filter)


def key(
    name: str,
    secret: str,
    *,
    scopes: Iterable[Scope] = (Scope.INFERENCE,),
    expires: int | None = None,
    policy: Policy | None = None,
) -> Key:
    """A client key for the plain text ``secret``."""
    return Key(name, sha256(secret.encode()).hexdigest(), frozenset(scopes), expires, policy)


def snapshot(
    *providers: Provider,
    combos: Iterable[Combo] = (),
    aliases: Mapping[str, str] = MappingProxyType({}),
    keys: Iterable[Key] = (),
    server: Server = Server(),
    identity: str = "0123456789abcdef",
    prefixes: Mapping[str, str] = MappingProxyType({}),
) -> Snapshot:
    """A snapshot of these."""
    made = [Alias(name, target) for name, target in aliases.items()]
    return Snapshot(
        id=identity,
        server=server,
        reload=Reload(),
        database="sqlite::memory:",
        providers=MappingProxyType({each.name: each for each in providers}),
        combos=MappingProxyType({each.name: each for each in combos}),
        aliases=MappingProxyType({each.name: each for each in made if not each.pattern}),
        patterns=tuple(sorted((each for each in made if each.pattern), key=lambda each: each.rank)),
        keys=MappingProxyType({each.sha256: each for each in keys}),
        prefixes=MappingProxyType({prefix: ProviderName(name) for prefix, name in prefixes.items()}),
    )


def target(of: Provider, model: str) -> Target:
    """A model at a provider."""
    return target_of(of, model)
