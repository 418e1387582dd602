import re

import pytest

from llmrepl.loop import STOP_REASONS
from llmrepl.record import decode_record
from tests.sessions.page import PAGE, written
from tests.sessions.sample import lines_of, read, story, write

TEXT = PAGE.read_text()


@pytest.fixture(scope="module")
def reader_on_the_page():
    (source,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    names = {}
    exec(compile(source, str(PAGE), "exec"), names)
    return names["read"]


def test_the_tables_on_the_page_are_those_of_the_code():
    assert written(TEXT) == TEXT, "run: python -m tests.sessions.page"


def test_the_page_names_every_stop_reason():
    assert [reason for reason in STOP_REASONS if f"`{reason}`" not in TEXT] == []


def test_the_reader_on_the_page_reads_what_llmrepl_writes(tmp_path, reader_on_the_page):
    path = write(tmp_path, story(2))
    header, records, wrong = reader_on_the_page(path)
    assert header == lines_of(path)[0]
    assert [decode_record(record) for record in records] == read(path)
    assert wrong is None


@pytest.mark.parametrize(
    ("change", "count", "wrong"),
    [
        (lambda whole: whole[:-1], 10, None),
        (lambda whole: whole[:-2], 9, "torn"),
        (lambda whole: whole + b"}\n", 10, "damaged"),
        (lambda whole: whole.replace(b'"tool.started"', b'"tool.starved"'), 4, "damaged"),
        (lambda whole: whole.replace(b'"seq":4', b'"seq":5'), 3, "damaged"),
    ],
    ids=range(5),
)
def test_the_reader_on_the_page_finds_the_same_damage(
    tmp_path, reader_on_the_page, change, count, wrong
):
    path = write(tmp_path, story())
    path.write_bytes(change(path.read_bytes()))
    _, records, found = reader_on_the_page(path)
    assert (len(records), found) == (count, wrong)
