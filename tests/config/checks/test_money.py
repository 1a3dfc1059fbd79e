import pytest

from tests.support.written import HOUSE, codes, found, only, text_at

USED = '[defaults]\npolicy = "p"\n[budgets.b]\nlimit = "1 USD"\n'
ACME = "[providers.acme]\napi_key = 'env:A'\n"
FREE = "[providers.here]\n"
BROKE = '[providers.acme.models.half]\nprice = { input = "1" }\n'
POLICY = '[policies.p]\nbudgets = ["b"]\n'


def test_a_budget_knows_the_prices_of_all_that_its_callers_can_ask() -> None:
    text = ACME + FREE + '[aliases]\nfree = "here/x"\n' + USED + POLICY
    assert codes(text) == []


def test_a_model_of_unknown_price_is_named_with_the_way_to_it() -> None:
    text = f'{ACME}{HOUSE}{BROKE}[combos.coding]\ntargets = ["acme/large", "house/m"]\n{USED}{POLICY}'
    finding = only(text)
    assert (finding.code, finding.severity) == ("OR5022", "warning")
    assert finding.summary == (
        "policy `p` has a budget, and its callers can ask `house/m` and `acme/half`, of unknown price"
    )
    assert finding.note == "`house/m` through `coding`: it has no price\n`acme/half`: its price lacks `output`"
    assert finding.hint.startswith('write the price under [providers.house.models."m"]')


@pytest.mark.parametrize(
    ("lists", "reached"),
    [
        ('allow_models = ["acme/large"]', False),
        ('allow_models = ["coding"]', True),
        ('allow_models = ["co*"]\ndeny_models = ["house/*"]', False),
        ('allow_models = ["house/m"]', True),
        ('deny_models = ["coding"]', True),
        ('deny_models = ["coding", "smart"]', False),
        ('allow_models = ["smart"]', True),
        ("allow_models = []", False),
    ],
)
def test_only_models_that_the_policy_lets_its_callers_ask_are_looked_at(lists: str, reached: bool) -> None:
    names = '[aliases]\nsmart = "house/m"\n[combos.coding]\ntargets = ["acme/large", "house/m"]\n'
    assert codes(ACME + HOUSE + names + USED + POLICY + lists) == (["OR5022"] if reached else [])


def test_many_models_are_named_by_the_first_few() -> None:
    models = "".join(f"[providers.house.models.m{number}]\n" for number in range(5))
    finding = only(HOUSE + models + USED + POLICY)
    assert "5 models, such as `house/m0`, `house/m1` and `house/m2`" in finding.summary
    assert finding.note.count("\n") == 2


def test_a_policy_without_a_budget_may_reach_what_has_no_price() -> None:
    text = f'{HOUSE}[providers.house.models.m]\n[defaults]\npolicy = "p"\n[policies.p]\n'
    assert codes(text) == []


def test_a_circle_of_names_is_told_once_and_ends() -> None:
    text = f'{HOUSE}[aliases]\na = "b"\nb = "a"\n[combos.c]\ntargets = ["c", "house/m"]\n'
    assert {"OR3010"} <= set(codes(text + USED + POLICY)) <= {"OR3010", "OR5022"}


DOWNGRADE = 'on_exceed = { downgrade = "cheap" }\n[aliases]\ncheap = "house/m"\n'
PRICED = f'{ACME}{HOUSE}[providers.house.models.m]\nprice = {{ input = "0", output = "0" }}\n'


@pytest.mark.parametrize(
    ("lists", "works"),
    [
        ("", True),
        ('allow_models = ["acme/*"]', False),
        ('allow_models = ["acme/*", "cheap"]', True),
        ('allow_models = ["acme/*", "house/m"]', True),
        ('deny_models = ["house/*"]', False),
        ('deny_models = ["cheap"]', False),
    ],
)
def test_what_takes_over_must_be_something_that_the_callers_may_ask(lists: str, works: bool) -> None:
    text = PRICED + USED + DOWNGRADE + POLICY + lists
    findings = found(text)
    assert [each.code for each in findings] == ([] if works else ["OR5024"])
    if not works:
        assert findings[0].label == "policy `p` does not let its callers ask it"
        assert text_at(findings[0]) == '{ downgrade = "cheap" }'


def test_what_takes_over_must_have_a_price() -> None:
    text = f'{ACME}{HOUSE}{USED}{DOWNGRADE}{POLICY}allow_models = ["acme/*"]\n'
    finding = only(text)
    assert (finding.code, finding.label) == ("OR5024", "`house/m` has no known price")
    assert finding.note == "policy `p` does not let its callers ask it"


def test_what_is_asked_for_embeddings_only_needs_no_price_of_output() -> None:
    models = '[providers.acme.models.small]\n[providers.acme.models.embed]\nprice = { input = "0.02" }\n'
    embedder = '[cache.semantic]\nenabled = true\nembedder = "near"\n[aliases]\nnear = "acme/embed"\n'
    only_embed = 'allow_models = ["acme/embed"]'
    assert codes(ACME + models + USED + POLICY + only_embed) == ["OR5022"]
    assert codes(ACME + models + embedder + USED + POLICY + only_embed) == []
    speaks = "[providers.acme]\napi_key = 'env:A'\nformats = [\"openai-embeddings\"]\n"
    assert codes(speaks + models + USED + POLICY + only_embed) == []
    assert codes(speaks + models.replace("input", "output") + USED + POLICY + only_embed) == ["OR5022"]
