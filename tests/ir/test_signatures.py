"""A signature travels through a client of another format and comes back."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.ir.parts import Signature
from omniroute.ir.signatures import MARKED, pack, unpack
from omniroute.names import Format
from tests.support.laws import often

ANTHROPIC, GEMINI = Format.ANTHROPIC_MESSAGES, Format.GEMINI
formats = st.sampled_from(Format)
marked = st.builds(
    lambda name, data: base64.b64encode(f"omniroute:{name}:{data}".encode()).decode(),
    st.sampled_from([*Format, "unheard-of", ""]),
    st.text(st.sampled_from("aZ0:")),
)
data = st.text(st.characters()) | st.text(st.characters(codec="ascii")) | marked


@given(formats, data, formats)
@settings(max_examples=often(300), deadline=None)
def test_what_was_packed_is_unpacked(wire: Format, text: str, own: Format) -> None:
    assert unpack(pack(Signature(wire, text), own), own) == Signature(wire, text)


@given(formats, data, formats, formats)
@settings(max_examples=often(100), deadline=None)
def test_a_signature_travels_through_two_gateways(wire: Format, text: str, one: Format, other: Format) -> None:
    signature = Signature(wire, text)
    assert unpack(unpack(pack(Signature(one, pack(signature, one)), other), other).data, one) == signature


@given(data, formats)
@settings(max_examples=often(200), deadline=None)
def test_any_text_is_some_signature(text: str, own: Format) -> None:
    assert isinstance(unpack(text, own).format, Format)


def test_a_formats_own_signature_is_written_as_it_is() -> None:
    assert pack(Signature(ANTHROPIC, "EqQB+/=="), ANTHROPIC) == "EqQB+/=="


@pytest.mark.parametrize("half", ["\ud83d", "a\udc00b"])
def test_half_a_surrogate_pair_survives(half: str) -> None:
    assert unpack(pack(Signature(GEMINI, half), ANTHROPIC), ANTHROPIC) == Signature(GEMINI, half)


@given(data)
@settings(max_examples=often(50), deadline=None)
def test_a_packed_signature_is_base64(text: str) -> None:
    packed = pack(Signature(GEMINI, text), ANTHROPIC)
    assert base64.b64encode(base64.b64decode(packed, validate=True)).decode() == packed


@pytest.mark.parametrize(
    "text",
    [
        *("not base64!", "é", "", "AAAA"),
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"omniroute:unheard-of:x").decode(),
        base64.b64encode(b"omniroute:").decode(),
    ],
)
def test_what_bears_no_mark_of_ours_is_the_formats_own(text: str) -> None:
    assert unpack(text, ANTHROPIC) == Signature(ANTHROPIC, text)


@given(st.sampled_from(list(Format)), st.sampled_from(list(Format)), st.text())
def test_a_marked_signature_can_be_found_without_being_read(wire: Format, own: Format, data: str) -> None:
    if wire is not own:
        assert pack(Signature(wire, data), own).startswith(MARKED.decode())
