"""Contents by the thousand are those that were put in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.content import Content, Contents

numbers = st.integers(0, 1 << 30)
some = st.lists(
    st.builds(Content, numbers, st.tuples(numbers, numbers), numbers, numbers), max_size=9
)


@given(some, st.slices(9))
def test_contents_come_back_as_they_were_put_in(given_, part):
    contents = Contents()
    for content in given_:
        contents.append(content)
    assert list(contents) == given_
    assert contents[part] == given_[part]
    assert len(contents) == len(given_)
    with pytest.raises(IndexError):
        contents[len(given_)]


def test_a_content_of_other_kinds_is_refused():
    contents = Contents()
    contents.append(Content(3, (1, 2), messages=1))
    with pytest.raises(ValueError, match="a content of 3 numbers after ones of 5"):
        contents.append(Content(3))
