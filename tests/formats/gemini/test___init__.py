"""The codec over every sample of this format: our own, and recorded traffic where it is at hand."""

import json
from pathlib import Path

import pytest
from google.genai import types

from omniroute.formats.codec import Place
from omniroute.formats.gemini import CODEC, CODEC_ARRAY
from omniroute.formats.stream import Decoder
from omniroute.ir.events import Event, fold, unfold
from omniroute.ir.grammar import Grammar
from tests.formats.gemini.asking import CONTEXT
from tests.support.canonical import gemini as canonical

ROOT = Path(__file__).parents[3]
OWN = ROOT / "tests/wire/gemini"
TRAFFIC = ROOT / "../shared/traffic"
NEEDS_TRAFFIC = pytest.mark.skipif(not TRAFFIC.is_dir(), reason="recorded provider traffic is not at hand")


def recorded() -> list[dict[str, object]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted((TRAFFIC / "gemini").glob("*.json"))]


def requests() -> list[tuple[str, bytes]]:
    ours = [(path.parent.name, path.read_bytes()) for path in sorted(OWN.glob("*/request.json"))]
    theirs = [
        (str(each["id"]), json.dumps(each["request_body"]).encode()) for each in recorded() if each["request_body"]
    ]
    sent = [json.loads(path.read_text("utf-8")) for path in sorted((TRAFFIC / "clients").glob("*.json"))]
    clients = [(each["id"], json.dumps(each["body"]).encode()) for each in sent if "enerateContent" in each["path"]]
    return ours + theirs + clients


def responses() -> list[tuple[str, bytes]]:
    ours = [(path.parent.name, path.read_bytes()) for path in sorted(OWN.glob("*/response.json"))]
    theirs = [(str(each["id"]), str(each["response_body"]).encode()) for each in recorded() if not each["stream"]]
    return [(name, body) for name, body in ours + theirs if CODEC.answer(body).complaint is None]


def streams() -> list[tuple[str, bytes]]:
    ours = [(path.parent.name, path.read_bytes()) for path in sorted(OWN.glob("*/stream.sse"))]
    return ours + [(str(each["id"]), str(each["response_body"]).encode()) for each in recorded() if each["stream"]]


def decoded(body: bytes, size: int) -> list[Event]:
    decoder = Decoder(CODEC.splitter(), CODEC.reader())
    return [event for at in range(0, len(body), size) for event in decoder.feed(body[at : at + size])] + decoder.close()


each_request = pytest.mark.parametrize(("name", "body"), requests(), ids=[name for name, _ in requests()])
each_response = pytest.mark.parametrize(("name", "body"), responses(), ids=[name for name, _ in responses()])
each_stream = pytest.mark.parametrize(("name", "body"), streams(), ids=[name for name, _ in streams()])


@NEEDS_TRAFFIC
def test_recorded_traffic_is_among_the_samples() -> None:
    assert len(requests()) > len(list(OWN.glob("*/request.json"))) + 30


@each_request
def test_a_request_comes_back_as_it_was(name: str, body: bytes) -> None:
    assert CODEC.render_request is not None
    asked = CODEC.ask(body, Place("m", True))
    rendered = CODEC.render_request(CODEC.read_request(asked))
    assert canonical.request(json.loads(json.dumps(rendered.body))) == canonical.request(json.loads(body)), name
    assert rendered.losses == ()
    assert CODEC.prepare(asked, "other", True).body is body


@each_response
def test_an_answer_comes_back_as_it_was(name: str, body: bytes) -> None:
    response = CODEC.read_response(body)
    said = CODEC.render_response(response, CONTEXT)
    assert canonical.response(json.loads(said.body)) == canonical.response(json.loads(body)), name
    assert said.losses == ()
    assert fold(CODEC.format, unfold(response)).parts == response.parts
    learnt = CODEC.answer(body)
    assert learnt.usage == response.usage


@each_stream
def test_a_stream_means_the_same_however_it_is_cut_and_is_passed_on_as_it_is(name: str, body: bytes) -> None:
    events = decoded(body, len(body))
    grammar = Grammar()
    assert [wrong for event in events if (wrong := grammar.wrong(event))] == [], name
    assert events == decoded(body, 7)
    watch = CODEC.watch(True)
    passed = b"".join(watch.feed(body[at : at + 11]) for at in range(0, len(body), 11)) + watch.close()
    assert (passed == body) if watch.done else body.startswith(passed)
    assert (watch.done, watch.usage) == (grammar.state == "done", fold(CODEC.format, events).usage)


@each_stream
def test_a_stream_that_is_written_again_is_read_by_the_official_client(name: str, body: bytes) -> None:
    events = decoded(body, len(body))
    encoder = CODEC_ARRAY.encoder(CONTEXT)
    written = b"".join(encoder.feed(event) for event in events)
    if not written.endswith(b"]\n"):
        pytest.skip("it is a broken one")
    for element in json.loads(written):
        assert types.GenerateContentResponse.model_validate(element), name


@pytest.mark.parametrize("case", sorted(OWN.glob("*/request.json")), ids=lambda path: path.parent.name)
def test_our_own_requests_have_documented_members(case: Path) -> None:
    for content in canonical.request(json.loads(case.read_bytes()))["contents"]:
        for part in content["parts"]:
            known = {name: value for name, value in part.items() if not name.startswith("x")}
            assert types.Part.model_validate(known)
