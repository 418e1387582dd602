from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.cells import cells, cut, elided, fit, padded

CLEAN = st.characters(exclude_categories=("Cc", "Cs"))
TEXT = st.text(st.one_of(st.sampled_from("ab 日本é\u0301ー"), CLEAN), max_size=60)


def test_a_wide_sign_takes_two_cells_and_a_combining_mark_none():
    assert [cells(text) for text in ("", "ab", "日本", "e\u0301", "a日")] == [0, 2, 4, 1, 3]


@pytest.mark.parametrize(
    ("width", "short"),
    [(-1, ""), (0, ""), (1, "…"), (2, "…"), (3, "日…"), (4, "日…"), (5, "日本…"), (6, "日本語")],
)
def test_a_wide_sign_is_never_cut_in_two(width, short):
    assert elided("日本語", width) == short


def test_a_figure_may_stand_on_the_right():
    assert padded("7", 3) == "7  "
    assert padded("7", 3, right=True) == "  7"
    assert fit("日", 3, right=True) == " 日"


@given(TEXT, st.integers(0, 50))
def test_what_is_cut_off_would_not_have_fitted(text, width):
    head = cut(text, width)
    assert text.startswith(head)
    assert cells(head) <= width
    assert head == text or cells(text[: len(head) + 1]) > width


@given(TEXT, st.integers(1, 50))
def test_an_elided_text_fits_and_begins_as_it_did(text, width):
    short = elided(text, width)
    assert cells(short) <= width
    assert short == text or text.startswith(short.removesuffix("…"))
    assert cells(padded(short, width)) == width


@given(TEXT, st.integers(0, 50), st.booleans())
def test_what_is_fitted_takes_its_width_to_the_cell(text, width, right):
    assert cells(fit(text, width, right=right)) == width
