"""What a request asks of a model shows in its bytes, in whichever format; what only looks like it does not count."""

import json
from typing import Any

import pytest

from omniroute.formats import CODECS
from omniroute.formats.codec import Asked, Place
from omniroute.formats.glance import BYTES_PER_TOKEN, Glance, facts_of, glance
from omniroute.ir.facts import Facts
from omniroute.names import Capability, Format, ProviderName

CHAT, RESPONSES, MESSAGES = Format.OPENAI_CHAT, Format.OPENAI_RESPONSES, Format.ANTHROPIC_MESSAGES
GEMINI, OLLAMA = Format.GEMINI, Format.OLLAMA
NOTHING: frozenset[Capability] = frozenset()
URL = "data:image/png;base64,iVBORw0KGgo="
DATA = "iVBORw0KGgo="


def said(wire: Format, *content: Any, **more: Any) -> dict[str, Any]:
    """A request of one message with this content."""
    if wire is GEMINI:
        return {"contents": [{"role": "user", "parts": list(content)}], **more}
    where = "input" if wire is RESPONSES else "messages"
    limits = {"max_tokens": 9} if wire is MESSAGES else {}
    return {"model": "m", where: [{"role": "user", "content": list(content)}], **limits, **more}


def asked(wire: Format, body: dict[str, Any], **style: Any) -> Asked:
    return CODECS[wire].ask(json.dumps(body, **style).encode(), Place("m", stream=False) if wire is GEMINI else Place())


def needs(wire: Format, body: dict[str, Any], **style: Any) -> frozenset[Capability]:
    return glance(asked(wire, body, **style)).needs


IMAGES, AUDIO, DOCUMENTS = Capability.IMAGES, Capability.AUDIO_IN, Capability.DOCUMENTS
# literal table: parts as each provider documents them
PARTS: list[tuple[Format, Capability, Any]] = [
    (CHAT, IMAGES, {"type": "image_url", "image_url": {"url": URL}}),
    (CHAT, AUDIO, {"type": "input_audio", "input_audio": {"data": DATA, "format": "wav"}}),
    (CHAT, DOCUMENTS, {"type": "file", "file": {"file_data": DATA, "filename": "a.pdf"}}),
    (RESPONSES, IMAGES, {"type": "input_image", "image_url": URL}),
    (RESPONSES, DOCUMENTS, {"type": "input_file", "file_id": "file-1"}),
    (MESSAGES, IMAGES, {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}),
    (MESSAGES, IMAGES, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}),
    (MESSAGES, DOCUMENTS, {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}),
    (GEMINI, IMAGES, {"inlineData": {"mimeType": "image/png", "data": DATA}}),
    (GEMINI, IMAGES, {"file_data": {"mime_type": "image/png", "file_uri": "https://example.org/files/1"}}),
    (GEMINI, AUDIO, {"inlineData": {"mimeType": "audio/wav", "data": DATA}}),
    (GEMINI, DOCUMENTS, {"inlineData": {"mimeType": "application/pdf", "data": DATA}}),
]


@pytest.mark.parametrize(("wire", "capability", "part"), PARTS, ids=lambda each: each if isinstance(each, str) else "")
@pytest.mark.parametrize("separators", [(",", ":"), (" , ", " : ")], ids=["close", "wide"])
def test_pictures_sounds_and_documents_are_seen_and_leave_the_tokens_open(
    wire: Format, capability: Capability, part: Any, separators: tuple[str, str]
) -> None:
    seen = glance(asked(wire, said(wire, part), separators=separators))
    assert seen == Glance(frozenset({capability}), None)


def test_ollamas_pictures_stand_beside_the_words() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "what is this?", "images": [DATA]}]}
    assert needs(OLLAMA, body) == {IMAGES}


def test_several_needs_are_all_seen() -> None:
    body = said(CHAT, PARTS[0][2], PARTS[1][2], PARTS[2][2], tools=[{"type": "function", "function": {"name": "f"}}])
    assert needs(CHAT, body) == {IMAGES, AUDIO, DOCUMENTS, Capability.TOOLS}


@pytest.mark.parametrize("wire", [CHAT, RESPONSES, MESSAGES, GEMINI, OLLAMA])
@pytest.mark.parametrize(
    ("tools", "found"),
    [([{"name": "f"}], {Capability.TOOLS}), ([], set()), (None, set())],
    ids=["one", "none", "null"],
)
def test_tools_are_needed_where_there_are_any(wire: Format, tools: Any, found: set[Capability]) -> None:
    text = {"text": "hi"} if wire is GEMINI else {"type": "text", "text": "hi"}
    assert needs(wire, said(wire, text, tools=tools)) == found


def test_the_tokens_of_a_text_are_estimated_low() -> None:
    body = said(CHAT, {"type": "text", "text": "word " * 1_000})
    seen = glance(asked(CHAT, body))
    assert seen.input_tokens == len(json.dumps(body)) // BYTES_PER_TOKEN
    assert 800 <= seen.input_tokens <= 1_100


def test_words_about_pictures_and_files_are_no_pictures_and_files() -> None:
    words = 'a part is {"type": "image_url", "image_url": {}}, or "file", "document", "input_audio", "application/pdf"'
    assert needs(CHAT, said(CHAT, {"type": "text", "text": words})) == NOTHING
    assert needs(GEMINI, said(GEMINI, {"text": f"images and files: {words}"})) == NOTHING


def test_the_facts_of_a_request_are_what_is_asked_and_what_is_seen() -> None:
    request = asked(CHAT, said(CHAT, PARTS[0][2], stream=True))
    facts = facts_of(request, CHAT, ProviderName("house"), "conversation", "guessed")
    assert facts == Facts(
        asked="m",
        format=CHAT,
        stream=True,
        provider=ProviderName("house"),
        needs=frozenset({IMAGES}),
        session="conversation",
        guess="guessed",
    )
    assert facts_of(asked(CHAT, said(CHAT, "x" * 500)), CHAT).input_tokens
