"""A session is watched while another process writes it."""

import asyncio
import os
import signal

import pytest

from llmrepl.sessions.format import encode_line
from llmrepl.sessions.lock import holder
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.watching import Watching, went_on
from tests.cli.machine import Machine, until
from tests.sessions.sample import notes, read, write
from tests.sessions.test_holding import held, python

SLOW = """
import os, time
print('begun', flush=True)
while not os.path.exists({!r}):
    time.sleep(0.02)
"""

MOVE = """
import sys
from pathlib import Path
from llmrepl.sessions.log import SessionLog

log, _ = SessionLog.open(Path(sys.argv[1]), sys.argv[2])
print(flush=True)
sys.stdin.readline()
other, _ = SessionLog.open(Path(sys.argv[1]), sys.argv[3])
log.close()
sys.stdin.readline()
"""


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def watched(path, during):
    """Return what was seen of a session, and why it ended; `during` is told of each record."""

    async def follow():
        watching, seen = Watching(path), []
        async for _, record in watching.lines():
            seen.append(record)
            during(len(seen))
        return seen, watching.ended

    return asyncio.run(asyncio.wait_for(follow(), 20))


def later(log, *steps):
    """Return what takes one step each time that it is called with the next number of records."""
    waiting = dict(enumerate(steps, log.seq))

    def step(number):
        if number in waiting:
            asyncio.get_running_loop().call_later(0.1, waiting.pop(number))

    return step


def test_what_comes_is_seen_until_the_holder_closes_the_session(tmp_path):
    path = write(tmp_path, notes(2))
    log, _ = SessionLog.open(tmp_path, path.stem)
    records = notes(4)
    seen, ended = watched(
        path,
        later(log, lambda: log.append(records[2]), lambda: log.append(records[3]), log.close),
    )
    assert seen == records
    assert ended.startswith(f"process {os.getpid()} on ")
    assert ended.endswith(" has closed it")


def test_a_session_that_nobody_writes_is_shown_to_its_end(tmp_path):
    path = write(tmp_path, notes(3))
    assert watched(path, lambda _: None) == (notes(3), "nobody is writing it")


def test_a_line_that_is_being_written_is_waited_for(tmp_path):
    path = write(tmp_path, notes(1))
    log, _ = SessionLog.open(tmp_path, path.stem)
    line = encode_line(log._last, notes(2)[1]) + b"\n"

    def piece(begin, end):
        os.write(log._descriptor, line[begin:end])

    def rest():
        piece(20, len(line) - 1)  # all of it but for its newline
        asyncio.get_running_loop().call_later(0.1, piece, len(line) - 1, len(line))
        asyncio.get_running_loop().call_later(0.2, log.close)

    def begin():
        piece(0, 20)
        asyncio.get_running_loop().call_later(0.2, rest)

    assert watched(path, later(log, begin))[0] == notes(2) == read(path)


def test_a_line_that_was_taken_back_comes_again(tmp_path):
    path = write(tmp_path, notes(2))
    log, _ = SessionLog.open(tmp_path, path.stem)
    whole = path.stat().st_size
    record = notes(3, "another")[2]

    def back():
        os.truncate(path, whole - 10)
        asyncio.get_running_loop().call_later(0.2, again)

    def again():
        os.truncate(path, 0)
        with path.open("wb") as file:
            file.write(content)
        log._size = whole
        log.append(record)
        asyncio.get_running_loop().call_later(0.2, log.close)

    content = path.read_bytes()
    assert watched(path, later(log, back))[0] == [*notes(2), record]


def test_what_a_killed_holder_had_begun_to_write_is_not_shown(tmp_path):
    path = write(tmp_path, notes(2))
    with held(tmp_path, path.stem) as process:
        with path.open("ab") as file:
            file.write(b'{"prev":"12')

        seen, ended = watched(path, lambda number: number == 2 and process.kill())
    assert seen == notes(2)
    assert ended == "line 4: it was never finished"


def test_damage_and_deletion_end_it(tmp_path):
    path = write(tmp_path, notes(2))
    log, _ = SessionLog.open(tmp_path, path.stem)
    steps = later(log, lambda: os.write(log._descriptor, b"{}\n"))
    assert watched(path, steps) == (notes(2), "line 4: its seq is None where 3 must follow")
    os.truncate(path, path.stat().st_size - 3)
    assert watched(path, later(log, path.unlink)) == (notes(2), "it was deleted")
    log.close()


def test_where_the_holder_goes_on_is_found(tmp_path):
    first, second = write(tmp_path, notes(2)), write(tmp_path, notes(2))
    with held(tmp_path, first.stem):
        before = holder(first)
        assert went_on(tmp_path, before) == first.stem
        assert went_on(tmp_path, before._replace(pid=before.pid + 1)) == ""
    assert holder(second) is None


def test_a_run_is_watched_live_and_gone_on_with_in_a_copy_meanwhile(machine):
    place = machine.root / "real"
    place.mkdir()
    machine.env |= {"LLMREPL_SANDBOX_WRITE": str(place), "LLMREPL_APPROVAL": "auto"}
    block = SLOW.format(str(place / "enough"))
    model = machine.script("Hi.", f"Wait.\n\n<helpers>\n{block}</helpers>\n", "All done.")
    assert machine.run("run", "--model", model, "--session", "s", "hi").code == 0
    run = machine.start("run", "--resume", "s", "Go.")
    path = machine.sessions / "s.jsonl"
    until(lambda: b'"tool.started"' in path.read_bytes())
    watch = machine.start("sessions", "watch", "s", "--display", "plain")
    said = watch.stderr.readline().decode()
    refused = machine.run("run", "--resume", "s", "No.")
    copied = machine.run("run", "--fork", "s", "--output", "json")
    (place / "enough").touch()
    out, err = run.communicate(timeout=30)
    assert (out, err) == (b"All done.\n", b"")
    shown, rest = (text.decode() for text in watch.communicate(timeout=30))
    assert watch.returncode == 0
    assert "Hi." in shown
    assert "begun" in shown
    assert "All done." in shown
    assert f"s is being written by process {run.pid} on" in said
    assert rest.splitlines()[-1].endswith("has closed it")
    assert refused.code == 1
    assert f"session s is being written by process {run.pid} on" in refused.err
    assert "llmrepl --fork s" in refused.err
    # The copy ends with the last whole turn: the block does not run in it too.
    assert (copied.code, copied.json["steps"]) == (0, 0), copied
    assert "a copy of its first" in copied.err
    lines = machine.log(copied.json["session"])
    assert [line["type"] for line in lines[1:]].count("turn.started") == 1
    assert lines[-1]["type"] == "turn.finished"


def test_a_session_that_nobody_writes_is_gone_on_with_in_a_copy_from_its_end(machine):
    model = machine.script("Hi.", "Again.")
    assert machine.run("run", "--model", model, "--session", "s", "hi").code == 0
    before = (machine.sessions / "s.jsonl").read_bytes()
    copied = machine.run("run", "--fork", "s", "--output", "json", "more")
    assert (copied.code, copied.err, copied.json["answer"]) == (0, "", "Again.")
    header, *lines = machine.log(copied.json["session"])
    assert header["forked_from"] == {"id": "s", "seq": before.count(b"\n") - 1}
    assert [line["type"] for line in lines].count("turn.finished") == 2
    assert (machine.sessions / "s.jsonl").read_bytes() == before
    wrong = machine.run("run", "--fork", "nothing", "more")
    assert wrong.code == 1
    assert "there is no session 'nothing'" in wrong.err


def test_where_a_chat_went_on_is_told_to_who_watched_it(machine):
    first, second = (write(machine.sessions, notes(2)) for _ in range(2))
    moves = MOVE, machine.sessions, first.stem, second.stem
    with python(*moves) as process:
        process.stdout.readline()
        watch = machine.start("sessions", "watch", first.stem, "--json")
        watch.stderr.readline()
        process.stdin.write("\n")
        process.stdin.flush()
        told = watch.communicate(timeout=20)[1].decode()
        process.kill()
    assert f"it goes on in session {second.stem}: llmrepl sessions watch {second.stem}" in told


def test_the_lines_are_printed_as_they_are_logged_and_ctrl_c_ends_watching(tmp_path, machine):
    path = write(machine.sessions, notes(2))
    with held(machine.sessions, path.stem):
        watch = machine.start("sessions", "watch", str(path), "--json")
        lines = [watch.stdout.readline() for _ in range(2)]
        watch.send_signal(signal.SIGINT)
        assert watch.communicate(timeout=10)[0] == b""
        assert watch.returncode == 0
    assert b"".join(lines) == path.read_bytes().split(b"\n", 1)[1]
