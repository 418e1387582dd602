"""The audit log is written by several processes, and survives crashes and full disks."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmrepl.audit.log import AuditLog
from llmrepl.audit.place import NAME, files
from llmrepl.audit.reading import Report, entries, verify
from llmrepl.errors import SessionError
from llmrepl.redaction import Redactor
from tests.audit.trails import lines, numbers, repairs, write

ROOT = Path(__file__).parents[2]

WRITER = """
import itertools, sys
from pathlib import Path
from llmrepl.audit.log import AuditLog

directory, who, count, most = sys.argv[1:]
log = AuditLog(Path(directory), most=int(most))
for number in range(int(count)) if int(count) else itertools.count():
    log.append("test.made", {"who": who, "number": number, "text": "x" * (number % 300)})
    if not int(count):
        print(number, flush=True)
"""

FULL = """
import sys
from pathlib import Path
from llmrepl.audit.log import AuditLog
from llmrepl.audit.reading import verify
from llmrepl.errors import SessionError

disk = Path(sys.argv[1])
log = AuditLog(disk / "audit", most=int(sys.argv[2]))
log.append("test.made", {"number": 0})
filler = (disk / "filler").open("wb", buffering=0)
try:
    while True:
        filler.write(bytes(4096))
except OSError:
    pass
written, failed = 1, 0
while failed < 3:
    try:
        log.append("test.made", {"number": written, "text": "x" * 300})
        written += 1
    except SessionError as error:
        failed += 1
        assert "No space left on device" in error.message, error
        assert "nothing runs that cannot be audited" in error.hint
        report = verify(disk / "audit")
        assert (report.damage, report.torn, report.lines) == (None, False, written), report
filler.close()
(disk / "filler").unlink()
log.append("test.made", {"number": written})
report = verify(disk / "audit")
assert (report.damage, report.lines) == (None, written + 1), report
print("all there")
"""


def python(script, *arguments, before=()):
    command = [*before, sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
    )


def test_a_log_that_was_never_written_is_empty_and_sound(tmp_path):
    AuditLog(tmp_path / "audit").close()
    assert verify(tmp_path / "audit") == Report()
    assert not list(entries(tmp_path / "audit"))
    assert not (tmp_path / "audit").exists()


def test_a_line_says_when_who_and_what_after_what_was_before(tmp_path):
    log = AuditLog(tmp_path / "audit")
    before = time.time_ns() // 10**6
    log.append("test.made", {"text": "é\u2028", "prev": "not this"})
    log.append("test.made", {}, at=17)
    header, first, second = lines(tmp_path / "audit")
    assert (header["llmrepl"], header["version"], header["seq"]) == ("audit", 1, 0)
    assert (first["seq"], first["pid"], first["type"]) == (1, os.getpid(), "test.made")
    assert first["text"] == "é\u2028"
    assert before <= first["at"] <= time.time_ns() // 10**6
    assert (second["seq"], second["at"]) == (2, 17)
    assert verify(tmp_path / "audit").lines == 2
    log.close()
    log.close()


def test_nobody_else_can_read_it(tmp_path):
    write(tmp_path / "audit", 6, most=420)
    assert stat.S_IMODE((tmp_path / "audit").stat().st_mode) == 0o700
    found = list((tmp_path / "audit").iterdir())
    assert len(found) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


def test_a_closed_log_is_opened_again(tmp_path):
    log = AuditLog(tmp_path)
    log.append("test.made", {"number": 1})
    log.close()
    log.sync()
    log.append("test.made", {"number": 2})
    log.sync()
    log.close()
    assert numbers(tmp_path) == [1, 2]


def test_secrets_are_taken_out_and_long_texts_are_cut(tmp_path):
    log = AuditLog(tmp_path, Redactor([("A_KEY", "hush-hush-hush")]))
    text = "x" * 990 + "hush-hush-hush"
    log.append("test.made", {"hush-hush-hush": ["hush-hush-hush"], "text": text})
    log.close()
    data = lines(tmp_path)[1]
    assert data["[redacted:A_KEY]"] == ["[redacted:A_KEY]"]
    assert data["text"] == "x" * 990 + "[redacted:"
    assert b"hush" not in (tmp_path / NAME).read_bytes()


def test_a_full_file_is_put_aside_and_the_chain_goes_on(tmp_path):
    report = write(tmp_path, 9, most=420)
    assert (report.lines, report.seq, report.damage) == (9, 9, None)
    assert [path.name for path in files(tmp_path)] == [
        *("log-0000000001.jsonl", "log-0000000003.jsonl"),
        *("log-0000000005.jsonl", "log-0000000007.jsonl", "log.jsonl"),
    ]
    assert numbers(tmp_path) == list(range(1, 10))
    backwards = [data["number"] for _, data in entries(tmp_path, newest_first=True)]
    assert backwards == list(range(9, 0, -1))


@pytest.mark.parametrize("most", [8 * 2**20, 3000])
def test_two_processes_write_one_chain(tmp_path, most):
    writers = [python(WRITER, tmp_path, who, 300, most) for who in "ab"]
    ours = AuditLog(tmp_path, most=most)
    for number in range(300):
        ours.append("test.made", {"who": "c", "number": number})
    assert [writer.wait(60) for writer in writers] == [0, 0]
    report = verify(tmp_path)
    assert (report.lines, report.damage, report.torn) == (900, None, False)
    assert not repairs(tmp_path)
    for who in "abc":
        assert [data["number"] for _, data in entries(tmp_path) if data["who"] == who] == list(
            range(300)
        )
    for writer in writers:
        writer.stdout.close()
    ours.close()


@pytest.mark.parametrize("acknowledged", [3, 50, 400])
def test_a_killed_process_leaves_everything_that_was_acknowledged(tmp_path, acknowledged):
    writer = python(WRITER, tmp_path, "victim", 0, 5000)
    for _ in range(acknowledged):
        number = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    rest = [int(line) for line in writer.communicate()[0].splitlines()]
    assert verify(tmp_path).damage is None
    report = write(tmp_path, 1)
    assert report.damage is None
    assert numbers(tmp_path)[: max([number, *rest]) + 1] == list(range(max([number, *rest]) + 1))


def test_a_line_that_was_never_finished_is_cut_off_and_told(tmp_path):
    write(tmp_path, 2)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"prev":"torn')
    assert (verify(tmp_path).damage, verify(tmp_path).torn) == (None, True)
    log = AuditLog(tmp_path)
    log.append("test.made", {"number": 3})
    assert log.repaired == "a line was never finished: 13 bytes were cut off"
    log.close()
    assert repairs(tmp_path) == [log.repaired]
    assert (verify(tmp_path).damage, verify(tmp_path).torn) == (None, False)
    assert numbers(tmp_path) == [1, 2, 3]


def test_lines_that_the_head_does_not_know_count(tmp_path):
    """A process that is killed between its line and the head leaves it so."""
    write(tmp_path, 2)
    head = (tmp_path / "head").read_bytes()
    write(tmp_path, 1, first=3)
    (tmp_path / "head").write_bytes(head)
    with (tmp_path / NAME).open("r+b") as file:
        file.truncate((tmp_path / NAME).stat().st_size - 1)  # its newline was not written
    report = write(tmp_path, 1, first=4)
    assert (report.damage, report.lines) == (None, 4)
    assert not repairs(tmp_path)


@pytest.mark.parametrize("moment", ["renamed", "begun"])
def test_a_process_that_was_killed_while_a_file_was_put_aside_loses_nothing(tmp_path, moment):
    write(tmp_path, 2)
    head = (tmp_path / "head").read_bytes()
    write(tmp_path, 1, first=3, most=100)
    if moment == "renamed":
        (tmp_path / NAME).unlink()
    else:
        begun = (tmp_path / NAME).read_bytes().splitlines(keepends=True)[0]
        (tmp_path / NAME).write_bytes(begun)
    (tmp_path / "head").write_bytes(head)
    assert verify(tmp_path).damage is None
    report = write(tmp_path, 1, first=4)
    assert (report.damage, report.files) == (None, 2)
    assert numbers(tmp_path) == [1, 2, 4]
    assert not repairs(tmp_path)


@pytest.mark.parametrize("most", [8 * 2**20, 2000])
def test_a_full_disk_is_told_and_leaves_the_log_as_it_was(tmp_path, most):
    small = ["bwrap", "--dev-bind", "/", "/", "--size", "65536", "--tmpfs", str(tmp_path)]
    with python(FULL, tmp_path, most, before=small) as process:
        assert process.communicate(timeout=60)[0] == b"all there\n"


def test_a_log_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "audit").write_text("in the way")
    log = AuditLog(tmp_path / "audit")
    with pytest.raises(SessionError, match="cannot write to the audit log"):
        log.append("test.made", {})
    log.sync()
    log.close()


def test_who_holds_the_lock_for_ever_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("llmrepl.audit.log.PATIENCE", 0.1)
    import fcntl

    write(tmp_path, 1)
    log = AuditLog(tmp_path)
    with (tmp_path / "head").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(SessionError, match="another process holds its lock"):
            log.append("test.made", {"number": 2})
    log.append("test.made", {"number": 2})
    log.close()
    assert numbers(tmp_path) == [1, 2]


def test_a_log_that_was_moved_away_begins_anew(tmp_path):
    log = AuditLog(tmp_path / "audit")
    log.append("test.made", {"number": 1})
    (tmp_path / "audit").rename(tmp_path / "old")
    log.append("test.made", {"number": 2})
    log.close()
    assert numbers(tmp_path / "old") == [1]
    assert numbers(tmp_path / "audit") == [2]
    assert verify(tmp_path / "audit").damage is None
