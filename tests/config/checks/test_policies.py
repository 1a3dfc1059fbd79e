import pytest

from tests.support.written import HOUSE, codes, found, mended, only, text_at

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
ALICE = f'[keys.alice]\nsha256 = "{HASH}"\n'
USED = '[defaults]\npolicy = "p"\n'


def test_a_policy_that_is_misspelt_at_a_key_is_found_and_mended() -> None:
    text = f'{HOUSE}{ALICE}policy = "enginers"\n[policies.engineers]\n'
    finding = next(each for each in found(text) if each.code == "OR3011")
    assert finding.summary == "`policy` of key `alice` names policy `enginers`, which does not exist"
    assert finding.hint == "did you mean `engineers`?"
    assert text_at(finding) == '"enginers"'
    assert codes(mended(text, finding)) == []


def test_a_policy_of_the_defaults_has_to_be_there() -> None:
    finding = only(f'{HOUSE}[defaults]\npolicy = "p"\n')
    assert (finding.code, finding.hint) == ("OR3011", "add [policies.p], or correct the name")


def test_a_budget_that_is_misspelt_is_found_and_mended() -> None:
    text = f'{HOUSE}{USED}[policies.p]\nallow_models = ["x"]\nbudgets = ["tema"]\n[budgets.team]\nlimit = "1 USD"\n'
    finding = next(each for each in found(text) if each.code == "OR3012")
    assert finding.summary == "item 1 of `budgets` of policy `p` names budget `tema`, which does not exist"
    assert text_at(finding) == '"tema"'
    assert "OR3012" not in codes(mended(text, finding))


def test_what_is_named_and_broken_is_not_called_missing() -> None:
    text = f'{HOUSE}{USED}[policies.p]\nbudgets = ["b"]\nrates = 1\n[budgets.b]\nlimit = 1\n'
    assert set(codes(text)) == {"OR2001", "OR2003"}


def test_a_policy_and_a_budget_that_nobody_names_are_found() -> None:
    text = f'{HOUSE}[policies.p]\n[budgets.b]\nlimit = "1 USD"\n'
    assert [(each.code, each.severity, text_at(each)) for each in found(text)] == [
        ("OR5020", "warning", "p"),
        ("OR5021", "warning", "b"),
    ]


@pytest.mark.parametrize("naming", [f'{ALICE}policy = "p"\n', USED])
def test_a_policy_that_somebody_names_is_used(naming: str) -> None:
    assert codes(f"{HOUSE}{naming}[policies.p]\n") == []


NAMES = (
    f"{HOUSE}[providers.acme]\napi_key = 'env:A'\n{USED}"
    '[aliases]\nfast = "acme/large"\n"gpt-*" = "acme/*"\n[combos.coding]\ntargets = ["acme/large"]\n'
)


@pytest.mark.parametrize(
    "model",
    [
        *("fast", "coding", "gpt-5", "gpt-*", "acme/large", "large", "ac/large", "acme/l*", "*", "*-large*", "c*g"),
        *("house/unlisted", "house/*", "acme/unlisted", "ac/unlisted", "hou*", "ac*/x"),
    ],
)
def test_a_model_that_can_be_asked_for_may_be_allowed(model: str) -> None:
    assert codes(f'{NAMES}[policies.p]\nallow_models = ["{model}"]\n') == []


@pytest.mark.parametrize("model", ["fasst", "acmee/large", "acmee/*", "codings*", "z*", "larg"])
@pytest.mark.parametrize("key", ["allow_models", "deny_models"])
def test_a_model_that_nothing_is_called_is_found(key: str, model: str) -> None:
    finding = only(f'{NAMES}[policies.p]\n{key} = ["coding", "{model}"]\n')
    assert (finding.code, finding.severity, text_at(finding)) == ("OR5023", "warning", f'"{model}"')
    assert finding.label == ("allows nothing" if key == "allow_models" else "denies nothing")


def test_a_time_zone_that_does_not_exist_is_found_where_it_stands() -> None:
    text = (
        f"{HOUSE}{USED}[policies.p]\nallow_models = []\nbudgets = ['b']\n"
        'schedule = { days = ["mon"], hours = "08:00-09:00", timezone = "Europe/Belin" }\n'
        '[budgets.b]\nlimit = "1 USD"\ntimezone = "Nowhere"\n'
    )
    first, second = found(text)
    assert (first.code, text_at(first), first.hint) == ("OR2004", '"Europe/Belin"', "did you mean `Europe/Berlin`?")
    assert (second.code, text_at(second)) == ("OR2004", '"Nowhere"')
    assert second.summary == "`Nowhere` is not allowed as `timezone` of budget `b`"


@pytest.mark.parametrize("schedule", ['days = [], hours = "08:00-09:00"', 'days = ["mon"]', 'hours = "08:00-09:00"'])
def test_a_schedule_without_days_or_hours_is_refused(schedule: str) -> None:
    assert codes(f"{HOUSE}{USED}[policies.p]\nschedule = {{ {schedule} }}\n")[0] in {"OR2002", "OR2004"}


def test_a_semantic_cache_that_is_enabled_needs_an_embedder() -> None:
    finding = only(f"{HOUSE}[cache.semantic]\nenabled = true\n")
    assert (finding.code, finding.summary) == (
        "OR2002",
        "the semantic cache is enabled, and lacks the key `embedder`",
    )
    assert codes(f"{HOUSE}[cache.semantic]\nenabled = false\n") == []
    assert codes(f'{HOUSE}[cache.semantic]\nenabled = true\nembedder = "house/e"\n') == []


def test_an_embedder_and_a_downgrade_have_to_lead_somewhere() -> None:
    assert codes(f'{HOUSE}[cache.semantic]\nenabled = true\nembedder = "hose/e"\n') == ["OR3001"]
    assert codes(f'{HOUSE}[cache.semantic]\nembedder = "hose/e"\n') == []
    text = f'{HOUSE}{USED}[policies.p]\nallow_models = []\nbudgets = ["b"]\n[budgets.b]\nlimit = "1 USD"\n'
    finding = only(f'{text}on_exceed = {{ downgrade = "fast" }}\n')
    assert finding.summary == "`downgrade` of `on_exceed` of budget `b` names `fast`, which does not exist"
    assert text_at(finding) == '"fast"'


def test_what_is_only_misspelt_is_not_called_unused_besides() -> None:
    text = f'{HOUSE}{ALICE}policy = "enginers"\n[policies.engineers]\nbudgets = ["tema"]\n'
    assert codes(f'{text}[budgets.team]\nlimit = "1 USD"\n') == ["OR3011", "OR3012"]
