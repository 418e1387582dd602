"""Large pastes have placeholders, and come back whole."""

from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversing.drafting.pastes import MOST_CHARACTERS, MOST_LINES, Pastes

LARGE = "x" * (MOST_CHARACTERS + 1)
texts = st.text(alphabet=st.sampled_from("ab[]#:12 \n@Pasted text line"), max_size=60)
large = texts.map(lambda text: text + "\n" * (MOST_LINES + 1))


def test_what_is_not_large_stands_as_it_is():
    pastes = Pastes()
    for text in ("", "one", "x" * MOST_CHARACTERS, "line\n" * MOST_LINES):
        assert pastes.fold(text) == text


def test_a_placeholder_has_a_number_and_says_how_many_lines_it_stands_for():
    pastes = Pastes()
    assert pastes.fold(LARGE) == "[Pasted text #1: 1 line]"
    assert pastes.fold("line\n" * 42) == "[Pasted text #2: 42 lines]"
    assert pastes.fold("line\n" * 42 + "end") == "[Pasted text #3: 43 lines]"


def test_a_placeholder_that_was_changed_is_ordinary_text():
    pastes = Pastes()
    placeholder = pastes.fold(LARGE)
    for changed in (placeholder[:-1], placeholder.replace("1", "2", 1), placeholder.lower()):
        assert pastes.expand(changed) == changed


def test_a_deleted_placeholder_takes_its_paste_along_and_a_doubled_one_doubles_it():
    pastes = Pastes()
    first, second = pastes.fold(LARGE), pastes.fold("y\n" * 99)
    assert pastes.expand(f"a {second} b") == "a " + "y\n" * 99 + " b"
    assert pastes.expand(first + first) == LARGE * 2


@given(st.lists(st.tuples(texts, large), max_size=5))
def test_expanding_gives_back_what_was_pasted_between_what_was_typed(pairs):
    pastes = Pastes()
    # What is typed holds no placeholder; what is pasted may hold anything, others' too.
    typed = [text.replace("#", "") for text, _ in pairs]
    inside = ["[Pasted text #1: 16 lines]" + pasted for _, pasted in pairs]
    folded = "".join(a + pastes.fold(b) for a, b in zip(typed, inside, strict=True))
    whole = "".join(a + b for a, b in zip(typed, inside, strict=True))
    assert pastes.expand(folded) == whole
    assert "".join(piece for piece, _ in pastes.split(folded)) == whole
    assert [piece for piece, pasted in pastes.split(folded) if pasted] == inside


@given(texts)
def test_without_pastes_every_text_is_itself(text):
    assert Pastes().expand(text) == text
