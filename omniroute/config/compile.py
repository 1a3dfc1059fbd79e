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
from omniroute.config.document.names import Target as WrittenTarget
from omniroute.config.document.process import DefaultTimeouts
from omniroute.config.document.process import Reload as WrittenReload
from omniroute.config.document.process import Timeouts as WrittenTimeouts
from omniroute.config.document.providers import HeaderAuth, QueryAuth
from omniroute.config.document.providers import Model as WrittenModel
from omniroute.config.document.providers import Price as WrittenPrice
from omniroute.config.document.providers import Provider as WrittenProvider
from omniroute.config.references import Names, Step, names_of
from omniroute.config.snapshot import (
    Auth,
    Combo,
    Credential,
    Key,
    Model,
    Price,
    Provider,
    Reload,
    SecretRef,
    Server,
    Snapshot,
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


def compile_document(document: written.Document, files: Sequence[str] = ()) -> Snapshot:
    """Compile a checked document, whose providers are completed from the catalogue."""
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
        files=tuple(files),
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


class _Expander:
    """Follows the names in combos down to targets, each of which is tried once.

    Of the timeouts on the way to a model, those that are written nearest to it win: those of a target, of its combo,
    of the target that named that combo, and so on; in the end those of the provider.
    """

    def __init__(self, document: written.Document, names: Names, providers: Mapping[str, Provider]) -> None:
        self._combos = document.combos
        self._names = names
        self._providers = providers

    def combo(self, name: str) -> Combo:
        """Expand one combo."""
        combo = self._combos[name]
        leaves = self._names.leaves(Step("", name, ()))
        targets = tuple(self._target(leaf, way[1:]) for leaf, way in leaves)
        return Combo(name, combo.strategy, targets, combo.max_attempts)

    def _target(self, name: str, way: Sequence[Step]) -> Target:
        prefix, _, model = name.partition("/")
        provider = self._providers[prefix]
        timeouts = provider.timeouts
        for step in way:
            for each in self._timeouts_at(step):
                timeouts = _timeouts(timeouts, each)
        return Target(TargetId(name), provider, provider.models.get(model) or Model(model), timeouts)

    def _timeouts_at(self, step: Step) -> Iterator[WrittenTimeouts]:
        if step.path[0] == "combos":
            combo = self._combos[step.name]
            yield combo.timeouts
            target = combo.targets[int(step.path[3])]
            if isinstance(target, WrittenTarget):
                yield target.timeouts


def _provider(name: str, provider: WrittenProvider, defaults: Timeouts) -> Provider:
    models = {model: _model(model, each) for model, each in provider.models.items()}
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


def _reload(reload: WrittenReload) -> Reload:
    return Reload(reload.watch, units.seconds(reload.poll), reload.max_removed_percent)


def _identity(snapshot: Snapshot) -> str:
    """Hash what a snapshot means; targets by their ids, since their providers are there already."""
    meaning: dict[str, Any] = {name: getattr(snapshot, name) for name in snapshot.__struct_fields__}
    del meaning["id"], meaning["files"]
    meaning["combos"] = {
        name: (combo.strategy, combo.max_attempts, [(target.id, target.timeouts) for target in combo.targets])
        for name, combo in snapshot.combos.items()
    }
    canonical = msgspec.json.encode(meaning, enc_hook=dict, order="deterministic")
    return hashlib.sha256(canonical).hexdigest()
