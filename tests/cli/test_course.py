"""The course of a simulated request, in words and as JSON."""

import json

from omniroute.cli.course import as_json, told
from omniroute.config.snapshot import Model
from omniroute.formats.translate import sayable
from omniroute.ir.facts import Facts
from omniroute.names import Capability, FailureKind, Format
from omniroute.routing.simulate import Given, Reply, Script, Simulated, simulate
from omniroute.routing.view import View
from tests.support.snapshots import combo, provider, snapshot, target

FIRST = provider("first", credentials=["main", "spare"])
SECOND = provider("second", models=[Model("plain", capabilities=frozenset({Capability.TOOLS}))])
CONFIG = snapshot(
    FIRST, SECOND, combos=[combo("c", target(FIRST, "m"), target(SECOND, "plain"), target(SECOND, "other"))]
)
NOTHING_KNOWN = View()


def play(
    asked: str, script: Script, *, needs: frozenset[Capability] = frozenset(), view: View = NOTHING_KNOWN
) -> Simulated:
    facts = Facts(asked, Format.OPENAI_CHAT, stream=True, needs=needs)
    return simulate(CONFIG, facts, Given(sayable, script, view), now=view.now)


def test_a_course_tells_who_decided_the_order_each_attempt_and_the_answer() -> None:
    one = play("c", {"first": (Reply(429), Reply(FailureKind.TIMEOUT))}, needs=frozenset({Capability.IMAGES}))
    assert told(CONFIG, one) == [
        "combo 'c' chooses by priority",
        "order:",
        "  1. first/m with credential 'main', in openai-chat",
        "  2. first/m with credential 'spare', in openai-chat",
        "  3. second/other with credential 'main', in openai-chat",
        "left out:",
        "  second/plain: the request needs images, which the model does not have [capability]",
        "attempts:",
        "  1. first/m with credential 'main': HTTP 429 (busy)",
        "  2. first/m with credential 'spare': failed as given: timeout (timeout), after 60 s",
        "  3. second/other with credential 'main': answered",
        "answer: 200 from second/other",
    ]


def test_what_was_not_tried_and_what_the_client_saw_is_told() -> None:
    lines = told(CONFIG, play("c", {"first": (Reply(FailureKind.CUT),)}))
    assert lines[-4:] == [
        "attempts:",
        "  1. first/m with credential 'main': failed as given: cut (cut), "
        "after the client had seen a part of the answer",
        "  3 of the order not tried",
        "answer: 200 upstream_cut: 'c' could not be answered: first/m: failed as given: cut",
    ]


def test_a_wait_is_told() -> None:
    one = play("second/other", {}, view=View(now=5.0, cooling={("second", "main", ""): 7.5}))
    assert "  1. after a wait of 2.5 s, second/other with credential 'main': answered" in told(CONFIG, one)


def test_a_refusal_is_all_there_is_and_is_drawn_without_control_characters() -> None:
    (line,) = told(CONFIG, play("no\x1b[31mbody", {}))
    assert line.startswith("answer: 404 model_not_found: no model, alias or combo is named 'no")
    assert "\x1b" not in line


def test_json_holds_the_same() -> None:
    given = as_json(play("c", {"first#main": (Reply(429, 2.0),)}))
    assert json.loads(json.dumps(given)) == given
    assert given["plan"]["combos"] == ["c"]
    assert [each["target"] for each in given["plan"]["candidates"]] == [
        "first/m",
        "first/m",
        "second/plain",
        "second/other",
    ]
    assert given["attempts"] == [
        {
            "target": "first/m",
            "credential": "main",
            "failure": "busy",
            "detail": "HTTP 429",
            "waited_seconds": 0.0,
            "status": 429,
            "took_seconds": 0.001,
        },
        {
            "target": "first/m",
            "credential": "spare",
            "failure": None,
            "detail": None,
            "waited_seconds": 0.0,
            "status": 200,
            "took_seconds": 0.001,
        },
    ]
    assert (given["server"], given["status"], given["code"], given["message"]) == ("first/m", 200, None, None)
    refused = as_json(play("nobody", {}))
    assert (refused["plan"], refused["status"], refused["code"]) == (None, 404, "model_not_found")
