import pytest

from omniroute.config.checks.combos import SPREADING
from tests.support.written import HOUSE, codes, only, text_at

LISTED = (
    HOUSE
    + "[providers.house.models]\n"
    + 'sees = { capabilities = ["tools", "images", "cache_hints"], context = 1000 }\n'
    + 'blind = { capabilities = ["tools"], price = { input = "1.00", output = "2.00" } }\n'
    + 'half = { price = { input = "1.00" } }\n'
)


def combo(*targets: str, providers: str = HOUSE, **keys: str) -> str:
    written = "".join(f"{key} = {value}\n" for key, value in keys.items())
    return f"{providers}[combos.c]\n{written}targets = [{', '.join(targets)}]\n"


def weighted(strategy: str, *weights: int) -> str:
    targets = (f'{{ model = "house/m{place}", weight = {weight} }}' for place, weight in enumerate(weights))
    return combo(*targets, strategy=f'"{strategy}"')


def test_weights_that_no_strategy_reads_are_found_together() -> None:
    finding = only(weighted("round-robin", 1, 3, 2))
    assert finding.code == "OR5007"
    assert finding.summary == "combo `c` gives weights, which strategy `round-robin` does not read"
    assert text_at(finding) == "3"
    assert [each.message for each in finding.related] == ["nor has this"]
    assert finding.hint == 'write strategy = "weighted", or remove the weights'


def test_weights_act_where_the_strategy_reads_them_and_a_weight_of_one_says_nothing() -> None:
    assert codes(weighted("weighted", 1, 3)) == []
    assert codes(weighted("priority", 1, 1)) == []


def test_targets_that_can_take_less_than_others_are_named() -> None:
    finding = only(combo('"house/sees"', '"house/blind"', '"house/half"', '"house/unlisted"', providers=LISTED))
    assert (finding.code, finding.summary) == ("OR5008", "the targets of combo `c` differ in what they can take")
    assert finding.note == "requests with images skip `house/blind`"
    assert text_at(finding).startswith("[")


@pytest.mark.parametrize("targets", [('"house/sees"', '"house/half"'), ('"house/blind"',)])
def test_targets_that_can_do_the_same_or_of_which_nothing_is_known_are_no_finding(targets: tuple[str, ...]) -> None:
    assert codes(combo(*targets, providers=LISTED)) == []


def test_a_target_without_a_price_cannot_be_compared_by_it() -> None:
    text = combo('"house/blind"', '"house/half"', '"d"', providers=LISTED, strategy='"cost-optimized"')
    finding = only(text + '[combos.d]\ntargets = ["house/x"]\n')
    assert finding.code == "OR5009"
    assert finding.summary == (
        "combo `c` goes by the price of its targets, which is not known of `house/half` and `house/x`"
    )
    assert [each.message for each in finding.related] == ["`house/half` has none", "`house/x` has none"]
    assert finding.hint.startswith('write it under [providers.house.models."half"]: price = ')


def test_a_target_without_a_context_cannot_be_compared_by_it() -> None:
    finding = only(combo('"house/sees"', '"house/half"', providers=LISTED, strategy='"context-optimized"'))
    assert (finding.code, text_at(finding)) == ("OR5009", '"context-optimized"')
    assert finding.summary.endswith("goes by the context of its targets, which is not known of `house/half`")


def test_strategies_that_know_what_they_go_by_are_no_finding() -> None:
    assert codes(combo('"house/blind"', providers=LISTED, strategy='"cost-optimized"')) == []
    assert codes(combo('"house/sees"', providers=LISTED, strategy='"context-optimized"')) == []


@pytest.mark.parametrize("strategy", sorted(SPREADING))
def test_a_strategy_that_spreads_requests_is_told_that_prompts_are_cached(strategy: str) -> None:
    finding = only(combo('"house/sees"', '"house/x"', providers=LISTED, strategy=f'"{strategy}"'))
    assert (finding.code, text_at(finding)) == ("OR5010", f'"{strategy}"')
    assert finding.summary == "combo `c` spreads requests over its targets, of which `house/sees` caches prompts"


def test_nothing_is_spread_where_there_is_one_target_or_nothing_is_cached() -> None:
    assert codes(combo('"house/sees"', providers=LISTED, strategy='"random"')) == []
    assert codes(combo('"house/blind"', '"house/x"', providers=LISTED, strategy='"random"')) == []
    assert codes(combo('"house/sees"', '"house/x"', providers=LISTED, strategy='"priority"')) == []


def test_targets_behind_the_last_attempt_are_named() -> None:
    text = combo('"house/a"', '"d"', '"house/d"', max_attempts="2")
    finding = only(text + '[combos.d]\ntargets = ["house/b", "house/c"]\n')
    assert (finding.code, finding.summary) == (
        "OR5011",
        "combo `c` gives up before it comes to `house/c` and `house/d`",
    )
    assert (text_at(finding), finding.label) == ("2", "4 targets, and fewer attempts")
    assert [each.message for each in finding.related] == ["tried only where one before it is left out"]


def test_attempts_are_enough_where_every_target_can_be_the_first_or_has_one() -> None:
    assert codes(combo('"house/a"', '"house/b"', max_attempts="1", strategy='"random"')) == []
    assert codes(combo('"house/a"', '"house/b"', max_attempts="2")) == []
    nested = combo('"house/a"', '"d"', max_attempts="2")
    assert codes(nested + '[combos.d]\nstrategy = "random"\ntargets = ["house/b", "house/c"]\n') == []


def test_targets_that_are_not_begun_in_time_are_named() -> None:
    finding = only(combo('"house/a"', '"house/b"', '"house/c"', timeouts='{ answer = "50s", total = "1m" }'))
    assert (finding.code, finding.summary) == (
        "OR5012",
        "combo `c` may run out of time before it comes to `house/b` and `house/c`",
    )
    assert text_at(finding) == '"house/b"'
    assert finding.note == "where a request is streamed, `house/a` may take 120 s, of 60 s in all"


def test_answers_at_once_have_limits_of_their_own() -> None:
    finding = only(combo('"house/a"', '"house/b"', '"house/c"', timeouts='{ answer = "10m" }'))
    assert finding.summary.endswith("may run out of time before it comes to `house/b` and `house/c`")
    assert finding.note == "where a request is not streamed, `house/a` may take 605 s, of 600 s in all"


def test_there_is_time_where_the_limits_are_the_languages_own_or_are_short() -> None:
    many = tuple(f'"house/m{number}"' for number in range(9))
    assert codes(combo(*many)) == []
    assert codes(combo(*many, max_attempts="3", timeouts='{ first_byte = "1s" }', strategy='"random"')) == []
    short = '{ answer = "5s", first_byte = "1s", first_token = "2s", total = "2m" }'
    assert codes(combo(*many, timeouts=short)) == []
    assert codes(combo('"house/a"', timeouts='{ total = "1s" }')) == []


def test_a_target_behind_the_last_attempt_is_not_called_late_as_well() -> None:
    text = combo('"house/a"', '"house/b"', max_attempts="1", timeouts='{ total = "1m" }')
    assert codes(text) == ["OR5011"]


def test_nothing_is_guessed_of_a_target_that_leads_nowhere() -> None:
    assert codes(combo('"nobody/m"', '"house/a"', max_attempts="1")) == ["OR3001"]
