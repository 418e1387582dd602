"""Two processes and one session: who holds it is known, and it changes hands safely."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmrepl.errors import SessionError, SessionLocked
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.drafts import place
from llmrepl.sessions.lock import Holder, holder, lock
from llmrepl.sessions.log import SessionLog
from tests.sessions.sample import notes, read, write

ROOT = Path(__file__).parents[2]
HERE = os.uname().nodename

HOLD = """
import sys
from pathlib import Path
from llmrepl.sessions.log import SessionLog

log, records = SessionLog.open(Path(sys.argv[1]), sys.argv[2])
print(len(records), flush=True)
sys.stdin.readline()
log.close()
"""

APPEND = """
import sys, time
from pathlib import Path
from llmrepl.sessions.log import SessionLog
from tests.sessions.sample import notes

log, records = SessionLog.open(Path(sys.argv[1]), sys.argv[2])
print(len(records), flush=True)
for record in notes(5000)[len(records):]:
    log.append(record)
print("done", flush=True)
sys.stdin.readline()
"""

LOOK = """
import sys
from pathlib import Path
from llmrepl.sessions.lock import holder

print(flush=True)
while True:
    holder(Path(sys.argv[1]))
"""

FORK = """
import sys
from pathlib import Path
from llmrepl.sessions.branching.forking import fork

sys.stdin.readline()
try:
    print(fork(Path(sys.argv[1]), sys.argv[2], name=sys.argv[3]))
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""


def python(script, *arguments, before=(), **options):
    return subprocess.Popen(
        [*before, sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        **options,
    )


@contextmanager
def held(directory, session_id, **options):
    with python(HOLD, directory, session_id, **options) as process:
        assert process.stdout.readline() == "2\n"
        yield process
        process.kill()


def note_of(path):
    return path.with_suffix(".holder")


def test_a_second_process_is_refused_and_told_who_writes_where_and_since_when(tmp_path):
    path = write(tmp_path, notes(2))
    before = time.time()
    with held(tmp_path, path.stem) as process:
        with pytest.raises(SessionLocked) as caught:
            SessionLog.open(tmp_path, path.stem)
        found = re.fullmatch(
            rf"session {path.stem} is being written by process {process.pid} on {HERE}"
            r" since \d\d:\d\d:\d\d",
            caught.value.message,
        )
        assert found, caught.value.message
        assert f"llmrepl --fork {path.stem}" in caught.value.hint
        assert f"llmrepl sessions watch {path.stem}" in caught.value.hint
        told = holder(path)
        assert (told.pid, told.host, told.terminal) == (process.pid, HERE, "")
        assert before - 1 <= told.since / 1000 <= time.time()
    log, records = SessionLog.open(tmp_path, path.stem)
    log.close()
    assert records == notes(2)
    assert not note_of(path).exists()


def test_the_terminal_of_the_holder_is_told(tmp_path):
    path = write(tmp_path, notes(2))
    leader, follower = pty.openpty()
    try:
        with held(tmp_path, path.stem, stderr=follower):
            assert holder(path).terminal == os.ttyname(follower)
            with pytest.raises(SessionLocked, match=f"in {os.ttyname(follower)} since"):
                SessionLog.open(tmp_path, path.stem)
    finally:
        os.close(leader)
        os.close(follower)


def test_nobody_holds_a_session_that_was_closed_or_never_was(tmp_path):
    path = write(tmp_path, notes(2))
    assert holder(path) is None
    assert holder(tmp_path / "nothing.jsonl") is None
    log, _ = SessionLog.open(tmp_path, path.stem)
    assert holder(path).pid == os.getpid()
    log.close()
    assert holder(path) is None


@pytest.mark.parametrize(
    "note",
    [
        '{"pid":%d,"host":"%s","since":1,"terminal":"/dev/pts/77","started":"1"}',
        '{"pid":1,"host":"%.0d%s","since":1,"terminal":"/dev/pts/77","started":""}',
        "%.0d%.0s",
        '{"pid":%d,"host":["%s"]}',
        "%.0d%.0s[]",
    ],
    ids=["the number is another's now", "another process", "empty", "torn", "something else"],
)
def test_a_stale_note_is_not_believed_where_the_kernel_knows_better(tmp_path, note):
    path = write(tmp_path, notes(2))
    with held(tmp_path, path.stem) as process:
        note_of(path).write_text(note % (process.pid, HERE))
        assert holder(path) == Holder(process.pid, HERE)


def test_a_note_of_a_dead_process_keeps_nobody_out(tmp_path):
    path = write(tmp_path, notes(2))
    with held(tmp_path, path.stem) as process:
        process.kill()
        process.wait()
        assert note_of(path).exists()
        assert holder(path) is None
        log, records = SessionLog.open(tmp_path, path.stem)
        assert holder(path).pid == os.getpid()
        log.close()
    assert records == notes(2)


def test_of_a_holder_that_the_kernel_does_not_show_the_note_tells(tmp_path):
    path = write(tmp_path, notes(2))
    # In a pid namespace of its own, /proc/locks does not name who is outside of it.
    alone = ("bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--")
    with SessionLog.open(tmp_path, path.stem)[0]:
        noted = json.loads(note_of(path).read_text())
        note_of(path).write_text(json.dumps({**noted, "host": "elsewhere", "pid": 4242}))
        with python(HOLD, tmp_path, path.stem, before=alone, stderr=subprocess.PIPE) as second:
            _, err = second.communicate()
    assert "is being written by process 4242 on elsewhere" in err, err


def test_looking_who_holds_a_session_keeps_nobody_out_of_it(tmp_path):
    path = write(tmp_path, notes(2))
    note_of(path).write_text("{}")
    with python(LOOK, path) as process:
        process.stdout.readline()
        for _ in range(100):
            log, _ = SessionLog.open(tmp_path, path.stem)
            note_of(path).write_text("{}")
            log.close()
            note_of(path).write_text("{}")
        process.kill()


def test_a_session_that_is_deleted_while_it_is_opened_is_not_written(tmp_path):
    path = write(tmp_path, notes(2))
    descriptor = os.open(path, os.O_RDWR)
    path.unlink()
    with pytest.raises(SessionError, match="was deleted just now"):
        lock(descriptor, path)
    os.close(descriptor)


def test_of_two_that_begin_the_same_session_at_once_one_is_refused(tmp_path):
    first = SessionLog.create(tmp_path, session_id="same")
    second = SessionLog.create(tmp_path, session_id="same")
    with first, second:
        first.append(notes(1)[0])
        with pytest.raises(SessionError):
            second.append(notes(1)[0])
    assert read(first.path) == notes(1)


def test_forks_made_while_the_holder_writes_are_sound_and_lose_nothing(tmp_path):
    path = write(tmp_path, notes(2))
    with python(APPEND, tmp_path, path.stem) as writer:
        writer.stdout.readline()
        forks = []
        while len(forks) < 5 or len(read(tmp_path / f"{forks[-1]}.jsonl")) < 5000:
            forks.append(fork(tmp_path, path.stem))
        writer.kill()
    for name in forks:
        records = read(tmp_path / f"{name}.jsonl")
        assert records == notes(5000)[: len(records)]
    assert read(path) == notes(5000)


def test_of_forks_to_one_name_at_once_exactly_one_is_made(tmp_path):
    path = write(tmp_path, notes(2))
    several = [python(FORK, tmp_path, path.stem, "copy") for _ in range(4)]
    for process in several:
        process.stdin.write("\n")
        process.stdin.flush()
    told = sorted(process.communicate()[0] for process in several)
    assert told[-1] == "copy\n"
    assert all("SessionError: there is a session copy" in one for one in told[:-1])
    assert read(tmp_path / "copy.jsonl") == notes(2)
    assert sorted(tmp_path.iterdir()) == sorted([path, tmp_path / "copy.jsonl"])


def test_a_draft_that_a_crash_left_goes_and_one_that_is_being_written_stays(tmp_path):
    path = write(tmp_path, notes(2))
    (tmp_path / "left.draft").write_text("half of it")

    def content():
        yield b"one\n"
        place(tmp_path / "second", [b"two\n"])
        yield b"three\n"

    place(tmp_path / "first", content())
    assert (tmp_path / "first").read_bytes() == b"one\nthree\n"
    assert (tmp_path / "first").stat().st_mode & 0o777 == 0o600
    assert {entry.name for entry in tmp_path.iterdir()} == {path.name, "first", "second"}
