"""Every style of every case that was made by hand, byte for byte."""

import pytest

from omniroute.config.render import STYLES
from tests.config.render.cases import CASES, ROOT, sources_of
from tests.support.goldens import FILES, hold


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("case", CASES)
def test_a_rendering_is_what_it_was_when_somebody_looked_at_it(case: str, style: str) -> None:
    made = CASES[case](sources_of(case))
    hold(ROOT / case, style, made.findings, made.context)


def test_every_folder_is_a_case_and_every_style_has_a_file() -> None:
    assert {path.name for path in ROOT.iterdir() if path.is_dir()} == set(CASES)
    assert set(FILES) == set(STYLES)
