"""The page on fidelity tells of every pair of formats what the codecs tell a client."""

import re

import pytest

from omniroute.formats import CODECS
from omniroute.ir.loss import Weight, approximated, dropped
from omniroute.names import Format
from tests.support.difference import Losses
from tests.support.fidelity import ASKED, SAID, Fate, asked, fate, requests, responses, said
from tests.support.reference.fidelity import fidelity_page

PAGE = fidelity_page()
UPSTREAMS = [wire for wire, codec in CODECS.items() if codec.render_request is not None]
PAIRS = [(client, upstream) for client in CODECS for upstream in UPSTREAMS if client is not upstream]
every_pair = pytest.mark.parametrize(("client", "upstream"), PAIRS)


@every_pair
def test_every_pair_has_its_column(client: Format, upstream: Format) -> None:
    below = PAGE.split(f"### From a client of {client}\n")[1]
    assert f"| to {upstream} |" in below.splitlines()[1]
    below = PAGE.split(f"### To a client of {client}\n")[1]
    assert f"| from {upstream} |" in below.splitlines()[1]


@every_pair
def test_words_and_instructions_reach_every_format_and_come_back(client: Format, upstream: Format) -> None:
    assert {*asked(client, upstream)["words"], *said(upstream, client)["words"]} <= {Fate.KEPT, Fate.APPROXIMATED}
    assert Fate.KEPT in asked(client, upstream)["words"]


def test_every_feature_is_found_in_some_sample() -> None:
    requested = {name for name, find in ASKED.items() for wire in CODECS for each in requests(wire) if any(find(each))}
    answered = {name for name, find in SAID.items() for wire in CODECS for each in responses(wire) if any(find(each))}
    assert set(ASKED) - requested == set()
    assert set(SAID) - answered == set()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("stop", Fate.KEPT),
        ("sampling.top_k", Fate.DROPPED),
        ("thinking.budget", Fate.APPROXIMATED),
        ("messages[1].parts[0]", Fate.REFUSED),
        ("messages[1].parts[0].cache", Fate.REFUSED),
        ("messages[1].parts[01]", Fate.KEPT),
        ("messages[10].parts[0]", Fate.KEPT),
    ],
)
def test_a_fate_is_what_the_losses_say_of_a_path(path: str, expected: Fate) -> None:
    losses = Losses(
        [
            dropped("sampling.top_k", ""),
            approximated("thinking.budget", ""),
            dropped("messages[1].parts[0]", "", weight=Weight.CONTENT),
        ]
    )
    assert fate(path, losses) is expected


def test_nothing_of_this_machine_and_no_repeated_row_is_on_the_page() -> None:
    for section in re.split(r"^##+ ", PAGE, flags=re.MULTILINE):
        rows = [line for line in section.splitlines() if line.startswith("|")]
        assert len(rows) == len(set(rows))
