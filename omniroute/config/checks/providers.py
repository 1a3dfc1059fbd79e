"""Checks of providers: that they can be asked."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from omniroute.config.checks.world import World
from omniroute.config.compile import DEFAULT_CREDENTIAL
from omniroute.config.document.providers import Provider
from omniroute.config.faults import Fault, Spot
from omniroute.config.plain import usual_variable
from omniroute.config.source import Path
from omniroute.config.words import listed, meant, toml
from omniroute.names import Format

ACTING_FORMATS = frozenset(
    {
        Format.OPENAI_CHAT,
        Format.OPENAI_RESPONSES,
        Format.OPENAI_COMPLETIONS,
        Format.ANTHROPIC_MESSAGES,
        Format.GEMINI,
        Format.OLLAMA,
    }
)
"""The formats in which this version can ask a provider for an answer."""
USABLE_FORMATS = ACTING_FORMATS | {Format.OPENAI_EMBEDDINGS}
"""Those, and that in which the semantic cache asks for embeddings."""

OWN_HEADERS = frozenset({"accept-encoding", "connection", "content-length", "host", "transfer-encoding", "upgrade"})
"""Headers that belong to the connection, and are written by what makes it."""


def there_is_a_provider(world: World) -> Iterator[Fault]:
    """OR3008: there is at least one provider."""
    if not world.written("providers"):
        yield Fault(
            "OR3008",
            "no provider is configured",
            Spot(()),
            label="no file has a [providers.NAME] table",
            hint='add one, with api_key = "env:VARIABLE"; a provider that the catalogue knows needs nothing else',
        )


def providers_have_an_address(world: World) -> Iterator[Fault]:
    """OR3003: a provider that the catalogue does not know says where it is."""
    for name, provider in world.document.providers.items():
        if provider.base_url is None:
            close = meant(name, world.catalogue.names)
            yield Fault(
                "OR3003",
                f"provider `{name}` has no base_url, and the catalogue does not know it",
                Spot(("providers", name)),
                label="base_url is missing",
                hint=f"did you mean `{close}`, which the catalogue knows? If not, add base_url"
                if close
                else 'for example: base_url = "http://10.0.0.7:8000/v1"',
            )


def addresses_can_be_reached(world: World) -> Iterator[Fault]:
    """OR2004: a base_url is one that can be taken apart: its port is one, and so is its address."""
    for name, provider in world.document.providers.items():
        if provider.base_url is None:
            continue
        try:
            parts = urlsplit(provider.base_url)
            possible = parts.port != 0
        except ValueError:
            possible = False
        if not possible:
            yield Fault(
                "OR2004",
                f"`base_url` of provider `{name}` cannot be an address",
                Spot(("providers", name, "base_url")),
                label="no such host or port",
            )


def providers_have_a_credential(world: World) -> Iterator[Fault]:
    """OR3004: a provider that asks for a key has one."""
    for name, provider in world.document.providers.items():
        keyless = provider.api_key is None and not provider.credentials
        if keyless and provider.auth != "none" and provider.base_url is not None:
            variable = usual_variable(name, world.catalogue)
            yield Fault(
                "OR3004",
                f"provider `{name}` has no key",
                Spot(("providers", name)),
                label="no api_key, and no credentials",
                hint=f'add api_key = "env:{variable}", or auth = "none" if it asks for no key',
            )


def credentials_differ(world: World) -> Iterator[Fault]:
    """OR3005: no two credentials of a provider have the same name or the same key."""
    for name, provider in world.document.providers.items():
        seen: dict[tuple[str, str], Path] = {}
        for what, value, path in _credentials(name, provider):
            first = seen.setdefault((what, value), path)
            if first != path:
                yield Fault(
                    "OR3005",
                    f"two credentials of provider `{name}` have the same {what}",
                    Spot(path),
                    label="here again",
                    related=((Spot(first), "first here"),),
                    hint=f"give each its own {what}, or remove one",
                )


def _credentials(name: str, provider: Provider) -> Iterator[tuple[str, str, Path]]:
    """Give what must differ among a provider's credentials, and where each stands."""
    table: Path = ("providers", name)
    if provider.api_key is not None:
        yield "name", DEFAULT_CREDENTIAL, (*table, "api_key")
        yield "key", provider.api_key, (*table, "api_key")
    for index, each in enumerate(provider.credentials or ()):
        yield "name", each.name, (*table, "credentials", index, "name")
        yield "key", each.api_key, (*table, "credentials", index, "api_key")


def formats_are_usable(world: World) -> Iterator[Fault]:
    """OR3007: every provider speaks a format that this version can write."""
    for name, provider in world.document.providers.items():
        if USABLE_FORMATS.isdisjoint(provider.formats):
            shipped = world.catalogue.place(name, "formats")
            yield Fault(
                "OR3007",
                f"provider `{name}` speaks no format that this version can use: it asks providers in "
                f"{listed(sorted(USABLE_FORMATS))} only",
                Spot(("providers", name, "formats")),
                label=f"speaks {listed(provider.formats, 'and')}, which later versions will use",
                elsewhere=((shipped, "the catalogue says so here"),) if shipped is not None else (),
                hint="if the provider also has an address that is compatible with OpenAI's, set base_url to that one, "
                f"and formats = {toml([Format.OPENAI_CHAT])}",
            )


def headers_are_free(world: World) -> Iterator[Fault]:
    """OR2004: no header of a provider is one that the connection itself writes."""
    for name, provider in world.document.providers.items():
        for header in provider.headers:
            if header.lower() in OWN_HEADERS:
                yield Fault(
                    "OR2004",
                    f"header `{header}` of provider `{name}` cannot be set",
                    Spot(("providers", name, "headers", header), key=True),
                    label="the gateway writes this header itself",
                )
