"""What a power cut, a lying disk or a broken copy make of a session's last writes."""

import shutil
import sqlite3
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.search.index import SearchIndex
from tests.sessions.sample import PATIENT, read, story, write

SESSION_ID = "20261121-101112-abcd"
RECORDS = story(1)
BLOCK = 512
"""Bytes that a disk writes whole or not at all."""


def _whole():
    with TemporaryDirectory() as folder:
        return write(Path(folder), RECORDS, session_id=SESSION_ID, created=1).read_bytes()


WHOLE = _whole()
ENDS = [at + 1 for at, byte in enumerate(WHOLE) if byte == ord("\n")]
"""Where the lines end, the header's first."""
LAST = range(ENDS[-4], len(WHOLE))
"""The bytes of the last three records."""


def look(directory, content, untouched, *, doubted=0):
    """Open a session that should have been `WHOLE`; now and then, go on with it.

    Args:
        directory: an empty one.
        content: the file instead.
        untouched: how many bytes of it are as they were.
        doubted: how many lines before the damage may be lost with it.
    """
    path = directory / f"{SESSION_ID}.jsonl"
    path.write_bytes(content)
    log, records = SessionLog.open(directory, SESSION_ID)
    whole = sum(end <= untouched for end in ENDS) - 1 - doubted
    with log:
        assert records == RECORDS[: len(records)]
        assert len(records) >= whole
        assert log.repaired or content in (WHOLE[: len(content)], WHOLE)
        if log.id != SESSION_ID:
            assert path.read_bytes() == content
        if untouched % 16:
            log.path.unlink()
            return
        for record in RECORDS[len(records) :]:
            log.append(record)
    assert read(log.path) == RECORDS
    again, records = SessionLog.open(directory, log.id)
    again.close()
    assert (again.repaired, records) == ("", RECORDS)
    log.path.unlink()


def test_a_log_cut_at_every_byte_of_its_last_records_keeps_the_others(tmp_path):
    for cut in LAST:
        look(tmp_path, WHOLE[:cut], cut)


@pytest.mark.parametrize("zeros", [1, BLOCK, 8 * BLOCK])
def test_a_tail_of_zeros_is_cut_off_wherever_it_begins(tmp_path, zeros):
    for cut in LAST[::3]:
        look(tmp_path, WHOLE[:cut] + bytes(zeros), cut)


def test_a_file_as_long_as_it_was_with_zeros_for_what_was_not_written_is_gone_on_with(tmp_path):
    for cut in LAST[::3]:
        look(tmp_path, WHOLE[:cut] + bytes(len(WHOLE) - cut), cut)


def test_a_block_that_was_never_written_keeps_what_is_before_it(tmp_path):
    for begin in range(ENDS[0] // BLOCK * BLOCK + BLOCK, len(WHOLE), BLOCK):
        look(tmp_path, WHOLE[:begin] + bytes(BLOCK) + WHOLE[begin + BLOCK :], begin)


def test_a_tail_that_is_there_twice_is_taken_once(tmp_path):
    for begin in LAST[::16]:
        look(tmp_path, WHOLE + WHOLE[begin:], len(WHOLE))
    for begin, end in pairwise(ENDS):
        look(tmp_path, WHOLE[:end] + WHOLE[begin:end], end)


def test_a_tail_of_an_older_file_behind_the_last_line_is_not_taken(tmp_path):
    for begin in LAST[::40]:
        look(tmp_path, WHOLE + WHOLE[ENDS[3] + begin % 7 : ENDS[5]], len(WHOLE))


def test_a_bit_that_flips_in_a_line_that_another_follows_is_found(tmp_path):
    for position in range(ENDS[-3], ENDS[-2], 3):
        flipped = bytearray(WHOLE)
        flipped[position] ^= 1 << position % 8
        # Where the two do not fit, nobody knows which of them it was.
        look(tmp_path, bytes(flipped), ENDS[-3], doubted=1)


@PATIENT
@given(st.integers(ENDS[0], len(WHOLE)), st.binary(max_size=60), st.integers(0, 2000))
def test_whatever_stands_behind_a_cut_the_session_opens_with_what_is_before_it(cut, noise, zeros):
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{SESSION_ID}.jsonl")
        path.write_bytes(WHOLE[:cut] + noise + bytes(zeros))
        log, records = SessionLog.open(Path(folder), SESSION_ID)
        log.close()
        assert records == RECORDS[: len(records)]
        assert len(records) >= sum(end <= cut for end in ENDS) - 1


def _damaged(content, way):
    size = len(content)
    return {
        "cut": lambda: content[: size // 2],
        "cut in a page": lambda: content[: size - 1000],
        "a tail of zeros": lambda: content[: size // 3] + bytes(size - size // 3),
        "noise": lambda: content[:5000] + b"\xa5" * 9000 + content[14000:],
        "nothing": lambda: b"",
        "something else": lambda: b"hello\n" * 5000,
    }[way]()


@pytest.mark.parametrize(
    "way", ["cut", "cut in a page", "a tail of zeros", "noise", "nothing", "something else"]
)
def test_an_index_that_is_spoilt_is_made_anew(tmp_path, way):
    sessions, file = tmp_path / "sessions", tmp_path / "index.db"
    for number in range(30):
        write(sessions, story(4), session_id=f"s{number}")
    with SearchIndex(sessions, file) as index:
        index.update()
        found = index.search("numbers", 1000)
    file.write_bytes(_damaged(file.read_bytes(), way))
    write(sessions, story(1), session_id="new")
    with SearchIndex(sessions, file) as index:
        index.update()
        again = index.search("numbers", 1000)
    assert {hit[:2] for hit in found} < {hit[:2] for hit in again}
    base = sqlite3.connect(file)
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()


def test_the_index_of_another_directory_is_not_taken_for_this_one(tmp_path):
    one, other, file = tmp_path / "one", tmp_path / "other", tmp_path / "index.db"
    write(one, story(1), session_id="s")
    with SearchIndex(one, file) as index:
        index.update()
    shutil.copytree(one, other)
    (other / "s.jsonl").rename(other / "t.jsonl")
    with SearchIndex(other, file) as index:
        index.update()
        assert {hit.session for hit in index.search("numbers")} == {"t"}
