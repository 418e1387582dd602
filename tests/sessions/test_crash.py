import subprocess
import sys
from pathlib import Path

import pytest

from llmrepl.sessions.log import SessionLog
from tests.sessions.sample import notes, read

ROOT = Path(__file__).parents[2]

WRITER = """
import itertools, sys
from pathlib import Path
from llmrepl.events import NoteAdded
from llmrepl.record import Record
from llmrepl.sessions.log import SessionLog

log = SessionLog.create(Path(sys.argv[1]), session_id="victim")
for seq in itertools.count(1):
    log.append(Record(seq, seq, 0, 0, NoteAdded(text="remember " * (seq % 90))))
    print(seq, flush=True)
"""

LIMITED = """
import resource, sys
from pathlib import Path
from llmrepl.errors import SessionError
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from tests.sessions.sample import notes

records = notes(400, "x" * 300)
log = SessionLog.create(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
failures = 0
while log.seq < len(records):
    try:
        log.append(records[log.seq], sync=log.seq % 50 == 0)
    except SessionError as error:
        assert "File too large" in error.message and error.hint, error
        reader = LogReader(log.path)
        assert list(reader) == records[: log.seq] and reader.problem is None
        failures += 1
        if failures == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
assert failures == 3
assert list(LogReader(log.path)) == records
print("all there")
"""

FULL = """
import sys
from pathlib import Path
from llmrepl.errors import SessionError
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from tests.sessions.sample import notes

disk = Path(sys.argv[1])
ballast = disk / "ballast"
ballast.write_bytes(bytes(24 * 1024))
records = notes(120, "x" * 300)
log = SessionLog.create(disk / "sessions")
full = False
for record in records:
    try:
        log.append(record)
    except SessionError as error:
        assert not full and "No space left on device" in error.message, error
        assert "free some space" in error.hint
        reader = LogReader(log.path)
        assert list(reader) == records[: log.seq] and reader.problem is None
        full = True
        ballast.unlink()
        log.append(record)
assert full
assert list(LogReader(log.path)) == records

filler = (disk / "filler").open("wb", buffering=0)
try:
    while True:
        filler.write(bytes(4096))
except OSError:
    pass
late = SessionLog.create(disk / "sessions")
try:
    late.append(records[0])
except SessionError as error:
    assert "No space left on device" in error.message, error
else:
    raise AssertionError("the disk was not full")
assert not late.path.exists()
filler.close()
(disk / "filler").unlink()
late.append(records[0])
assert list(LogReader(late.path)) == records[:1]
print("all there")
"""


def _python(script, *arguments, before=()):
    command = [*before, sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


@pytest.mark.parametrize("acknowledged", [1, 40, 700])
def test_what_was_appended_survives_a_kill(tmp_path, acknowledged):
    with _python(WRITER, tmp_path) as writer:
        for _ in range(acknowledged):
            seen = int(writer.stdout.readline())
        writer.kill()
        seen = int(([str(seen), *writer.stdout.read().split("\n")[:-1]])[-1])
    log, records = SessionLog.open(tmp_path, "victim")
    with log:
        assert len(records) >= seen >= acknowledged
        assert [record.seq for record in records] == list(range(1, len(records) + 1))
        log.append(notes(len(records) + 1)[-1])
    assert len(read(log.path)) == len(records) + 1


def test_a_lock_does_not_outlive_its_process_in_a_child_of_it(tmp_path):
    with SessionLog.create(tmp_path) as log:
        log.append(notes(1)[0])
        with subprocess.Popen(["sleep", "60"]) as child:
            try:
                log.close()
                again, _ = SessionLog.open(tmp_path, log.id)
                again.close()
            finally:
                child.kill()


def test_a_line_that_only_partly_fits_is_taken_back(tmp_path):
    with _python(LIMITED, tmp_path) as process:
        assert process.communicate()[0] == "all there\n"


def test_a_full_disk_loses_nothing_and_the_session_goes_on_once_there_is_room(tmp_path):
    small = ["bwrap", "--dev-bind", "/", "/", "--size", "65536", "--tmpfs", str(tmp_path)]
    with _python(FULL, tmp_path, before=small) as process:
        assert process.communicate()[0] == "all there\n"
