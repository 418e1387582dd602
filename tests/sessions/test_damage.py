import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.errors import SessionError
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from tests.sessions.sample import PATIENT, notes, read, story, write

SESSION_ID = "20261121-101112-abcd"


def _bytes_of(records):
    with TemporaryDirectory() as folder:
        return write(Path(folder), records, session_id=SESSION_ID, created=1).read_bytes()


WHOLE = _bytes_of(story(1))
HEADER_END = WHOLE.index(b"\n") + 1


def _placed(directory, content):
    path = Path(directory) / f"{SESSION_ID}.jsonl"
    path.write_bytes(content)
    return path


@PATIENT
@given(st.integers(HEADER_END - 1, len(WHOLE)))
def test_a_log_cut_at_any_byte_opens_with_all_its_whole_records(cut):
    with TemporaryDirectory() as folder:
        path = _placed(folder, WHOLE[:cut])
        # A record whose newline alone is missing was written whole.
        whole = WHOLE[: cut + 1].count(b"\n") - 1
        log, records = SessionLog.open(Path(folder), SESSION_ID)
        with log:
            assert records == story(1)[:whole]
            assert log.id == SESSION_ID
            assert bool(log.repaired) == (WHOLE[cut - 1 : cut + 1].count(b"\n") == 0 and cut > 0)
            for record in story(1)[whole:]:
                log.append(record)
        assert path.read_bytes() == WHOLE


@pytest.mark.parametrize(
    "content",
    [*(WHOLE[:cut] for cut in (0, 1, 20, HEADER_END - 2)), bytes(9000), WHOLE[:30] + bytes(4000)],
    ids=range(6),
)
def test_a_session_that_never_had_a_whole_line_begins_anew(tmp_path, content):
    path = _placed(tmp_path, content)
    with pytest.raises(SessionError, match="line 1: its header is not JSON"):
        LogReader(path)
    log, records = SessionLog.open(tmp_path, SESSION_ID, cwd="/somewhere")
    with log:
        assert (records, log.seq, log.id) == ([], 0, SESSION_ID)
        assert log.repaired == (
            f"the first line of {path} was never finished: the session begins anew"
        )
        for record in story(1):
            log.append(record)
    assert read(path) == story(1)
    assert LogReader(path).header.cwd == "/somewhere"


@pytest.mark.parametrize(
    "content",
    [
        *(b"A text of somebody's.", bytes(5000) + WHOLE, WHOLE[1:30], WHOLE[:30] + b"\n"),
        b'{"llmrepl":"session",' + b"x" * 70_000,
    ],
    ids=range(5),
)
def test_a_file_that_could_be_something_else_is_never_begun_anew(tmp_path, content):
    path = _placed(tmp_path, content)
    with pytest.raises(SessionError, match="line 1"):
        SessionLog.open(tmp_path, SESSION_ID)
    assert path.read_bytes() == content


def test_a_torn_last_line_is_cut_off_and_reported(tmp_path):
    path = _placed(tmp_path, WHOLE + b'{"prev":"12')
    log, records = SessionLog.open(tmp_path, SESSION_ID)
    log.close()
    assert records == story(1)
    assert log.repaired.endswith("was never finished: 11 bytes were cut off")
    assert path.read_bytes() == WHOLE


def test_reading_leaves_a_torn_last_line_in_the_file_and_reports_it(tmp_path):
    path = _placed(tmp_path, WHOLE + b'{"prev":"12')
    reader = LogReader(path)
    assert list(reader) == story(1)
    assert reader.problem == (12, "it was never finished", True)
    assert path.read_bytes() == WHOLE + b'{"prev":"12'


@PATIENT
@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_yields_a_changed_record_but_for_the_last(position, change):
    damaged = bytearray(WHOLE)
    damaged[position] ^= change
    line = WHOLE[:position].count(b"\n") + 1
    with TemporaryDirectory() as folder:
        path = _placed(folder, damaged)
        try:
            reader = LogReader(path)
        except SessionError:
            assert line == 1
            return
        records = list(reader)
    # Nothing follows the last record that could vouch for it.
    assert records[:9] == story(1)[: len(records)][:9]
    if line <= 10:
        assert reader.problem is not None
        assert reader.problem.line in (line - 1, line)
        assert len(records) == max(0, reader.problem.line - 2)


def _edited(number, edit):
    lines = WHOLE.splitlines()
    data = json.loads(lines[number])
    edit(data)
    lines[number] = json.dumps(data, separators=(",", ":")).encode()
    return b"\n".join(lines) + b"\n"


LINES = WHOLE.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"".join([*LINES[:4], b"not json\n", *LINES[5:]]), 5, "it is not a JSON object"),
        (b"".join([*LINES[:4], b"\n", *LINES[4:]]), 5, "it is not a JSON object"),
        (b"".join([*LINES[:4], b"\xff\n", *LINES[5:]]), 5, "it is not a JSON object"),
        (b"".join([*LINES[:4], b"[" * 100_000, b"\n", *LINES[5:]]), 5, "it is not a JSON object"),
        (b"".join([*LINES[:4], b"{} {}\n", *LINES[5:]]), 5, "it is not a JSON object"),
        (b"".join([*LINES[:4], b"[]\n", *LINES[5:]]), 5, "it is not a JSON object"),
        (b"".join([*LINES[:4], *LINES[5:]]), 5, "its seq is 5 where 4 must follow"),
        (b"".join([*LINES[:5], *LINES[4:]]), 6, "its seq is 4 where 5 must follow"),
        (_edited(4, lambda data: data.update(at=1)), 5, "it, or line 6, was changed"),
        (_edited(4, lambda data: data.update(prev="0")), 4, "it, or line 5, was changed"),
        (_edited(1, lambda data: data.update(turn=7)), 2, "it, or line 3, was changed"),
        (_edited(4, lambda data: data.update(seq=9)), 5, "its seq is 9 where 4 must follow"),
        (_edited(4, lambda data: data.pop("seq")), 5, "its seq is None where 4 must follow"),
        (_edited(4, lambda data: data.pop("data")), 5, "its record cannot be decoded"),
        (_edited(4, lambda data: data.update(data=3)), 5, "its record cannot be decoded"),
        (_edited(4, lambda data: data["data"].pop("parts")), 5, "its record cannot be decoded"),
        (_edited(4, lambda d: d["data"]["cost"].update(input="x")), 5, "its record cannot be deco"),
    ],
    ids=range(17),
)
class TestDamageInTheMiddle:
    def test_reading_keeps_what_is_before_it_and_says_where_and_why(
        self, tmp_path, content, line, reason
    ):
        reader = LogReader(_placed(tmp_path, content))
        assert len(list(reader)) == line - 2
        assert reader.problem is not None
        assert reader.problem.line == line
        assert reader.problem.reason.startswith(reason)
        assert not reader.problem.torn

    def test_going_on_copies_the_good_part_and_leaves_the_file_alone(
        self, tmp_path, content, line, reason
    ):
        path = _placed(tmp_path, content)
        log, records = SessionLog.open(tmp_path, SESSION_ID)
        good = line - 2
        with log:
            assert log.id != SESSION_ID
            assert log.header.forked_from == (SESSION_ID, good)
            assert f"damaged at line {line}" in log.repaired
            assert log.id in log.repaired
            for record in notes(good + 1)[good:]:
                log.append(record)
        assert path.read_bytes() == content
        assert read(log.path) == [*records, *notes(good + 1)[good:]]
        assert len(records) == good


def test_a_whole_last_line_that_does_not_verify_is_damage_and_not_torn(tmp_path):
    content = WHOLE + LINES[3].rstrip(b"\n")
    path = _placed(tmp_path, content)
    log, _ = SessionLog.open(tmp_path, SESSION_ID)
    log.close()
    assert log.id != SESSION_ID
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"{}", "not a header of kind session"),
        (b"[1]", "not a header of kind session"),
        (b'{"llmrepl":"cassette","version":1}', "not a header of kind session"),
        (b'{"llmrepl":"session","version":4}', "version 4, .* reads 1 to 3: a newer one wrote it"),
        (b'{"llmrepl":"session","version":0}', "format version 0, and this llmrepl reads 1 to 3$"),
        (b'{"llmrepl":"session","version":true}', "format version True, and this llmrepl reads"),
        (b'{"llmrepl":"session"}', "format version None, and this llmrepl reads 1 to 3"),
        (b'{"llmrepl":"session","version":1,"id":"x"}', "does not hold what it must"),
        (
            b'{"llmrepl":"session","version":1,"id":"x","created":1,"cwd":"","forked_from":7}',
            "does not hold what it must",
        ),
    ],
)
def test_a_file_that_is_no_session_is_refused_with_the_reason(tmp_path, header, reason):
    path = _placed(tmp_path, header + b"\n")
    with pytest.raises(SessionError, match=reason) as caught:
        LogReader(path)
    assert f"{path} line 1" in caught.value.message


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SessionError, match=r"cannot read .*/nothing.jsonl: No such file"):
        LogReader(tmp_path / "nothing.jsonl")
    with pytest.raises(SessionError, match="there is no session 'nothing'") as caught:
        SessionLog.open(tmp_path, "nothing")
    assert "llmrepl sessions list" in caught.value.hint


def test_where_the_header_was_changed_no_record_is_vouched_for(tmp_path):
    path = _placed(tmp_path, WHOLE.replace(b'"cwd":""', b'"cwd":"/"', 1))
    reader = LogReader(path)
    assert list(reader) == []
    assert reader.problem == (1, "it, or line 2, was changed", False)
