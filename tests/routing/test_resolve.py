import pytest

from omniroute.config.snapshot import Model, Price, Snapshot
from omniroute.errors import AmbiguousModel, UnknownModel, WrongProvider
from omniroute.ir.facts import Facts
from omniroute.names import Format, ProviderName
from omniroute.routing.resolve import MOST_NAMES, known_names, resolve
from tests.support.snapshots import combo, provider, snapshot, target

OPENAI = provider("openai", models=[Model("gpt-5"), Model("org/tuned")])
LOCAL = provider("local")
BEST = combo("best", target(OPENAI, "gpt-5"), target(LOCAL, "qwen"), max_attempts=1)


def make(**aliases: str) -> Snapshot:
    return snapshot(OPENAI, LOCAL, combos=[BEST], aliases=aliases)


def ids(config: Snapshot, name: str, path: str | None = None) -> list[str]:
    facts = Facts(name, Format.OPENAI_CHAT, stream=False, provider=ProviderName(path) if path else None)
    return [each.id for each in resolve(config, facts).targets]


def test_a_target_is_split_at_the_first_slash_so_that_the_model_may_hold_slashes() -> None:
    [found] = resolve(make(), Facts("local/Qwen/Qwen3-8B", Format.OPENAI_CHAT, stream=False)).targets
    assert (found.provider.name, found.model.name) == ("local", "Qwen/Qwen3-8B")


def test_a_model_that_no_catalogue_lists_is_asked_for_all_the_same() -> None:
    assert ids(make(), "openai/released-yesterday") == ["openai/released-yesterday"]


def test_a_combo_gives_its_targets_in_order_and_its_own_limit_of_attempts() -> None:
    found = resolve(make(), Facts("best", Format.OPENAI_CHAT, stream=False))
    assert [each.id for each in found.targets] == ["openai/gpt-5", "local/qwen"]
    assert (found.combo, found.max_attempts) == ("best", 1)


def test_an_alias_may_name_a_model_a_combo_or_another_alias() -> None:
    config = make(fast="local/qwen", smart="best", clever="smart")
    assert ids(config, "fast") == ["local/qwen"]
    assert ids(config, "clever") == ["openai/gpt-5", "local/qwen"]


def test_the_most_specific_pattern_wins_and_an_exact_alias_beats_them_all() -> None:
    config = make(**{"gpt-*": "openai/*", "gpt-5*": "local/five*", "*-mini": "local/mini", "gpt-5-pro": "openai/pro"})
    assert ids(config, "gpt-4o") == ["openai/4o"]
    assert ids(config, "gpt-5-turbo") == ["local/five-turbo"]
    assert ids(config, "gpt-5-pro") == ["openai/pro"]
    assert ids(config, "o4-mini") == ["local/mini"]


def test_a_pattern_wins_over_provider_slash_model_so_that_traffic_can_be_moved() -> None:
    assert ids(make(**{"openai/*": "local/*"}), "openai/gpt-5") == ["local/gpt-5"]


def test_a_pattern_does_not_match_where_its_ends_would_overlap() -> None:
    with pytest.raises(UnknownModel):
        ids(make(**{"abc*bcd": "local/x"}), "abcd")


def test_a_pattern_is_followed_once_so_that_a_star_alone_may_stand_for_a_providers_models() -> None:
    config = make(**{"*": "local/*", "gpt-*": "openai/gpt-*"})
    assert ids(config, "llama-4") == ["local/llama-4"]
    assert ids(config, "gpt-5") == ["openai/gpt-5"]


def test_what_a_pattern_gives_may_be_an_alias_or_a_combo() -> None:
    config = make(**{"team-*": "*", "fast": "local/qwen"})
    assert ids(config, "team-fast") == ["local/qwen"]
    assert ids(config, "team-best") == ["openai/gpt-5", "local/qwen"]


def test_aliases_that_lead_on_and_on_are_an_error_and_no_endless_loop() -> None:
    with pytest.raises(UnknownModel, match="more than 16 steps"):
        ids(make(**{f"a{n}": f"a{n + 1}" for n in range(40)}), "a0")
    with pytest.raises(UnknownModel, match="more than 16 steps"):
        ids(make(a="b", b="a"), "a")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("bst", "did you mean 'best'"),
        ("whatever", "write provider/model"),
        ("opnai/some-long-model-name", "did you mean 'openai'"),
        ("openai/", "no model, alias or combo is named 'openai/'"),
        ("nowhere/x", "provider 'nowhere' is not configured"),
    ],
)
def test_an_unknown_name_is_refused_with_what_was_probably_meant(asked: str, said: str) -> None:
    with pytest.raises(UnknownModel, match=said):
        ids(make(), asked)


def test_an_alias_that_leads_nowhere_says_what_it_stands_for() -> None:
    with pytest.raises(UnknownModel, match=r"named 'x' \(which stands for 'gone/y'\)"):
        ids(make(x="gone/y"), "x")


def test_a_dedicated_path_adds_its_providers_prefix_where_it_is_missing() -> None:
    assert ids(make(), "gpt-5", path="openai") == ["openai/gpt-5"]
    assert ids(make(), "openai/gpt-5", path="openai") == ["openai/gpt-5"]
    assert ids(make(), "Qwen/Qwen3", path="local") == ["local/Qwen/Qwen3"]
    assert ids(make(), "org/tuned", path="openai") == ["openai/org/tuned"]


def test_a_dedicated_path_refuses_another_providers_model() -> None:
    with pytest.raises(WrongProvider, match="does not belong to provider 'local'"):
        ids(make(), "openai/gpt-5", path="local")


def test_a_dedicated_path_of_an_unknown_provider_is_refused() -> None:
    with pytest.raises(UnknownModel, match="did you mean 'local'"):
        ids(make(), "x", path="locl")


def test_known_names_are_combos_aliases_and_listed_models() -> None:
    assert list(known_names(make(fast="best"))) == ["best", "fast", "openai/gpt-5", "openai/org/tuned"]


SEEKER = provider("seeker", models=[Model("v4"), Model("org/both")], replaced={"v3": "v4"})
SECOND = provider("second", models=[Model("gpt-5"), Model("org/both"), Model("seeker/v4")])
MANY = snapshot(OPENAI, SEEKER, SECOND, prefixes={"se": "seeker"}, aliases={"old": "seeker/v3", "se/own": "second/x"})


def test_a_prefix_by_which_people_know_a_provider_stands_for_its_name() -> None:
    assert ids(MANY, "se/v4") == ["seeker/v4"]
    assert ids(MANY, "se/org/unlisted") == ["seeker/org/unlisted"]


def test_an_alias_or_a_providers_own_name_wins_over_a_prefix() -> None:
    assert ids(MANY, "se/own") == ["second/x"]
    own = snapshot(OPENAI, SEEKER, prefixes={"openai": "seeker"})
    assert ids(own, "openai/x") == ["openai/x"]


def test_a_dedicated_path_knows_prefixes_in_the_path_and_in_the_name() -> None:
    assert ids(MANY, "v4", path="se") == ["seeker/v4"]
    assert ids(MANY, "se/v4", path="seeker") == ["seeker/v4"]
    assert ids(MANY, "seeker/v4", path="se") == ["seeker/v4"]
    assert ids(MANY, "seeker/v4", path="second") == ["second/seeker/v4"]
    with pytest.raises(WrongProvider, match="'se/x' does not belong to provider 'openai'"):
        ids(MANY, "se/x", path="openai")


def test_a_bare_name_is_that_of_the_one_provider_that_lists_it() -> None:
    assert ids(MANY, "v4") == ["seeker/v4"]
    assert ids(MANY, "org/tuned") == ["openai/org/tuned"]


def test_a_bare_name_that_several_providers_list_is_refused_with_the_ways_to_say_it() -> None:
    with pytest.raises(AmbiguousModel) as raised:
        ids(MANY, "gpt-5")
    assert raised.value.message == "Ambiguous model 'gpt-5': say provider/model (openai/gpt-5 or second/gpt-5)"
    assert (raised.value.status, raised.value.code) == (400, "ambiguous_model")
    with pytest.raises(AmbiguousModel, match=r"\(seeker/org/both or second/org/both\)"):
        ids(MANY, "org/both")


def test_a_provider_in_a_name_wins_over_a_listed_model_of_the_whole_name() -> None:
    assert ids(MANY, "seeker/v4") == ["seeker/v4"]


def test_an_alias_may_arrive_at_a_bare_name() -> None:
    made = snapshot(SEEKER, aliases={"my-*": "*", "wrong": "v5"})
    assert ids(made, "my-v4") == ["seeker/v4"]
    with pytest.raises(UnknownModel, match=r"named 'wrong' \(which stands for 'v5'\)"):
        ids(made, "wrong")


@pytest.mark.parametrize(
    ("asked", "path"),
    [("seeker/v3", None), ("se/v3", None), ("v3", None), ("old", None), ("v3", "seeker"), ("seeker/v3", "se")],
)
def test_a_replaced_model_is_the_other_one_however_it_is_come_by_and_that_is_noted(
    asked: str, path: str | None
) -> None:
    found = resolve(MANY, Facts(asked, Format.OPENAI_CHAT, stream=False, provider=ProviderName(path) if path else None))
    assert [each.id for each in found.targets] == ["seeker/v4"]
    assert found.targets[0].model is SEEKER.models["v4"]
    assert found.replaced == ("seeker/v3", "seeker/v4")


def test_nothing_is_noted_of_a_model_that_is_there() -> None:
    assert resolve(MANY, Facts("se/v4", Format.OPENAI_CHAT, stream=False)).replaced is None
    assert "seeker/v3" not in set(known_names(MANY))


def test_the_aliases_that_were_followed_are_told_with_what_they_led_to() -> None:
    config = make(**{"fast": "gpt-5", "gpt-*": "openai/gpt-*"})
    found = resolve(config, Facts("fast", Format.OPENAI_CHAT, stream=False))
    assert [(alias.name, to) for alias, to in found.way] == [("fast", "gpt-5"), ("gpt-*", "openai/gpt-5")]
    assert resolve(config, Facts("best", Format.OPENAI_CHAT, stream=False)).way == ()


def test_a_model_of_a_collection_has_one_name_so_that_no_policy_and_no_price_is_passed_by_the_other() -> None:
    google = provider("google", formats=(Format.GEMINI,), models=[Model("large", price=Price(input=1, output=2))])
    config = snapshot(google, LOCAL)
    for name in ("google/large", "google/models/large", "google/models/models/large"):
        [found] = resolve(config, Facts(name, Format.OPENAI_CHAT, stream=False)).targets
        assert (found.id, found.model.name, found.model.price.input) == ("google/large", "large", 1)
    assert ids(config, "models/large", path="google") == ["google/large"]
    assert ids(config, "local/models/large") == ["local/models/large"]
    assert ids(config, "google/models/") == ["google/models/"]


def test_a_name_that_is_as_long_as_a_body_is_compared_with_none() -> None:
    with pytest.raises(UnknownModel) as unknown:
        ids(make(), "b" * 257)
    assert "did you mean" not in unknown.value.message
    config = snapshot(provider("p" * 300, models=[Model("m")]))
    with pytest.raises(UnknownModel) as unknown:
        ids(config, "p" * 299 + "/m")
    assert "did you mean" not in unknown.value.message


def test_what_is_remembered_of_one_snapshot_is_never_said_of_another() -> None:
    before, after = make(fast="local/qwen"), make(fast="openai/gpt-5")
    for _ in range(3):
        assert (ids(before, "fast"), ids(after, "fast")) == (["local/qwen"], ["openai/gpt-5"])
    assert ids(before, "gpt-5") == ["openai/gpt-5"]
    with pytest.raises(WrongProvider):
        ids(before, "openai/gpt-5", "local")


def test_however_many_names_are_asked_for_each_stands_for_what_it_did() -> None:
    config = make()
    for number in range(MOST_NAMES + 2):
        ids(config, f"local/m{number}")
    assert ids(config, "local/m1") == ["local/m1"]
