"""Patching changes the named fields and not one byte beside them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.formats.head import read_head
from omniroute.formats.patch import patch
from tests.formats.test_head import TEXT, VALUES, bodies

CHANGES = st.dictionaries(TEXT, VALUES, max_size=3)


def patched(body: bytes, changes: dict[str, bytes]) -> bytes:
    return patch(body, read_head(body), changes)


@pytest.mark.parametrize(
    ("body", "changes", "after"),
    [
        (b'{"model": "a"}', {"model": b'"b"'}, b'{"model": "b"}'),
        (b'{ "n" : 1.00 , "model":"a" }\n', {"model": b'"longer"'}, b'{ "n" : 1.00 , "model":"longer" }\n'),
        (b'{"a": 1}', {"b": b"2"}, b'{"a": 1,"b":2}'),
        (b'{"a": 1\n}', {"b": b"2", "c": b"3"}, b'{"a": 1,"b":2,"c":3\n}'),
        (b"{}", {"a": b"1"}, b'{"a":1}'),
        (b" { } ", {"a": b"1", "b": b"2"}, b' {"a":1,"b":2 } '),
        (b'{"a": 1, "b": 2}', {"b": b"[]", "c": b"3", "a": b"{}"}, b'{"a": {}, "b": [],"c":3}'),
        (b'{"a": 1}', {}, b'{"a": 1}'),
        (b'{"a": 1}', {'say "hi"': b"1"}, b'{"a": 1,"say \\"hi\\"":1}'),
    ],
)
def test_fields_are_replaced_and_added(body: bytes, changes: dict[str, bytes], after: bytes) -> None:
    assert patched(body, changes) == after


@given(bodies(), CHANGES, st.data())
@settings(max_examples=300, deadline=None)
def test_the_result_reads_as_the_object_with_those_fields_changed(
    body: tuple[bytes, list[tuple[str, str]]], changes: dict[str, object], data: st.DataObject
) -> None:
    written, texts = body
    if texts:
        changes |= dict.fromkeys(data.draw(st.lists(st.sampled_from([name for name, _ in texts]))))
    after = patched(written, {name: json.dumps(value).encode() for name, value in changes.items()})
    assert json.loads(after) == json.loads(written) | changes


@given(bodies(), CHANGES, st.data())
@settings(max_examples=300, deadline=None)
def test_every_other_byte_stays(
    body: tuple[bytes, list[tuple[str, str]]], changes: dict[str, object], data: st.DataObject
) -> None:
    written, texts = body
    fields = read_head(written)
    if texts:
        changes |= dict.fromkeys(data.draw(st.lists(st.sampled_from([name for name, _ in texts]))))
    after = patched(written, {name: json.dumps(value).encode() for name, value in changes.items()})
    kept, at = [], 0
    last = written.index(b"{") + 1
    for name, where in fields.items():
        last = where.stop
        if name in changes:
            kept.append(written[at : where.start])
            at = last
    for piece in (*kept, written[at:last]):
        assert piece in after
        after = after[after.index(piece) + len(piece) :]
    assert after.endswith(written[last:])


@given(bodies(), CHANGES)
@settings(max_examples=100, deadline=None)
def test_a_patch_twice_is_a_patch_once(body: tuple[bytes, list[tuple[str, str]]], changes: dict[str, object]) -> None:
    written, _ = body
    values = {name: json.dumps(value).encode() for name, value in changes.items()}
    once = patched(written, values)
    assert patched(once, values) == once
