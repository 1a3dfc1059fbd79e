"""What the configuration says of whoever asks: the policy that holds for a caller, key by key, with its places.

Always true: nothing is decided here, and what is quoted is what is written; a text that is long is cut.
"""

from collections.abc import Iterator

import msgspec

from omniroute.config.origins import Origin, Origins
from omniroute.config.policy import Policy

LONGEST = 120
"""Characters of a value that are quoted."""


class Clause(msgspec.Struct, frozen=True):
    """A key of a policy, or a budget that it names (``budgets.NAME``), and what is written there, as TOML."""

    key: str
    value: str
    origin: Origin | None


class Ruling(msgspec.Struct, frozen=True):
    """The policy of a caller; ``named`` is where it says that it holds: at the client key, or in the defaults."""

    policy: str
    origin: Origin | None
    named: Origin | None
    clauses: tuple[Clause, ...]


def ruling(origins: Origins, key: str, policy: Policy) -> Ruling:
    """Say which policy holds for the client key of this name; "" is whoever comes without one."""
    own = origins.of("keys", key, "policy") if key else None
    return Ruling(
        policy.name,
        origins.of("policies", policy.name),
        own if own is not None else origins.of("defaults", "policy"),
        tuple(_clauses(origins, policy)),
    )


def _clauses(origins: Origins, policy: Policy) -> Iterator[Clause]:
    """Quote what is written: the policy, but for the names of its budgets, and then each of those."""
    for key, value, origin in origins.written("policies", policy.name):
        if key != "budgets":
            yield Clause(key, _cut(value), origin)
    for budget in policy.budgets:
        table = ", ".join(f"{key} = {value}" for key, value, _ in origins.written("budgets", budget.name))
        yield Clause(f"budgets.{budget.name}", _cut(f"{{ {table} }}"), origins.of("budgets", budget.name))


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
