"""What is wrong with a test of the configuration itself: names that lead nowhere, and what could never happen or fail.

Always true: ``omniroute check`` and ``omniroute test`` find it by the same function.
"""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from omniroute.config.document.behaviour import ConfigTest, ExpectedInTest, UpstreamInTest
from omniroute.config.source import Path


class Known(msgspec.Struct, frozen=True):
    """The names of a configuration that tests can use: providers, each with its credentials, client keys, budgets.

    Of a provider that cannot be read, the credentials are not known, and None.
    """

    providers: Mapping[str, Collection[str] | None]
    keys: Collection[str]
    budgets: Collection[str]


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong, and at which key of the test.

    ``name`` is what there is not, where that is it, and ``among`` are those that there are.
    """

    path: Path
    words: str
    name: str = ""
    among: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Name the key as well."""
        if self.path[:2] == ("given", "upstream") and len(self.path) > 2:
            return f"given.upstream, answer {int(self.path[2]) + 1}: {self.words}"
        return f"{'.'.join(map(str, self.path[:2]))}: {self.words}"


def mistakes(test: ConfigTest, known: Known) -> Iterator[Mistake]:
    """Say what is wrong with a test."""
    yield from _strangers(test, known)
    for index, each in enumerate(test.given.upstream):
        for mistake in _misgiven(each, known):
            yield msgspec.structs.replace(mistake, path=("given", "upstream", index, *mistake.path))
    if not _expects_something(test.expect):
        yield Mistake(("expect",), "it expects nothing; write `attempts`, `status`, `server` or `shares`")
    for path, target in _expected(test):
        if not _leads_somewhere(target, known):
            yield _no_target(path, target, known)


def _strangers(test: ConfigTest, known: Known) -> Iterator[Mistake]:
    """Find client keys and budgets that there are not."""
    key = test.request.key
    if key is not None and key not in known.keys:
        yield _missing(("request", "key"), "client key", key, known.keys)
    for budget in test.given.spent:
        if budget not in known.budgets:
            yield _missing(("given", "spent", budget), "budget", budget, known.budgets)


def _expects_something(expect: ExpectedInTest) -> bool:
    return not (expect.attempts is None and expect.status is None and expect.server is None and not expect.shares)


def _expected(test: ConfigTest) -> Iterator[tuple[Path, str]]:
    """Give the targets that are expected, and where."""
    expect = test.expect
    yield from ((("expect", "attempts", index), each) for index, each in enumerate(expect.attempts or ()))
    if expect.server is not None:
        yield ("expect", "server"), expect.server
    yield from ((("expect", "shares", each), each) for each in expect.shares or ())


def _misgiven(given: UpstreamInTest, known: Known) -> Iterator[Mistake]:
    """Say what is wrong with what an upstream is given to do."""
    if given.provider is not None and given.target is not None:
        yield Mistake(("target",), "`provider` and `target` exclude each other")
    if (given.status is None) == (given.failure is None):
        yield Mistake((), "write either `status` or `failure`")
    if given.provider is not None and given.provider not in known.providers:
        yield _missing(("provider",), "provider", given.provider, known.providers)
    if given.target is not None and not _leads_somewhere(given.target, known):
        yield _no_target(("target",), given.target, known)
    who = given.provider or given.target
    if given.credential is not None and who is None:
        yield Mistake(("credential",), "`credential` needs a `provider` or a `target`")
    provider = (who or "").partition("/")[0]
    credentials = known.providers.get(provider)
    if given.credential is not None and credentials is not None and given.credential not in credentials:
        words = f"provider `{provider}` has no credential `{given.credential}`"
        yield Mistake(("credential",), words, given.credential, tuple(credentials))


def _leads_somewhere(target: str, known: Known) -> bool:
    provider, slash, model = target.partition("/")
    return bool(slash and model) and provider in known.providers


def _missing(path: Path, kind: str, name: str, among: Collection[str]) -> Mistake:
    return Mistake(path, f"there is no {kind} `{name}`", name, tuple(among))


def _no_target(path: Path, target: str, known: Known) -> Mistake:
    words = f"`{target}` is no target of this configuration; a target is provider/model"
    provider, slash, _ = target.partition("/")
    return Mistake(path, words, provider if slash else "", tuple(known.providers))
