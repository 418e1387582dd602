import os
import re

import pytest

from llmrepl.errors import SessionError, SessionLocked
from llmrepl.sessions.catalog import find, ids, last, new_id
from llmrepl.sessions.keeping.erasing import erase
from llmrepl.sessions.log import SessionLog
from tests.sessions.sample import notes, write

MOMENT = 1_795_255_872_345  # 2026-11-21 10:11:12.345 UTC


def _sessions(directory, *names):
    for name in names:
        write(directory, notes(1), session_id=name)


def test_an_id_is_its_second_in_utc_and_a_word(tmp_path):
    assert re.fullmatch(r"20261121-101112-[a-z2-7]{4}", new_id(tmp_path, MOMENT))


def test_ids_made_at_the_same_moment_differ(tmp_path):
    made = [new_id(tmp_path, MOMENT) for _ in range(20_000)]
    assert len(set(made)) == len(made)


def test_a_new_id_is_never_one_that_is_taken(tmp_path):
    made = [write(tmp_path, notes(1), created=MOMENT).stem for _ in range(40)]
    assert ids(tmp_path) == sorted(made)


def test_a_prefix_finds_the_only_session_that_begins_with_it(tmp_path):
    _sessions(tmp_path, "20261121-101112-abcd", "20261121-101113-efgh", "20261122-000000-aaaa")
    assert find(tmp_path, "20261122") == "20261122-000000-aaaa"
    assert find(tmp_path, "20261121-101113") == "20261121-101113-efgh"
    assert find(tmp_path, "20261121-101112-abcd") == "20261121-101112-abcd"


def test_a_whole_id_is_found_even_where_it_begins_another(tmp_path):
    _sessions(tmp_path, "notes", "notes-2")
    assert find(tmp_path, "notes") == "notes"


def test_an_ambiguous_prefix_names_the_newest_candidates(tmp_path):
    _sessions(tmp_path, *(f"20261121-10111{n}-abcd" for n in range(7)))
    with pytest.raises(SessionError) as caught:
        find(tmp_path, "20261121")
    assert caught.value.message == (
        "'20261121' begins 7 sessions: 20261121-101116-abcd, 20261121-101115-abcd,"
        " 20261121-101114-abcd, 20261121-101113-abcd, 20261121-101112-abcd and 2 older"
    )


def test_an_unknown_id_names_the_near_ones_and_the_list(tmp_path):
    _sessions(tmp_path, "20261121-101112-abcd", "release-notes")
    with pytest.raises(SessionError) as caught:
        find(tmp_path, "20261121-101112-abdc")
    assert "there is no session '20261121-101112-abdc'" in caught.value.message
    assert caught.value.message.endswith("near it are 20261121-101112-abcd")
    assert "`llmrepl sessions list`" in caught.value.hint


@pytest.mark.parametrize("word", ["", "zzz", "../../etc/passwd"])
def test_a_word_that_is_near_nothing_finds_nothing(tmp_path, word):
    _sessions(tmp_path, "20261121-101112-abcd")
    with pytest.raises(SessionError, match="there is no session"):
        find(tmp_path, word)


def test_a_directory_that_does_not_exist_holds_no_sessions(tmp_path):
    assert ids(tmp_path / "none") == []
    with pytest.raises(SessionError, match="holds no session"):
        last(tmp_path / "none")


def test_files_that_are_no_sessions_are_passed_over(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.jsonl").touch()
    (tmp_path / "folder.jsonl").mkdir()
    assert ids(tmp_path) == []


def _written_at(path, seconds):
    os.utime(path, (seconds, seconds))


def test_the_last_session_is_the_one_written_last_and_not_the_one_begun_last(tmp_path):
    _written_at(write(tmp_path, notes(1), session_id="20261121-101112-abcd"), 2_000)
    _written_at(write(tmp_path, notes(1), session_id="20261122-101112-abcd"), 1_000)
    assert last(tmp_path) == "20261121-101112-abcd"


def test_the_last_session_of_a_directory_is_asked_for_by_its_name(tmp_path):
    _written_at(write(tmp_path, notes(1), session_id="a", cwd="/home/ada"), 1_000)
    _written_at(write(tmp_path, notes(1), session_id="b", cwd="/home/bob"), 2_000)
    assert last(tmp_path, cwd="/home/ada") == "a"
    assert last(tmp_path, cwd="") == "b"
    with pytest.raises(SessionError, match="no session that was begun in /home/eve to go on with"):
        last(tmp_path, cwd="/home/eve")


def test_the_last_session_is_one_that_can_be_read(tmp_path):
    _written_at(write(tmp_path, notes(1), session_id="a"), 1_000)
    (tmp_path / "b.jsonl").write_text('{"llmrepl":"ses')
    assert last(tmp_path) == "a"


def test_a_removed_session_is_gone(tmp_path):
    _sessions(tmp_path, "a", "b")
    [_] = erase(tmp_path, ["a"])
    assert ids(tmp_path) == ["b"]
    with pytest.raises(SessionError, match=r"cannot delete .*a\.jsonl: No such file"):
        [_] = erase(tmp_path, ["a"])


def test_a_session_that_is_being_written_is_not_removed(tmp_path):
    with SessionLog.create(tmp_path) as log:
        log.append(notes(1)[0])
        with pytest.raises(SessionLocked, match=f"process {os.getpid()}"):
            list(erase(tmp_path, [log.id]))
    assert ids(tmp_path) == [log.id]
