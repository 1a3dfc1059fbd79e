"""Where secrets come from, and that they are not seen."""

import copy
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from omniroute.config.snapshot import (
    Auth,
    Credential,
    Provider,
    Reload,
    SecretRef,
    Server,
    Snapshot,
)
from omniroute.names import CredentialName, Format, ProviderName
from omniroute.upstream.secrets import LONGEST, Secret, SecretBook, SecretMissing, resolve, resolve_all

VALUE = "sk-very-secret"


def test_a_secret_shows_itself_as_stars() -> None:
    secret = Secret(VALUE)
    shown = [repr(secret), str(secret), f"{secret}", f"{[secret]}", f"{secret!r}", "%s" % secret]  # noqa: UP031 - one more way
    assert all(VALUE not in text and "***" in text for text in shown)
    assert secret.reveal() == VALUE


def test_a_secret_is_neither_copied_nor_serialised() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(VALUE))
    with pytest.raises(TypeError):
        copy.copy(Secret(VALUE))
    with pytest.raises(TypeError):
        msgspec.json.encode(Secret(VALUE))


def test_a_secret_is_found_in_the_environment(tmp_path: Path) -> None:
    assert resolve(SecretRef("env", "KEY"), {"KEY": VALUE}, tmp_path).reveal() == VALUE


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_found_in_a_file_less_its_last_line_break(tmp_path: Path, end: str) -> None:
    (tmp_path / "key").write_bytes((VALUE + end).encode())
    assert resolve(SecretRef("file", "key"), {}, tmp_path).reveal() == VALUE
    assert resolve(SecretRef("file", str(tmp_path / "key")), {}, Path("/nowhere")).reveal() == VALUE


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (SecretRef("env", "ABSENT"), "env:ABSENT: the environment variable ABSENT is not set"),
        (SecretRef("env", "EMPTY"), "env:EMPTY is empty"),
        (SecretRef("env", "BROKEN"), "env:BROKEN holds a line break"),
        (SecretRef("file", "absent"), "file:absent: cannot read"),
        (SecretRef("file", "."), "file:.: cannot read"),
        (SecretRef("file", "binary"), "is not UTF-8 text"),
        (SecretRef("file", "long"), f"is longer than {LONGEST} bytes"),
        (SecretRef("file", "lines"), "file:lines holds a line break"),
        (SecretRef("keyring", "nowhere"), "write keyring:SERVICE/NAME"),
        (SecretRef("vault", "x"), "there is no scheme 'vault'; use one of env, file, keyring"),
    ],
)
def test_what_cannot_be_had_is_named_by_its_reference_only(tmp_path: Path, ref: SecretRef, words: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff" + VALUE.encode())
    (tmp_path / "long").write_text(VALUE * LONGEST)
    (tmp_path / "lines").write_text(f"{VALUE}\n{VALUE}\n")
    with pytest.raises(SecretMissing) as caught:
        resolve(ref, {"EMPTY": "", "BROKEN": f"{VALUE}\r\nx-admin: 1"}, tmp_path)
    assert words in str(caught.value)
    assert VALUE not in str(caught.value)


KEYRING = """
class errors:
    class KeyringError(Exception):
        pass

def get_password(service, name):
    if service == "broken":
        raise errors.KeyringError("the value is sk-very-secret")
    return {("cloud", "team/key"): "sk-very-secret"}.get((service, name))
"""


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package of that name, with the two things that are used of it."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "keyring.py").write_text(KEYRING)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    sys.modules.pop("keyring", None)
    yield
    sys.modules.pop("keyring", None)


@pytest.mark.usefixtures("keyring")
def test_a_secret_is_found_in_the_keyring(tmp_path: Path) -> None:
    assert resolve(SecretRef("keyring", "cloud/team/key"), {}, tmp_path).reveal() == VALUE


@pytest.mark.usefixtures("keyring")
@pytest.mark.parametrize(
    ("locator", "words"),
    [("cloud/other", "holds no 'other' for service 'cloud'"), ("broken/x", "the keyring failed (KeyringError)")],
)
def test_a_keyring_that_does_not_give_it_is_told_without_its_words(tmp_path: Path, locator: str, words: str) -> None:
    with pytest.raises(SecretMissing) as caught:
        resolve(SecretRef("keyring", locator), {}, tmp_path)
    assert words in str(caught.value)
    assert VALUE not in str(caught.value)


def test_a_keyring_that_is_not_installed_is_asked_for_by_name(tmp_path: Path) -> None:
    if "keyring" in sys.modules:
        pytest.skip("the package is installed here")
    with pytest.raises(SecretMissing, match="'keyring' is not installed"):
        resolve(SecretRef("keyring", "cloud/key"), {}, tmp_path)


def snapshot(*credentials: Credential) -> Snapshot:
    provider = Provider(
        name=ProviderName("p"),
        base_url="https://example.invalid/v1",
        formats=(Format.OPENAI_CHAT,),
        auth=Auth("bearer"),
        credentials=credentials,
    )
    return Snapshot(
        id="0" * 64,
        server=Server(),
        reload=Reload(),
        database=":memory:",
        providers={"p": provider},
        combos={},
        aliases={},
        patterns=(),
        keys={},
    )


def test_the_book_holds_what_was_found_and_lists_what_was_not(tmp_path: Path) -> None:
    book = resolve_all(
        snapshot(
            Credential(CredentialName("good"), SecretRef("env", "KEY")),
            Credential(CredentialName("bad"), SecretRef("env", "ABSENT")),
            Credential(CredentialName("none")),
        ),
        {"KEY": VALUE},
        tmp_path,
    )
    found = book.secret("p", "good")
    assert found is not None
    assert found.reveal() == VALUE
    assert book.secret("p", "bad") is None
    assert book.secret("p", "none") is None
    assert book.secret("q", "good") is None
    assert book.missing == (("p", "bad", "secret env:ABSENT: the environment variable ABSENT is not set"),)
    assert VALUE not in repr(book)
    assert repr(SecretBook({})) == "SecretBook(0 secrets, 0 missing)"
