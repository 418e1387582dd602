"""Searching all sessions: what is found, and that the index follows the logs whatever happens."""

import sqlite3
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.errors import SessionError
from llmrepl.events import NoteAdded, TurnStarted
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.sessions.keeping.erasing import erase
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.search.index import SearchIndex
from llmrepl.sessions.search.words import MOST, excerpt
from tests.sessions.sample import PATIENT, story, write


def prompts(*texts):
    return [
        Record(seq, seq * 1000, seq, 0, TurnStarted(prompt=(Text(text),)))
        for seq, text in enumerate(texts, 1)
    ]


def noted(*texts):
    return [Record(seq, seq, 0, 0, NoteAdded(text=text)) for seq, text in enumerate(texts, 1)]


@pytest.fixture
def logs(tmp_path):
    return tmp_path / "sessions"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cache" / "index.db"


@pytest.fixture
def index(logs, file):
    with SearchIndex(logs, file) as index:
        yield index


def found(index, query, **options):
    index.update()
    return [(hit.session, hit.seq) for hit in index.search(query, **options)]


def test_words_are_found_in_prompts_answers_code_and_output(index, logs):
    write(logs, story(1), session_id="one")
    index.update()
    kinds = {
        "sum FIRST numbers": "turn.started",
        "let me": "message.finished",
        "print range": "tool.requested",
        '"0 1"': "tool.finished",
    }
    for query, kind in kinds.items():
        (hit,) = index.search(query)
        assert (hit.session, hit.turn, hit.kind) == ("one", 1, kind)
    assert index.search("sum nile") == []


def test_a_word_is_found_by_its_beginning_and_whatever_its_accents(index, logs):
    write(logs, noted("le café est ouvert", "кофе"), session_id="one")
    assert found(index, "caf") == found(index, "CAFE ouv") == [("one", 1)]
    assert found(index, "КОФ") == [("one", 2)]
    assert found(index, '"est caf"') == []


def test_the_newest_come_first_and_no_more_than_asked_for(index, logs):
    write(logs, noted("tea", "tea"), session_id="old")
    index.update()
    write(logs, noted("tea"), session_id="new")
    assert found(index, "tea") == [("new", 1), ("old", 2), ("old", 1)]
    assert found(index, "tea", limit=1) == [("new", 1)]


def test_what_is_appended_is_found_and_nothing_twice(index, logs):
    write(logs, prompts("tea"), session_id="one")
    assert found(index, "tea") == [("one", 1)]
    log, _ = SessionLog.open(logs, "one")
    with log:
        log.append(prompts("", "tea again")[1])
        assert found(index, "tea") == [("one", 2), ("one", 1)]
    assert found(index, "tea") == [("one", 2), ("one", 1)]


def test_a_line_that_is_being_written_is_found_once_it_is_whole(index, logs):
    path = write(logs, noted("tea", "coffee"), session_id="one")
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert found(index, "coffee") == []
    path.write_bytes(whole)
    assert found(index, "coffee") == [("one", 2)]


def test_a_session_that_is_another_one_now_is_read_anew(index, logs):
    path = write(logs, noted("tea", "tea", "tea"), session_id="one")
    assert len(found(index, "tea")) == 3
    path.unlink()
    write(logs, noted("coffee"), session_id="one")
    assert found(index, "tea") == []
    assert found(index, "coffee") == [("one", 1)]


def test_nothing_is_left_of_a_session_that_was_removed(index, logs, file):
    write(logs, noted("tea"), session_id="one")
    write(logs, noted("hushhushhush"), session_id="two")
    assert found(index, "hushhush") == [("two", 1)]
    [_] = erase(logs, ["two"])
    assert found(index, "hushhush") == []
    assert found(index, "tea") == [("one", 1)]
    assert b"hush" not in b"".join(path.read_bytes() for path in file.parent.iterdir())


def test_damage_is_passed_over(index, logs):
    path = write(logs, noted("tea", "coffee", "tea"), session_id="one")
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = b'{"type": "note.added", "data": 3}\n\xff\xfe\n[]\n'
    path.write_bytes(b"".join(lines))
    (logs / "empty.jsonl").touch()
    assert found(index, "tea") == [("one", 3), ("one", 1)]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 99, b"SQLite format 3\0" * 64])
def test_an_index_that_cannot_be_read_is_made_anew(content, logs, file):
    write(logs, noted("tea"), session_id="one")
    file.parent.mkdir()
    file.write_bytes(content)
    with SearchIndex(logs, file) as index:
        assert found(index, "tea") == [("one", 1)]


def test_an_index_of_another_version_is_made_anew(logs, file):
    write(logs, noted("tea"), session_id="one")
    with SearchIndex(logs, file) as index:
        index.update()
    base = sqlite3.connect(file)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with SearchIndex(logs, file) as index:
        assert found(index, "tea") == [("one", 1)]


def test_the_index_is_for_its_owner_alone(index, file):
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_where_there_are_no_sessions_nothing_is_found(index):
    assert found(index, "tea") == []


@pytest.mark.parametrize("query", ["", "  ", "...", '""', '" "'])
def test_a_query_without_a_word_is_refused(index, query):
    with pytest.raises(SessionError, match="no word to search for"):
        index.search(query)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    directory = tmp_path_factory.mktemp("search")
    with SearchIndex(directory, directory / "index.db") as index:
        yield index


@PATIENT
@given(query=st.text() | st.text('a"*-:^(){}+ \0\ud800'))
def test_no_query_breaks_the_index(shared, query):
    assert shared.search(query + " tea") == []


def test_an_index_that_cannot_be_made_is_said(tmp_path, logs):
    (tmp_path / "file").touch()
    with pytest.raises(SessionError, match="cannot be used") as raised:
        SearchIndex(logs, tmp_path / "file" / "index.db")
    assert "remove it" in raised.value.hint


def test_two_that_bring_it_up_to_date_at_once_do_not_disturb_each_other(logs, file):
    for number in range(20):
        write(logs, noted("tea", "coffee"), session_id=f"s{number}")
    counts = []

    def work():
        with SearchIndex(logs, file) as index:
            index.update()
            counts.append(len(index.search("tea", limit=99)))

    SearchIndex(logs, file).close()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [20] * 4


def test_of_a_long_text_the_beginning_is_found(index, logs):
    write(logs, noted("tea " + "x " * MOST + "coffee"), session_id="one")
    assert found(index, "tea") == [("one", 1)]
    assert found(index, "coffee") == []


def test_an_excerpt_shows_the_first_word_that_was_found():
    text = "a " * 40 + "the needle\nin the\thaystack " + "b " * 40
    shown = excerpt(text, '"needle in" haystack', 60)
    assert len(shown) == 60
    assert shown[0] == shown[-1] == "…"
    assert "the needle in the haystack" in shown
    assert excerpt("a needle", "needle", 50) == "a needle"
    assert excerpt("café " + "b" * 60, "cafe", 20) == "café " + "b" * 14 + "…"


@given(st.text(), st.text(), st.integers(1, 80))
def test_an_excerpt_is_never_longer_than_it_may_be(text, query, characters):
    assert len(excerpt(text, query, characters)) <= characters
