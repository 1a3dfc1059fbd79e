"""Document → snapshot: names become objects, texts become numbers, and what was left out becomes its default.

Always true: a document that ``config/checks`` found no error in compiles; the snapshot is frozen all the way down;
two documents that mean the same have the same id.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

import msgspec

from omniroute.config import document as written
from omniroute.config import units
from omniroute.config.document.access import Key as WrittenKey
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
    Key,
    Model,
    Price,
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
    document: written.Document, files: Sequence[str] = (), prefixes: Mapping[str, str] = MappingProxyType({})
) -> Snapshot:
    """Compile a checked document, whose providers are completed from the catalogue.

    Args:
        document: the document.
        files: the names of the files that it was read from.
        prefixes: names by which people know providers besides, each with the provider's own.
    """
    names = names_of(document)
    defaults = _timeouts(Timeouts(), document.defaults.timeouts)
    providers = {name: _provider(name, each, defaults) for name, each in document.providers.items()}
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
        keys=MappingProxyType({each.sha256: _key(name, each) for name, each in document.keys.items()}),
        timeouts=defaults,
        resilience=_resilience(document.resilience),
        files=tuple(files),
        prefixes=_prefixes(prefixes, providers),
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
        return Target(TargetId(name), provider, provider.models.get(model) or Model(model), timeouts)


def _provider(name: str, provider: WrittenProvider, defaults: Timeouts) -> Provider:
    replaced = replacements(provider)
    models = {model: _model(model, each) for model, each in provider.models.items() if model not in replaced}
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
        replaced=MappingProxyType(replaced),
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


def _model(name: str, model: WrittenModel) -> Model:
    price = _price(model.price) if model.price is not None else Price()
    return Model(name, model.context, model.max_output, frozenset(model.capabilities or ()), price)


def _price(price: WrittenPrice) -> Price:
    amounts = {name: units.price(text) for name, text in price if text is not None}
    base = amounts.get("input")
    return Price(base, amounts.get("output"), amounts.get("cache_read", base), amounts.get("cache_write", base))


def _timeouts(below: Timeouts, above: WrittenTimeouts | DefaultTimeouts) -> Timeouts:
    return msgspec.structs.replace(below, **{name: units.seconds(text) for name, text in above if text is not None})


def _key(name: str, key: WrittenKey) -> Key:
    return Key(name, key.sha256, frozenset(key.scopes), expiry(key.expires) if key.expires is not None else None)


def expiry(moment: date | datetime) -> int:
    """Give the Unix time from which on a key is refused; a date means its beginning, in UTC."""
    at = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return int(at.timestamp())


def _server(document: written.Document) -> Server:
    server = document.server
    return Server(
        host=server.host,
        port=server.port,
        require_api_key=requires_api_key(document),
        max_body=units.size(server.max_body),
        grace=units.seconds(server.grace),
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
    )


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
