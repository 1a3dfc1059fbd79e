"""A key has so many conversations at once, and one that fell silent makes room."""

from hypothesis import given, settings
from hypothesis import strategies as st

from omniroute.engine import sessions
from omniroute.engine.sessions import SILENT, Sessions


def test_a_key_may_have_as_many_conversations_as_its_limit() -> None:
    known = Sessions()
    assert [known.enter("alice", name, 2, 0.0) for name in ("a", "b", "c", "a")] == [True, True, False, True]
    assert known.count("alice", 0.0) == 2


def test_keys_do_not_share_conversations_of_one_name() -> None:
    known = Sessions()
    assert known.enter("alice", "a", 1, 0.0)
    assert known.enter("bob", "a", 1, 0.0)
    assert not known.enter("bob", "b", 1, 0.0)


def test_a_conversation_that_fell_silent_makes_room_and_one_that_speaks_does_not() -> None:
    known = Sessions()
    known.enter("alice", "speaks", 2, 0.0)
    known.enter("alice", "silent", 2, 1.0)
    known.enter("alice", "speaks", 2, 2.0)
    assert not known.enter("alice", "new", 2, SILENT)
    assert known.enter("alice", "new", 2, SILENT + 1.0)
    assert not known.enter("alice", "silent", 2, SILENT + 1.0)
    assert known.count("alice", 3 * SILENT) == 0


def test_a_limit_that_was_lowered_keeps_those_that_go_on() -> None:
    known = Sessions()
    for name in ("a", "b"):
        known.enter("alice", name, 2, 0.0)
    assert known.enter("alice", "a", 1, 1.0)
    assert not known.enter("alice", "c", 1, 1.0)


def test_of_too_many_conversations_the_one_is_forgotten_that_was_silent_longest() -> None:
    known = Sessions()
    for number in range(sessions.MOST + 1):
        known.enter(f"key-{number}", "a", 1, 0.0)
    assert (known.count("key-0", 0.0), known.count("key-1", 0.0)) == (0, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(1, 3), st.sampled_from([0.0, 900.0, 1800.0])
        )
    )
)
@settings(max_examples=100, deadline=None)
def test_a_conversation_is_let_in_as_a_plain_count_says(history: list[tuple[str, str, int, float]]) -> None:
    known, spoke, now = Sessions(), dict[tuple[str, str], float](), 0.0
    for key, name, limit, passed in history:
        now += passed
        spoke = {each: at for each, at in spoke.items() if now - at < SILENT}
        expected = (key, name) in spoke or sum(each[0] == key for each in spoke) < limit
        assert known.enter(key, name, limit, now) is expected
        if expected:
            spoke[key, name] = now
        assert known.count(key, now) == sum(each[0] == key for each in spoke)
