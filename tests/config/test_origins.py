"""Places of keys: exactly those that decide, in whichever file they stand."""

from omniroute.config.snapshot import Combo, Target
from tests.support.loaded import Configuration, line_of, loaded

ROUTES = """\
[providers.openai]
api_key = "env:OPENAI_API_KEY"

[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
auth = "none"
timeouts = { connect = "1s", answer = "10s" }

[providers.house.models.tiny]
context = 4096

[providers.paid]
base_url = "http://10.0.0.8:8000/v1"
formats = ["openai-chat"]
api_key = "env:ONE"

[[providers.paid.credentials]]
name = "spare"
api_key = "env:TWO"

[aliases]
fast = "house/tiny"
"gpt-*" = "openai/gpt-*"

[defaults.timeouts]
connect = "7s"
"""
COMBOS = """\
[combos.outer]
targets = [
  "house/tiny",
  { model = "inner", timeouts = { total = "31s" } },
  "gpt-5",
]
timeouts = { answer = "20s", first_token = "21s" }

[combos.inner]
targets = [
  { model = "fast", timeouts = { answer = "40s" } },
]
timeouts = { answer = "30s", total = "32s" }
"""


def configuration() -> Configuration:
    return loaded(ROUTES, COMBOS)


def lines(found: Configuration, combo: Combo, target: Target) -> dict[str, str | None]:
    limits = found.origins.timeouts(target, found.origins.listed(combo, target))
    return {name: str(origin) if origin is not None else None for name, origin in limits.items()}


def in_combos(part: str) -> str:
    return f"b.toml:{line_of(COMBOS, part)}"


def in_routes(part: str) -> str:
    return f"a.toml:{line_of(ROUTES, part)}"


def test_a_key_is_found_in_the_file_that_it_stands_in() -> None:
    found = configuration()
    assert found.line("aliases", "fast") == in_routes("fast =")
    assert found.line("combos", "outer", "targets", 2) == in_combos('"gpt-5"')
    assert found.line("providers", "paid", "credentials", 0) == in_routes("[[providers.paid")


def test_what_is_not_written_has_no_origin_though_its_table_has() -> None:
    found = configuration()
    assert found.line("combos", "outer", "strategy") is None
    assert found.line("resilience", "breaker", "failures") is None
    assert str(found.origins.near("combos", "outer", "strategy")) == "b.toml:1"
    assert found.origins.near("resilience", "breaker", "failures") is None


def test_what_the_catalogue_says_is_found_there() -> None:
    origin = configuration().origins.of("providers", "openai", "base_url")
    assert origin is not None
    assert (origin.file, origin.shipped) == ("catalogue/openai.toml", True)
    assert configuration().origins.of("providers", "house", "headers") is None


def test_a_column_counts_from_one() -> None:
    origin = configuration().origins.of("combos", "outer", "targets", 0)
    assert origin is not None
    assert (origin.line, origin.column, origin.shipped) == (3, 3, False)


def test_a_credential_is_where_it_is_named_or_where_its_key_stands() -> None:
    origins = configuration().origins
    assert str(origins.credential("paid", "default")) == in_routes('"env:ONE"')
    assert str(origins.credential("paid", "spare")) == in_routes("[[providers.paid")
    assert str(origins.credential("house", "default")) == in_routes("[providers.house]")


def test_the_time_limit_that_is_written_nearest_to_the_target_decides() -> None:
    found = configuration()
    outer = found.snapshot.combos["outer"]
    inner = outer.steps[1].to
    assert isinstance(inner, Combo)
    nested = inner.steps[0].to
    assert isinstance(nested, Target)
    assert (nested.timeouts.answer, nested.timeouts.total, nested.timeouts.first_token) == (40, 32, 21)
    assert lines(found, outer, nested) == {
        "connect": in_routes('connect = "1s"'),
        "first_byte": None,
        "first_token": in_combos('first_token = "21s"'),
        "between_events": None,
        "answer": in_combos('"40s"'),
        "total": in_combos('"32s"'),
    }


def test_of_a_model_that_is_listed_twice_the_very_one_is_meant() -> None:
    found = configuration()
    outer = found.snapshot.combos["outer"]
    plain = outer.targets[0]
    listing = found.origins.listed(outer, plain)
    assert listing is not None
    assert listing.path == ("combos", "outer", "targets", 0)
    assert lines(found, outer, plain)["answer"] == in_combos('answer = "20s"')
    assert lines(found, outer, plain)["total"] is None


def test_without_a_combo_the_provider_and_the_defaults_decide() -> None:
    found = configuration()
    target = found.snapshot.combos["outer"].targets[1]
    assert target.provider.name == "openai"
    limits = found.origins.timeouts(target, None)
    assert str(limits["connect"]) == in_routes('connect = "7s"')


def test_a_target_of_another_combo_is_not_found() -> None:
    found = configuration()
    stranger = loaded(ROUTES, COMBOS).snapshot.combos["outer"].targets[0]
    assert found.origins.listed(found.snapshot.combos["outer"], stranger) is None


def test_a_combo_that_comes_many_times_is_walked_once() -> None:
    depth = 12
    combos = "".join(f'[combos.c{n}]\ntargets = ["c{n + 1}", "c{n + 1}"]\n' for n in range(depth))
    found = loaded(ROUTES, f'{combos}[combos.c{depth}]\ntargets = ["house/tiny"]\n')
    first = found.snapshot.combos["c0"]
    listing = found.origins.listed(first, first.targets[0])
    assert listing is not None
    assert listing.path == ("combos", f"c{depth}", "targets", 0)
    assert len(list(found.origins._ways(first, (), set()))) == 1


def test_the_aliases_by_which_something_is_listed_are_named() -> None:
    found = configuration()
    [hop] = found.origins.way("outer", 2)
    assert (hop.name, hop.alias, hop.to, str(hop.origin)) == ("gpt-5", "gpt-*", "openai/gpt-5", in_routes('"gpt-*" ='))
    assert list(found.origins.way("outer", 0)) == []


def test_the_keys_of_a_policy_and_a_budget_have_their_lines() -> None:
    made = loaded(
        '[providers.echo]\n[defaults]\npolicy = "p"\n[policies.p]\ndeny_models = ["echo/x"]\nbudgets = ["b"]\n'
        '[budgets.b]\nlimit = "1 USD"\n'
    )
    assert made.line("defaults", "policy") == "a.toml:3"
    assert made.line("policies", "p", "deny_models") == "a.toml:5"
    assert made.line("budgets", "b", "limit") == "a.toml:8"
    assert made.line("policies", "p", "allow_models") is None


def test_what_is_written_of_a_thing_is_given_as_toml_with_its_lines() -> None:
    made = loaded(
        '[providers.echo]\n[defaults]\npolicy = "p"\n[policies.p]\nrate = { concurrent = 2 }\non_loss = "refuse"\n'
    )
    assert [(key, value, str(origin)) for key, value, origin in made.origins.written("policies", "p")] == [
        ("rate", "{ concurrent = 2 }", "a.toml:5"),
        ("on_loss", '"refuse"', "a.toml:6"),
    ]
    assert list(made.origins.written("policies", "q")) == []
