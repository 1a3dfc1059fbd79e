"""Secrets that somebody planted all over a configuration are in no rendering of what is said of it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from omniroute.config.diagnostics import Diagnostic
from omniroute.config.render import STYLES, RenderContext, render
from omniroute.engine.files import find_config, read_tree
from omniroute.names import Severity
from tests.support.written import HOUSE, loaded

KEY = "sk-planted4Zq8Xw2Lm6Rt0Yb9"
"""What anybody can see is a key."""
WORD = "plantedhunter"
"""What is a secret only because of where it stands."""

PLACES = {
    "a secret's own key": f'[providers.a]\nbase_url = "https://a.example/v1"\napi_key = "{WORD}"\n',
    "one of several credentials": f'[[providers.a.credentials]]\nname = "main"\napi_key = "{WORD}"\n',
    "a reference with a secret in it": f'[providers.a]\napi_key = "env:{KEY}"\n',
    "a reference that cannot be looked up": f'[providers.a]\napi_key = "env:{WORD}-x"\n',
    "another type": f'[providers.a]\napi_key = ["{WORD}"]\n',
    "a secret that is not supported yet": (
        f'[providers.a]\nauth = {{ oauth2 = {{ token_url = "https://a.example", client_id = "c", '
        f'client_secret = "{WORD}" }} }}\n'
    ),
    "a header": f'[providers.a]\nheaders = {{ Authorization = "{WORD}", x-team = "{KEY}" }}\n',
    "a bearer token": f'[providers.a]\nheaders = {{ x-auth = "Bearer {WORD}" }}\n',
    "the address": f'[providers.a]\nbase_url = "https://me:{WORD}@a.example/v1"\n',
    "the query of the address": f'[providers.a]\nbase_url = "https://a.example/v1?key={KEY}"\n',
    "a proxy": f'[providers.a]\nproxy = "http://me:{WORD}@10.0.0.1"\n',
    "a comment beside a fault": f'[server]\nport = "x"  # once {KEY}\n',
    "a comment above a fault": f'[server]\n# api_key = "{WORD}"\nport = "x"\n',
    "a secret above a fault": f'[providers.a]\napi_key = "{WORD}"\nbase_url = 3\n',
    "several lines": f'[providers.a]\napi_key = """\n{WORD}\n{KEY}"""\nbase_url = 3\n',
    "a key": f"[server]\n{KEY} = 1\n",
    "a table": f"[{KEY}]\nport = 1\n",
    "a name": f'[combos.{KEY}]\ntargets = ["{KEY}"]\n',
    "an alias": f'[aliases]\n"{KEY}" = "{KEY}/m"\nb = "{KEY}"\n',
    "a target": f'[combos.c]\ntargets = ["{KEY}", {{ model = "nobody/{KEY}" }}]\n',
    "a key written twice": f"[server]\n{KEY} = 1\n{KEY} = 2\n",
    "a table written twice": f"[combos.{KEY}]\n[combos.{KEY}]\n",
    "a word of a list": f'[combos.c]\nstrategy = "{KEY}"\ntargets = ["house/m"]\n',
    "a client's key in the place of its hash": f'[keys.a]\nsha256 = "{KEY}"\n',
    "a reason": f"[server]\nport = 1 # omniroute: allow(OR5003) {KEY}\n",
    "a string that is not closed": f'[providers.a]\napi_key = "{WORD}\n',
    "a value without quotes": f"[providers.a]\napi_key = {WORD}\n",
    "a line that goes on behind its value": f'[providers.a]\napi_key = "{WORD}" oops\n',
    "an escape that is none": f'[providers.a]\napi_key = "{WORD}\\q"\n',
    "an escape that is none within several lines": f'[providers.a]\napi_key = """\n{WORD}\n{WORD}\\q"""\n',
    "several lines that are not closed": f'[providers.a]\napi_key = """\n{WORD}\n{WORD}\n',
    "an inline table that is not closed": f'providers.a = {{ "api_key" = "{WORD}", base_url = \n',
    "a header of a broken file": f'[providers.a.headers]\nauthorization = "{WORD}" oops\n',
    "a bare key of a broken file": f"[server]\n{KEY}\n",
}


def hide(found: Sequence[Diagnostic]) -> None:
    """Render in every style, and look for the secrets and for half of each."""
    assert found
    for style in STYLES:
        text = render(found, style, RenderContext(version="0.1.0"))
        assert not [each for each in (KEY[3:9], KEY[9:17], KEY[17:], WORD[:7], WORD[7:]) if each in text], text
    assert not [each for each in (KEY, WORD) if each in "".join(_words(found))]


def _words(found: Sequence[Diagnostic]) -> list[str]:
    """Give all that findings hold but the sources."""
    return [
        text
        for each in found
        for text in (
            *(each.summary, each.label, each.hint, each.note, repr(each.path)),
            *(related.message for related in each.related),
            *(edit.text for edit in each.fix),
        )
    ]


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_a_planted_secret_is_in_no_rendering(text: str) -> None:
    hide(loaded(text, HOUSE).diagnostics)
    hide(loaded(text, text).diagnostics)


def test_secrets_planted_in_many_places_at_once_are_in_no_rendering() -> None:
    hide(loaded(*PLACES.values()).diagnostics)


@pytest.mark.parametrize("text", PLACES.values(), ids=PLACES)
def test_a_secret_is_in_no_rendering_of_a_file_that_is_not_utf_8(text: str, tmp_path: Path) -> None:
    for line in range(text.count("\n") + 1):
        lines = text.encode().split(b"\n")
        lines[line] += b" # \xe9"
        (tmp_path / "a.toml").write_bytes(b"\n".join(lines))
        hide(read_tree(find_config(tmp_path / "a.toml")).faults)


@pytest.mark.parametrize("shown", [KEY, WORD, f"{KEY[:9]}…", f"…{WORD[7:]}"])
def test_a_secret_that_is_shown_is_noticed_also_when_it_is_cut(shown: str) -> None:
    with pytest.raises(AssertionError):
        hide([Diagnostic("OR2003", Severity.ERROR, f"unknown key `{shown}`")])
