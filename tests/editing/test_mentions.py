"""Where a text mentions a file, and where it only looks so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.conversing.drafting.mentions import begun, mention, mentions


def first(text):
    return [found.paths[0][0] for found in mentions(text)]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("@a.py", ["a.py"]),
        ("see @src/a.py and @b", ["src/a.py", "b"]),
        ('@"my file.txt" too', ["my file.txt"]),
        (r"@my\ file.txt too", ["my file.txt"]),
        ("(@a.py)", ["a.py)"]),
        ("two\n@a.py\n", ["a.py"]),
        ("@~/x @/etc/hosts", ["~/x", "/etc/hosts"]),
        ("mail a@b.c or a.b+c@d.org", []),
        (r"\@a.py", []),
        ("@ alone, @", []),
        ("@@x", ["@x"]),
        ("https://x.org/@user", []),
    ],
)
def test_a_mention_begins_where_a_word_could(text, paths):
    assert first(text) == paths


def test_what_ends_a_sentence_may_be_no_part_of_the_path():
    (found,) = mentions("(see @a.py).")
    assert [path for path, _ in found.paths] == ["a.py).", "a.py)", "a.py"]


@given(st.text(min_size=1, max_size=30).filter(lambda p: not any(c in p for c in "\n\r\x0b\x0c")))
def test_every_path_can_be_mentioned(path):
    text = f"see {mention(path)} there"
    (found,) = (found for found in mentions(text) if found.start == 4)
    assert path in [reading for reading, _ in found.paths]


@given(st.text(alphabet="@ab./ \\\"'\n()", max_size=40))
def test_what_is_found_lies_in_the_text(text):
    for found in mentions(text):
        assert text[found.start] == "@"
        assert all(found.start < end <= len(text) and path for path, end in found.paths)


@pytest.mark.parametrize(
    ("before", "path"),
    [
        ("@", ("", 0)),
        ("see @src/", ("src/", 4)),
        ("@a b @c", ("c", 5)),
        ('@"my fi', ("my fi", 0)),
        (r"@my\ fi", ("my fi", 0)),
        ("@a ", None),
        ("a@b", None),
        ("\\@b", None),
        ('@"x y" said', None),
    ],
)
def test_a_path_that_is_being_typed_is_found(before, path):
    assert begun(before) == path
