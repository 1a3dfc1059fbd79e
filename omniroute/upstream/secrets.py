"""Where secrets come from: references become values here, once a snapshot, and never earlier.

Always true: a ``Secret`` shows itself as ``***`` however it is printed, and is not copied or serialised; a message
names the reference that failed, never what was found there. A value that could break out of a header line is
refused.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from omniroute.config.snapshot import SecretRef, Snapshot

LONGEST = 65_536
"""Bytes of a secret's file; a longer one is not a key but a mistake."""


class Secret:
    """A value to be sent and not to be seen; ``reveal`` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the value, to put it on the wire."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        message = "a secret is neither copied nor serialised"
        raise TypeError(message)


class SecretMissing(Exception):
    """A reference leads to no usable value; the message names the reference and the cause."""


class SecretBook:
    """The secrets of one snapshot, and which of them could not be had.

    ``missing`` holds provider, credential and reason, in the snapshot's order.
    """

    __slots__ = ("_secrets", "missing")

    def __init__(
        self, secrets: Mapping[tuple[str, str], Secret], missing: tuple[tuple[str, str, str], ...] = ()
    ) -> None:
        self._secrets = MappingProxyType(dict(secrets))
        self.missing = missing

    def secret(self, provider_name: str, credential_name: str) -> Secret | None:
        """Give a credential's secret; None where it has none, or where it is missing."""
        return self._secrets.get((provider_name, credential_name))

    def __repr__(self) -> str:
        return f"SecretBook({len(self._secrets)} secrets, {len(self.missing)} missing)"


def resolve(ref: SecretRef, environ: Mapping[str, str], base: Path) -> Secret:
    """Look a reference up.

    Args:
        ref: what is written in the configuration.
        environ: the environment.
        base: the directory that a relative ``file:`` path starts from.

    Raises:
        SecretMissing: nothing is there, or nothing that can be sent.
    """
    find = _SCHEMES.get(ref.scheme)
    if find is None:
        message = f"secret {ref}: there is no scheme {ref.scheme!r}; use one of {', '.join(_SCHEMES)}"
        raise SecretMissing(message)
    value = find(ref, environ, base)
    if not value:
        message = f"secret {ref} is empty"
        raise SecretMissing(message)
    if not value.isprintable():
        message = f"secret {ref} holds a line break or another character that does not print"
        raise SecretMissing(message)
    return Secret(value)


def resolve_all(snapshot: Snapshot, environ: Mapping[str, str], base: Path) -> SecretBook:
    """Look up the secret of every credential, each once; what cannot be had is listed instead of raised.

    Reads files, so it may block: call it in a worker thread while serving.
    """
    secrets: dict[tuple[str, str], Secret] = {}
    missing: list[tuple[str, str, str]] = []
    for provider in snapshot.providers.values():
        for credential in provider.credentials:
            if credential.secret is None:
                continue
            try:
                secrets[provider.name, credential.name] = resolve(credential.secret, environ, base)
            except SecretMissing as error:
                missing.append((provider.name, credential.name, str(error)))
    return SecretBook(secrets, tuple(missing))


def _from_environment(ref: SecretRef, environ: Mapping[str, str], _base: Path) -> str:
    value = environ.get(ref.locator)
    if value is None:
        message = f"secret {ref}: the environment variable {ref.locator} is not set"
        raise SecretMissing(message)
    return value


def _from_file(ref: SecretRef, _environ: Mapping[str, str], base: Path) -> str:
    path = base / ref.locator
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
        text = data.decode()
    except OSError as error:
        message = f"secret {ref}: cannot read {path}: {error.strerror or type(error).__name__}"
        raise SecretMissing(message) from None
    except UnicodeDecodeError:
        message = f"secret {ref}: {path} is not UTF-8 text"
        raise SecretMissing(message) from None
    if len(data) > LONGEST:
        message = f"secret {ref}: {path} is longer than {LONGEST} bytes"
        raise SecretMissing(message)
    return text.removesuffix("\n").removesuffix("\r")


def _from_keyring(ref: SecretRef, _environ: Mapping[str, str], _base: Path) -> str:
    service, slash, name = ref.locator.partition("/")
    if not slash:
        message = f"secret {ref}: write keyring:SERVICE/NAME"
        raise SecretMissing(message)
    try:
        # Here and not above: the package is optional, and only a configuration that names it needs it.
        keyring = importlib.import_module("keyring")
    except ImportError:
        message = f"secret {ref}: the Python package 'keyring' is not installed; install it, or use env: or file:"
        raise SecretMissing(message) from None
    try:
        value = keyring.get_password(service, name)
    except keyring.errors.KeyringError as error:
        # Its words are a backend's, and might quote what it holds.
        message = f"secret {ref}: the keyring failed ({type(error).__name__})"
        raise SecretMissing(message) from None
    if value is None:
        message = f"secret {ref}: the keyring holds no {name!r} for service {service!r}"
        raise SecretMissing(message)
    return str(value)


_SCHEMES: Mapping[str, Callable[[SecretRef, Mapping[str, str], Path], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
}
