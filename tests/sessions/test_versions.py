"""What older versions wrote is read for ever, and stays as it was."""

import json
from hashlib import sha256

import pytest

from llmrepl.errors import SessionError
from llmrepl.events import Custom
from llmrepl.record import Record, decode_record
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.format import SEALED, VERSION
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.migrations import STEPS, migrated
from llmrepl.sessions.reader import LogReader
from tests.sessions import opener
from tests.sessions import reader as independent
from tests.sessions.sample import lines_of, read
from tests.sessions.sealed import opening
from tests.sessions.test_schema import wrong
from tests.sessions.versions import first, sealed

DIGESTS = {
    1: "b940c92ce5e42cdd9bdea02533065328b1f07c8003043bc7e2a5b90d5efef111",
    3: "aeca449bb0880aa725930c96a7954a7580f181c9917f91b3f0da359de94cc6e2",
}
FIRST = first.FILE.read_bytes()


@pytest.fixture
def path(tmp_path):
    copy = tmp_path / first.FILE.name
    copy.write_bytes(FIRST)
    return copy


def test_every_version_has_a_file_that_never_changes():
    found = {
        version: sha256(first.FILE.with_name(f"version-{version}.jsonl").read_bytes()).hexdigest()
        for version in (*range(1, VERSION), SEALED)
    }
    assert found == DIGESTS


def test_there_is_a_step_from_every_version():
    assert list(STEPS) == list(range(1, VERSION))


def test_a_session_of_version_1_is_read_as_it_was_written():
    assert read(first.FILE) == first.RECORDS
    header = LogReader(first.FILE).header
    assert (header.version, header.cwd, header.forked_from) == (1, "/home/ada/π", ("older", 3))


def test_a_session_of_version_1_meets_the_schema_and_suits_the_other_reader():
    assert [error for line in lines_of(first.FILE) for error in wrong(line)] == []
    _, records, said = independent.read(first.FILE)
    assert (records, said) == (lines_of(first.FILE)[1:], [])


def test_a_sealed_session_is_read_as_it_was_written():
    with opening(sealed.IDENTITY):
        assert read(sealed.FILE) == sealed.RECORDS
        header = LogReader(sealed.FILE).header
    assert (header.version, header.cwd, header.forked_from) == (3, sealed.CWD, ("older", 0))


def test_a_sealed_session_meets_the_schema_and_suits_the_other_readers():
    assert [error for line in lines_of(sealed.FILE) for error in wrong(line)] == []
    *_, last = independent.told(*independent.read(sealed.FILE))
    assert last == "it is sealed: only a key opens its records"
    identity = sealed.IDENTITY.read_text().splitlines()[-1]
    header, records, said = opener.opened(sealed.FILE, identity)
    assert header["cwd"] == sealed.CWD
    assert [decode_record(record) for record in records] == sealed.RECORDS
    assert said == []


def test_reading_changes_no_byte(path):
    log, records = SessionLog.open(path.parent, path.stem)
    log.close()
    assert records == first.RECORDS
    assert path.read_bytes() == FIRST


def test_what_is_appended_has_the_version_of_the_file(path):
    record = Record(len(first.RECORDS) + 1, 1, 1, 1, Custom(name="x", data={"text": "x" * 99_999}))
    log, _ = SessionLog.open(path.parent, path.stem)
    with log:
        log.append(record)
    assert path.read_bytes().startswith(FIRST)
    assert "blobs" not in lines_of(path)[-1]
    assert not (path.parent / "blobs").exists()
    assert read(path) == [*first.RECORDS, record]


def test_a_fork_has_the_version_of_its_lines(path):
    copy = path.with_name(f"{fork(path.parent, path.stem)}.jsonl")
    assert lines_of(copy)[0]["version"] == 1
    assert read(copy) == first.RECORDS


def test_a_field_that_got_a_meaning_later_has_none_in_an_older_file(path):
    header, line = FIRST.split(b"\n")[:2]
    path.write_bytes(header + b"\n" + line[:-1] + b',"blobs":{"/data":7}}\n')
    assert read(path) == first.RECORDS[:1]


def test_the_steps_are_taken_one_after_the_other():
    steps = {
        version: lambda record, v=version: {**record, "way": [*record["way"], v]}
        for version in (1, 2, 3)
    }
    assert migrated({"way": []}, 2, steps, 4) == {"way": [2, 3]}
    assert migrated({"way": []}, 1, steps, 4) == {"way": [1, 2, 3]}
    assert migrated({"way": []}, 4, steps, 4) == {"way": []}


def test_a_newer_version_is_refused_and_its_file_left_alone(path):
    newer = FIRST.replace(b'"version":1', b'"version":99')
    path.write_bytes(newer)
    for attempt in (lambda: SessionLog.open(path.parent, path.stem), lambda: LogReader(path)):
        with pytest.raises(SessionError, match="99, and this llmrepl reads 1 to 3: a newer one"):
            attempt()
    assert path.read_bytes() == newer


def test_types_fields_and_parts_that_are_not_known_are_kept_in_a_fork(path):
    copy = path.with_name(f"{fork(path.parent, path.stem)}.jsonl")
    before, after = (
        [{**json.loads(line), "prev": ""} for line in file.read_bytes().splitlines()[1:]]
        for file in (path, copy)
    )
    assert before == after
