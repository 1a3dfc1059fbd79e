import pytest

from omniroute.config.source import Source
from tests.support.written import HOUSE, SHIPPED, codes, found, loaded, mended, only, text_at

OLD = (
    '[providers.house]\nbase_url = "http://10.0.0.7:8000/v1"\nauth = "none"\n'
    '[providers.house.models]\nold = { replaced_by = "newer" }\nnewer = { replaced_by = "new" }\n'
)


def test_an_alias_that_names_a_replaced_model_is_told_the_one_that_is_asked() -> None:
    text = OLD + '[aliases]\nsmart = "house/old"\n'
    finding = only(text)
    assert (finding.code, finding.summary) == ("OR5014", "alias `smart` names `house/old`, which is replaced")
    assert (finding.label, finding.hint) == ("`house/new` is asked in its place", "name `house/new`")
    assert text_at(finding) == '"house/old"'
    assert [each.message for each in finding.related] == ["replaced here"]
    assert mended(text, finding) == text.replace('"house/old"', '"house/new"')


def test_a_target_that_is_a_table_is_pointed_to_where_its_model_stands() -> None:
    finding = only(OLD + '[combos.c]\ntargets = [{ model = "house/newer" }, "house/other"]\n')
    assert text_at(finding) == '"house/newer"'


def test_only_who_names_the_model_is_told_and_not_who_comes_to_it_by_an_alias() -> None:
    text = OLD + '[aliases]\nsmart = "house/old"\nclever = "smart"\n[combos.c]\ntargets = ["clever"]\n'
    assert codes(text) == ["OR5014"]


def test_an_alias_of_the_models_own_name_leads_elsewhere_before_it_is_replaced() -> None:
    text = OLD + '[aliases]\n"house/old" = "house/kept"\nsmart = "house/old"\n'
    assert codes(text) == ["OR5005"]


def test_where_the_catalogue_replaces_a_model_its_place_is_shown() -> None:
    shipped = Source("catalogue/far.toml", _far(), shipped=True)
    text = '[providers.far]\nauth = "none"\n[aliases]\nsmart = "far/old"\n'
    [finding] = loaded(text, shipped=(*SHIPPED, shipped)).diagnostics
    assert [each.message for each in finding.related] == ["the catalogue says so here"]
    assert finding.related[0].place.source.name == "catalogue/far.toml"


def test_a_models_own_name_takes_back_what_the_catalogue_says() -> None:
    shipped = Source("catalogue/far.toml", _far(), shipped=True)
    text = '[providers.far]\nauth = "none"\nmodels.old.replaced_by = "old"\n[aliases]\nsmart = "far/old"\n'
    result = loaded(text, shipped=(*SHIPPED, shipped))
    assert result.diagnostics == ()
    assert result.snapshot is not None
    assert (list(result.snapshot.providers["far"].models), result.snapshot.providers["far"].replaced) == (["old"], {})


def _far() -> str:
    return '[providers.far]\nbase_url = "https://far.example/v1"\n[providers.far.models.old]\nreplaced_by = "new"\n'


def test_models_that_replace_each_other_are_one_error_with_every_step() -> None:
    finding = only(
        HOUSE
        + "[providers.house.models]\n"
        + 'a = { replaced_by = "b" }\nb = { replaced_by = "c" }\nc = { replaced_by = "b" }\n'
    )
    assert (finding.code, finding.summary) == ("OR3010", "model `house/b` is replaced by itself in the end")
    assert (finding.label, [each.message for each in finding.related]) == ("b → c", ["c → b"])
    assert text_at(finding) == '"c"'


@pytest.mark.parametrize("text", [OLD, HOUSE])
def test_models_that_end_somewhere_are_no_finding(text: str) -> None:
    assert found(text) == ()
