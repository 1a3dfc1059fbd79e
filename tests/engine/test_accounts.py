from datetime import UTC, datetime

from omniroute.config.policy import Budget, Policy
from omniroute.engine.accounts import MOST, Accounts
from omniroute.limits.port import Purse

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
DAY = 86_400
TODAY = int(NOON) - DAY // 2
MONTH = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
DAILY, MONTHLY = Budget("day", 100, "daily"), Budget("month", 1_000, "monthly", on_exceed="warn")
BOTH = Policy("both", budgets=(DAILY, MONTHLY))


def test_each_budget_is_paid_from_the_period_that_is_under_way() -> None:
    account = Accounts().of(BOTH, NOON)
    assert account.purses == (Purse("day", TODAY, 100), Purse("month", MONTH, None)), (
        "what only warns holds nothing back"
    )
    assert account.names == (("day", TODAY), ("month", MONTH))
    assert account.low_from == (80.0, 800.0)


def test_an_account_is_opened_anew_when_the_first_of_its_periods_ends_or_the_clock_is_put_back() -> None:
    accounts = Accounts()
    today = accounts.of(BOTH, NOON)
    assert accounts.of(BOTH, TODAY) is today
    assert accounts.of(BOTH, TODAY + DAY - 1) is today
    tomorrow = accounts.of(BOTH, TODAY + DAY)
    assert tomorrow.names == (("day", TODAY + DAY), ("month", MONTH))
    assert accounts.of(BOTH, NOON).names == today.names


def test_a_budget_without_a_period_is_paid_from_for_ever() -> None:
    accounts, policy = Accounts(), Policy("p", budgets=(Budget("ever", 5, "total"),))
    assert accounts.of(policy, NOON) is accounts.of(policy, NOON + 1_000 * DAY)


def test_an_edited_policy_has_an_account_of_its_own() -> None:
    accounts = Accounts()
    accounts.of(BOTH, NOON)
    edited = Policy("both", budgets=(Budget("day", 7, "daily"),))
    assert accounts.of(edited, NOON).purses == (Purse("day", TODAY, 7),)


def test_a_budget_that_was_stepped_down_for_only_counts() -> None:
    account = Accounts().of(BOTH, NOON)
    assert account.binding(frozenset()) is account.purses
    assert account.binding(frozenset({"day"})) == (Purse("day", TODAY, None), Purse("month", MONTH, None))


def test_no_more_policies_are_remembered_than_are_worth_it() -> None:
    accounts = Accounts()
    for number in range(MOST + 10):
        accounts.of(Policy(f"p{number}", budgets=(DAILY,)), NOON)
    assert len(accounts._known) <= MOST
