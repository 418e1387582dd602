import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.config.kinds import key_literal, literal
from llmrepl.config.locate import locate
from tests.config.world import PATIENT

TEXT = '''\
# The whole file.
# Still the whole file.

title = "x" # = not a key
a.b . "c d" = 1
'single' = 'it\\'
multi = """
[not.a.table]
key = "no" \\"""
"""""
raw = \'\'\'
# no comment
x = 1\'\'\'
when = 1979-05-27 07:32:00  # a date with a space
list = [ # comment ]
  1, [2, "]"], # , more
  { deep = true, "q.k" = [ "}" ] },
]
inline = { x = 1, y.z = "}" , w = { v = 2 } }
"\\u00e9" = true

  [ table . "sub table" ]
  inside = -1.5e3
[[array]]
name = "first"
[[array]]
name = "second"
[array.child]
leaf = inf
[empty]'''

EXPECTED = {
    ("title",): (4, '"x"'),
    ("a", "b", "c d"): (5, "1"),
    ("single",): (6, "'it\\'"),
    ("multi",): (7, TEXT[TEXT.index('"""') : TEXT.index("raw") - 1]),
    ("raw",): (11, "'''\n# no comment\nx = 1'''"),
    ("when",): (14, "1979-05-27 07:32:00"),
    ("list",): (15, TEXT[TEXT.index("[ # comment") : TEXT.index("\ninline")]),
    ("list", "deep"): (17, "true"),
    ("list", "q.k"): (17, '[ "}" ]'),
    ("inline",): (19, '{ x = 1, y.z = "}" , w = { v = 2 } }'),
    ("inline", "x"): (19, "1"),
    ("inline", "y", "z"): (19, '"}"'),
    ("inline", "w"): (19, "{ v = 2 }"),
    ("inline", "w", "v"): (19, "2"),
    ("é",): (20, "true"),
    ("table", "sub table"): (22, ""),
    ("table", "sub table", "inside"): (23, "-1.5e3"),
    ("array",): (24, ""),
    ("array", "name"): (25, '"first"'),
    ("array", "child"): (28, ""),
    ("array", "child", "leaf"): (29, "inf"),
    ("empty",): (30, ""),
}


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n")], ids=["lf", "crlf"])
def test_every_key_is_found_with_its_line_and_its_value(text):
    tomllib.loads(text)
    places = locate(text)
    found = {
        path: (span.line, text[span.start : span.end].replace("\r\n", "\n"))
        for path, span in places.spans.items()
    }
    assert found == EXPECTED


def test_a_table_without_a_line_of_its_own_has_that_of_its_first_key():
    places = locate(TEXT)
    assert places.line(("a",)) == 5
    assert places.line(("a", "b")) == 5
    assert places.line(("table",)) == 22


def test_what_is_not_there_has_the_line_of_what_is_around_it():
    places = locate(TEXT)
    assert places.line(("inline", "nothing", "here")) == 19
    assert places.line(("nothing",)) == 1
    assert locate("").line(("nothing",)) == 1


def test_each_section_ends_behind_its_last_own_line():
    sections = locate(TEXT).sections
    assert [section.path for section in sections] == [
        (), ("table", "sub table"), ("array",), ("array",), ("array", "child"), ("empty",),
    ]  # fmt: skip
    assert TEXT[: sections[0].end].endswith('"\\u00e9" = true\n')
    assert TEXT[: sections[1].end].endswith("inside = -1.5e3\n")
    assert sections[-1].end == len(TEXT)


@pytest.mark.parametrize(
    ("text", "end"), [("", 0), ("# all\n", 6), ("# all\n\nx = 1\n", 13), ("# of x\n[x]\n", 0)]
)
def test_a_comment_about_the_whole_file_stays_at_its_top(text, end):
    assert locate(text).sections[0].end == end


names = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=6)
scalars = (
    st.integers(-(10**6), 10**6)
    | st.booleans()
    | st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
    | st.floats(allow_nan=False).map(lambda number: abs(number) if number == 0 else number)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
gaps = st.sampled_from(["", "\n", "# [x] = '\n", "  \t\n\n"])


@st.composite
def documents(draw):
    """A TOML text, in any of the ways to write it."""
    lines = []

    def table(path, data):
        leaves = {key: value for key, value in data.items() if not isinstance(value, dict)}
        tables = {key: value for key, value in data.items() if isinstance(value, dict)}
        for key, value in leaves.items():
            lines.append(f"{draw(gaps)}{_key(draw, key)} = {literal(value)}{_tail(draw)}\n")
        for key, value in tables.items():
            if draw(st.booleans()):
                lines.append(f"{draw(gaps)}{key_literal(key)} = {literal(value)}{_tail(draw)}\n")
            else:
                headers.append(((*path, key), value))

    headers = [((), draw(st.dictionaries(names, values, max_size=4)))]
    while headers:
        path, data = headers.pop(0)
        if path:
            lines.append(f"{draw(gaps)}[{'.'.join(_key(draw, part) for part in path)}]\n")
        table(path, data)
    return "".join(lines)


def _key(draw, name):
    pad = draw(st.sampled_from(["", " "]))
    return pad + key_literal(name) + pad


def _tail(draw):
    return draw(st.sampled_from(["", " ", ' # it\'s = "x"']))


def _flat(data, path=()):
    for key, value in data.items():
        yield (*path, key), value
        if isinstance(value, dict):
            yield from _flat(value, (*path, key))


@PATIENT
@given(documents())
def test_in_any_document_each_place_holds_the_value_that_tomllib_reads(text):
    data = dict(_flat(tomllib.loads(text)))
    places = locate(text)
    found = {}
    for path, span in places.spans.items():
        if span.start < span.end and path in data:
            found[path] = tomllib.loads(f"x = {text[span.start : span.end]}")["x"]
            assert key_literal(path[-1]) in text.split("\n")[span.line - 1]
    for path, value in data.items():
        assert path in places.spans
        if path in found:
            assert found[path] == value
        else:
            assert isinstance(value, dict)
