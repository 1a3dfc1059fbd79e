"""Everything that a schema cannot say: names that lead nowhere, providers that cannot be asked, open doors.

Always true: a check is a small function of a ``World`` that gives faults and knows nothing of the others; ``CHECKS``
is all of them. What is already known to be broken is not found fault with again.
"""

from collections.abc import Callable, Iterator

from omniroute.config.checks.access import (
    client_keys_differ,
    keys_have_not_expired,
    open_door,
    schema_is_named,
)
from omniroute.config.checks.addresses import (
    callers_can_come_in,
    networks_can_be_read,
    proxies_are_some,
    this_machine_comes_in,
)
from omniroute.config.checks.aliases import aliases_leave_models_alone, patterns_select_something
from omniroute.config.checks.combos import (
    attempts_are_enough,
    conversations_keep_their_cache,
    strategies_know_enough,
    targets_can_do_the_same,
    time_is_enough,
    weights_act,
)
from omniroute.config.checks.money import budgets_know_prices, downgrades_can_be_asked
from omniroute.config.checks.names import (
    names_arrive,
    names_differ,
    stars_stand_for_something,
    targets_add_something,
    targets_exist,
)
from omniroute.config.checks.policies import (
    budgets_exist,
    budgets_pay_for_something,
    embedders_are_named,
    models_of_policies_exist,
    policies_exist,
    policies_hold_for_somebody,
    time_zones_are_known,
)
from omniroute.config.checks.providers import (
    addresses_can_be_reached,
    credentials_differ,
    formats_are_usable,
    headers_are_free,
    providers_have_a_credential,
    providers_have_an_address,
    there_is_a_provider,
)
from omniroute.config.checks.replaced import models_are_current, replacements_arrive
from omniroute.config.checks.shaping import tool_filters_are_expressions
from omniroute.config.checks.tests import tests_can_pass_and_fail
from omniroute.config.checks.world import World
from omniroute.config.faults import Fault
from omniroute.config.layers import NAMED
from omniroute.config.source import Path

CHECKS: tuple[Callable[[World], Iterator[Fault]], ...] = (
    targets_exist,
    providers_have_an_address,
    addresses_can_be_reached,
    providers_have_a_credential,
    credentials_differ,
    headers_are_free,
    tool_filters_are_expressions,
    names_differ,
    formats_are_usable,
    there_is_a_provider,
    stars_stand_for_something,
    names_arrive,
    replacements_arrive,
    client_keys_differ,
    open_door,
    schema_is_named,
    keys_have_not_expired,
    targets_add_something,
    aliases_leave_models_alone,
    patterns_select_something,
    weights_act,
    targets_can_do_the_same,
    strategies_know_enough,
    conversations_keep_their_cache,
    attempts_are_enough,
    time_is_enough,
    models_are_current,
    policies_exist,
    budgets_exist,
    time_zones_are_known,
    embedders_are_named,
    networks_can_be_read,
    proxies_are_some,
    policies_hold_for_somebody,
    budgets_pay_for_something,
    budgets_know_prices,
    models_of_policies_exist,
    downgrades_can_be_asked,
    callers_can_come_in,
    this_machine_comes_in,
    tests_can_pass_and_fail,
)

_LACKING = frozenset({"OR3001", "OR3002", "OR3008", "OR3011", "OR3012", "OR3013"})
"""Findings about something that is not there: it may be in a file that could not be read."""


def check(world: World) -> tuple[Fault, ...]:
    """Find every fault of a document, but in what is broken anyway."""
    found = (fault for each in CHECKS for fault in each(world))
    return tuple(
        fault
        for fault in found
        if entity(fault.spot.path) not in world.broken and (world.whole or fault.code not in _LACKING)
    )


def entity(path: Path) -> Path:
    """Give the named thing, or else the table, that a path belongs to."""
    return path[: 2 if path and path[0] in NAMED else 1]
