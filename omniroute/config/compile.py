"""Document → snapshot: names become objects, texts become numbers, and what was left out becomes its default.

Always true: a document that ``config/checks`` found no error in compiles; the snapshot is frozen all the way down;
two documents that mean the same have the same id.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

import msgspec

from omniroute.config import compile_access as access
from omniroute.config import document as written
from omniroute.config import units
from omniroute.config.document.behaviour import Hedge as WrittenHedge
from omniroute.config.document.behaviour import Resilience as WrittenResilience
from omniroute.config.document.names import Target as WrittenTarget
from omniroute.config.document.process import DefaultTimeouts
from omniroute.config.document.process import Reload as WrittenReload
from omniroute.config.document.process import Timeouts as WrittenTimeouts
from omniroute.config.document.providers import HeaderAuth, QueryAuth
from omniroute.config.document.providers import Model as WrittenModel
from omniroute.config.document.providers import Price as WrittenPrice
from omniroute.config.document.providers import Provider as WrittenProvider
from omniroute.config.references import Names, names_of, replacements
from omniroute.config.snapshot import (
    Auth,
    Combo,
    Credential,
    Hedge,
    Model,
    Price,
    PriceList,
    Provider,
    Reload,
    Resilience,
    SecretRef,
    Server,
    Snapshot,
    Step,
    Target,
    Timeouts,
)
from omniroute.names import CredentialName, Format, ProviderName, TargetId

DEFAULT_CREDENTIAL = CredentialName("default")
"""What the credential of ``api_key`` is called."""

_AUTH = {
    Format.ANTHROPIC_MESSAGES: Auth("header", "x-api-key"),
    Format.GEMINI: Auth("header", "x-goog-api-key"),
}
_AUTH_WORDS = {"bearer": Auth("bearer"), "x-api-key": Auth("header", "x-api-key"), "none": Auth("none")}


def compile_document(
    document: written.Document,
    files: Sequence[str] = (),
    prefixes: Mapping[str, str] = MappingProxyType({}),
    prices: Mapping[str, PriceList] = MappingProxyType({}),
) -> Snapshot:
    """Compile a checked document, whose providers are completed from the catalogue.

    Args:
        document: the document.
        files: the names of the files that it was read from.
        prefixes: names by which people know providers besides, each with the provider's own.
        prices: what providers charge, by their names; what is written of a model's price stands instead.
    """
    names = names_of(document)
    defaults = _timeouts(Timeouts(), document.defaults.timeouts)
    providers = {
        name: _provider(name, each, defaults, prices.get(name, PriceList()))
        for name, each in document.providers.items()
    }
    budgets = access.budgets(document)
    policies = access.policies(document, budgets)
    expander = _Expander(document, names, providers)
    snapshot = Snapshot(
        id="",
        server=_server(document),
        reload=_reload(document.reload),
        database=document.runtime.database,
        providers=MappingProxyType(providers),
        combos=MappingProxyType({name: expander.combo(name) for name in document.combos}),
        aliases=MappingProxyType(dict(names.aliases)),
        patterns=names.patterns,
        keys=access.keys(document, policies),
        timeouts=defaults,
        resilience=_resilience(document.resilience),
        files=tuple(files),
        prefixes=_prefixes(prefixes, providers),
        policies=policies,
        anonymous=access.anonymous(document, policies),
        budgets=budgets,
        ip_filter=access.ip_filter(document),
        caches=access.caches(document),
        retention=units.seconds(document.runtime.retention) if document.runtime.retention is not None else None,
    )
    return msgspec.structs.replace(snapshot, id=_identity(snapshot))


def requires_api_key(document: written.Document) -> bool:
    """Say whether requests must show a key: as it is written, else unless only this machine can ask and none exists."""
    asked = document.server.require_api_key
    return asked if asked is not None else bool(document.keys) or not is_loopback(document.server.host)


def is_loopback(host: str) -> bool:
    """Say whether an address to listen on can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _prefixes(prefixes: Mapping[str, str], providers: Mapping[str, Provider]) -> Mapping[str, ProviderName]:
    """Keep the names of providers that are there, and are no other provider's own."""
    return MappingProxyType(
        {each: ProviderName(name) for each, name in prefixes.items() if name in providers and each not in providers}
    )


class _Expander:
    """Follows the names in combos down to targets, each of which is tried once.

    Of the timeouts on the way to a model, those that are written nearest to it win: those of a target, of its combo,
    of the target that named that combo, and so on; in the end those of the provider.
    """

    def __init__(self, document: written.Document, names: Names, providers: Mapping[str, Provider]) -> None:
        self._combos = document.combos
        self._names = names
        self._providers = providers
        self._done: dict[tuple[str, tuple[str, ...]], Combo] = {}

    def combo(self, name: str, above: Sequence[WrittenTimeouts] = ()) -> Combo:
        """Expand one combo; ``above`` are the timeouts on the way to it."""
        key = (name, tuple(each.model_dump_json() for each in above))
        if key not in self._done:
            steps = tuple(self._steps(name, above))
            reached: dict[str, Target] = {}
            for step in steps:
                for target in step.to.targets if isinstance(step.to, Combo) else (step.to,):
                    reached.setdefault(target.id, target)
            combo = self._combos[name]
            self._done[key] = Combo(
                *(name, combo.strategy, tuple(reached.values()), combo.max_attempts, steps),
                system_message=combo.system_message,
                tool_filter=combo.tool_filter,
            )
        return self._done[key]

    def _steps(self, name: str, above: Sequence[WrittenTimeouts]) -> Iterator[Step]:
        """Follow what a combo lists, through aliases, to models and other combos."""
        combo = self._combos[name]
        for listed, step in zip(combo.targets, self._names.targets(name), strict=True):
            table = listed if isinstance(listed, WrittenTarget) else None
            here = [*above, *(each for each in (combo.timeouts, table and table.timeouts) if each and _says(each))]
            end = self._names.chain(step.following).end
            to = self.combo(end, here) if end in self._combos else self._target(end, here)
            yield Step(to, table.weight if table else 1)

    def _target(self, name: str, above: Sequence[WrittenTimeouts]) -> Target:
        prefix, _, model = name.partition("/")
        provider = self._providers[prefix]
        timeouts = provider.timeouts
        for each in above:
            timeouts = _timeouts(timeouts, each)
        return Target(TargetId(name), provider, provider.known(model), timeouts)


def _provider(name: str, provider: WrittenProvider, defaults: Timeouts, prices: PriceList) -> Provider:
    replaced = replacements(provider)
    models = {
        model: _model(model, each, prices.find(model))
        for model, each in provider.models.items()
        if model not in replaced
    }
    return Provider(
        name=ProviderName(name),
        base_url=(provider.base_url or "").rstrip("/"),
        formats=provider.formats,
        auth=auth_of(provider),
        credentials=_credentials(provider),
        headers=tuple(sorted(provider.headers.items())),
        models=MappingProxyType(models),
        timeouts=_timeouts(defaults, provider.timeouts),
        stream_usage=provider.stream_usage,
        credential_strategy=provider.credential_strategy,
        rate=access.rate(provider.rate),
        replaced=MappingProxyType(replaced),
        max_concurrent=provider.max_concurrent,
        queue=units.seconds(provider.queue),
        prices=prices,
    )


def auth_of(provider: WrittenProvider) -> Auth:
    """Give how a provider wants to be shown its key: as it is written, else as its first format has it."""
    match provider.auth:
        case None:
            return _AUTH.get(provider.formats[0], Auth("bearer"))
        case HeaderAuth(header=header):
            return Auth("header", header)
        case QueryAuth(query=query):
            return Auth("query", query)
        case str(word):
            return _AUTH_WORDS[word]
        case planned:
            message = f"{type(planned).__name__} is refused before a document is compiled"
            raise NotImplementedError(message)


def _credentials(provider: WrittenProvider) -> tuple[Credential, ...]:
    """Give a provider's credentials in order; one without a secret where it asks for none."""
    found = [
        Credential(CredentialName(each.name), _secret(each.api_key), each.priority)
        for each in provider.credentials or ()
    ]
    if provider.api_key is not None:
        found.insert(0, Credential(DEFAULT_CREDENTIAL, _secret(provider.api_key)))
    return tuple(sorted(found, key=lambda each: each.priority)) or (Credential(DEFAULT_CREDENTIAL),)


def _secret(reference: str) -> SecretRef:
    scheme, _, locator = reference.partition(":")
    return SecretRef(scheme, locator)


def _model(name: str, model: WrittenModel, listed: Model | None) -> Model:
    """Compile what is written of a model; a price that is written is the whole price, whatever the list has."""
    below = listed or Model(name)
    price = _price(model.price) if model.price is not None else below.price
    context = below.context if model.context is None else model.context
    capabilities = frozenset(model.capabilities or ())
    return Model(name, context, model.max_output, capabilities, price, model.max_concurrent)


def _price(price: WrittenPrice) -> Price:
    """Compile a price: a class without its own has that of the class that it is a part of."""
    amounts = {name: units.price(text) for name, text in price if text is not None}
    base, answer = amounts.get("input"), amounts.get("output")
    cached, stored = amounts.get("cache_read", base), amounts.get("cache_write", base)
    return Price(
        input=base,
        output=answer,
        cache_read=cached,
        cache_write=stored,
        cache_write_1h=amounts.get("cache_write_1h", stored),
        reasoning=amounts.get("reasoning", answer),
        audio_in=amounts.get("audio_in", base),
        audio_out=amounts.get("audio_out", answer),
        audio_cache_read=amounts.get("audio_cache_read", cached),
        image=amounts.get("image", 0),
        request=amounts.get("request", 0),
    )


def _timeouts(below: Timeouts, above: WrittenTimeouts | DefaultTimeouts) -> Timeouts:
    return msgspec.structs.replace(below, **{name: units.seconds(text) for name, text in above if text is not None})


def _server(document: written.Document) -> Server:
    server = document.server
    return Server(
        host=server.host,
        port=server.port,
        require_api_key=requires_api_key(document),
        max_body=units.size(server.max_body),
        grace=units.seconds(server.grace),
        trusted_proxies=access.networks(server.trusted_proxies),
    )


def _resilience(resilience: WrittenResilience) -> Resilience:
    breaker, cooldown = resilience.breaker, resilience.cooldown
    return Resilience(
        failures=breaker.failures,
        window=units.seconds(breaker.window),
        cooldown=units.seconds(breaker.cooldown),
        probes=breaker.half_open_probes,
        rest=units.seconds(cooldown.base),
        longest_rest=units.seconds(cooldown.max),
        longest_wait=units.seconds(cooldown.wait),
        hedge=_hedge(resilience.hedge),
        sticky=resilience.sticky,
    )


def _hedge(hedge: WrittenHedge) -> Hedge:
    return Hedge(hedge.enabled, hedge.min_samples, hedge.max_share, units.seconds(hedge.min_wait))


def _says(timeouts: WrittenTimeouts) -> bool:
    """Say whether any limit is written."""
    return any(text is not None for _, text in timeouts)


def _reload(reload: WrittenReload) -> Reload:
    return Reload(reload.watch, units.seconds(reload.poll), reload.max_removed_percent)


def _identity(snapshot: Snapshot) -> str:
    """Hash what a snapshot means; targets by their ids, since their providers are there already."""
    meaning: dict[str, Any] = {name: getattr(snapshot, name) for name in snapshot.__struct_fields__}
    for derived in ("id", "files", "prefixes"):
        meaning.pop(derived, None)
    meaning["combos"] = {
        name: (
            combo.strategy,
            combo.max_attempts,
            (combo.system_message, combo.tool_filter),
            [(target.id, target.timeouts) for target in combo.targets],
            [(step.to.name if isinstance(step.to, Combo) else step.to.id, step.weight) for step in combo.steps],
        )
        for name, combo in snapshot.combos.items()
    }
    canonical = msgspec.json.encode(meaning, enc_hook=dict, order="deterministic")
    return hashlib.sha256(canonical).hexdigest()
