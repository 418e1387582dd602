"""A vector never changes, however often it grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.vector import Mapped, Vector


@given(st.lists(st.tuples(st.integers(0, 50), st.integers()), max_size=40))
def test_no_vector_changes_when_others_grow_from_it(steps):
    known = [(Vector(), [])]
    for pick, item in steps:
        vector, expected = known[pick % len(known)]
        known.append((vector.append(item), [*expected, item]))
    for vector, expected in known:
        assert list(vector) == expected
        assert len(vector) == len(expected)


def test_growing_the_newest_view_copies_nothing():
    first = Vector([1, 2])
    second = first.append(3)
    assert second.extends(first)
    assert not first.extends(second)
    assert not first.append(4).extends(second)
    assert not Vector([1, 2]).extends(first)


def test_it_is_a_sequence():
    vector = Vector("abc")
    assert (vector[0], vector[-1], vector[1:]) == ("a", "c", Vector("bc"))
    assert list(vector.since(1)) == ["b", "c"]
    assert repr(vector) == "Vector(['a', 'b', 'c'])"
    assert vector != ["a", "b", "c"]
    assert vector != Vector("abd")
    assert len({vector, Vector("abc")}) == 1


@pytest.mark.parametrize("index", [2, -3])
def test_an_index_outside_is_refused_even_where_a_longer_sister_has_it(index):
    vector = Vector("ab")
    vector.append("c")
    with pytest.raises(IndexError, match="of a vector of 2"):
        vector[index]


def test_what_a_function_makes_of_items_is_made_when_it_is_read_and_not_kept():
    made = []
    seen = Mapped(lambda item: made.append(item) or item.upper(), Vector("abc"))
    assert not made
    assert (seen[0], seen[-1], len(seen)) == ("A", "C", 3)
    assert list(seen.since(1)) == ["B", "C"]
    assert made == ["a", "c", "b", "c"]


def test_what_a_function_makes_of_a_vector_grows_with_it():
    first = Vector("ab")
    early, later = Mapped(str.upper, first), Mapped(str.upper, first.append("c"))
    assert later.extends(early)
    assert not early.extends(later)
    assert not Mapped(str.lower, first).extends(early)
    assert not first.extends(early)
    assert not early.extends(first)


def test_it_is_equal_where_the_items_are():
    seen = Mapped(str.upper, Vector("abc"))
    assert seen == Mapped(str.title, Vector("abc"))
    assert seen[1:] == Mapped(str, Vector("BC"))
    assert seen != Vector("ABC")
    assert len({seen, Mapped(str, Vector("ABC"))}) == 1
    assert repr(seen) == "Mapped(['A', 'B', 'C'])"
