"""A process is killed after any record, and the session goes on as if nothing had been lost.

What really ran is seen from outside: every block writes its name into a named pipe of the
project, which the test holds open.
"""

import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from llmrepl.sessions.reader import LogReader
from tests.cli.machine import until

DRIVER = str(Path(__file__).with_name("killed.py"))
MODEL = "openai/x"
TURN = (
    'One.\n\n<helpers>\nopen("ran", "w").write("python\\n")\n</helpers>\n',
    'Two.\n\n<helpers lang="bash">\necho bash > ran\n</helpers>\n',
    "Done.",
)
TYPES = (
    *("turn.started", "system.set"),
    *("step.started", "tool.requested", "message.finished"),
    *("tool.started", "tool.finished", "step.finished"),
    *("step.started", "tool.requested", "message.finished"),
    *("tool.started", "tool.finished", "step.finished"),
    *("step.started", "message.finished", "step.finished"),
    "turn.finished",
)


@pytest.fixture
def ran(machine):
    """What blocks have run, counted by name."""
    path = machine.project / "ran"
    os.mkfifo(path)
    machine.env["LLMREPL_SANDBOX_PROJECT"] = "read-only"  # a copy has a pipe of its own
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def counted():
        try:
            return Counter(os.read(reader, 4096).decode().split())
        except BlockingIOError:
            return Counter()

    yield counted
    os.close(reader)


def durable(machine, session):
    reader = LogReader(machine.sessions / f"{session}.jsonl")
    records = list(reader)
    assert reader.problem is None
    return records


def types(records):
    return [record.event.type for record in records]


def test_an_undisturbed_turn_has_the_records_that_the_kills_aim_at(machine, serve, ran):
    serve(*TURN, stateless=True)
    told = machine.run("run", "--model", MODEL, "--session", "s", "Go.")
    assert (told.code, told.out) == (0, "Done.\n")
    assert types(durable(machine, "s")) == list(TYPES)
    assert ran() == {"python": 1, "bash": 1}


@pytest.mark.parametrize("number", range(1, len(TYPES) + 1))
def test_a_turn_killed_after_any_record_goes_on_to_its_end(machine, serve, ran, number):
    server = serve(*TURN, stateless=True)
    killed = machine.run(MODEL, "s", number, command=(sys.executable, DRIVER))
    assert killed.code == -signal.SIGKILL, killed
    assert types(durable(machine, "s")) == list(TYPES[:number])

    resumed = machine.run("run", "--model", MODEL, "--resume", "s", "--output", "json")

    assert (resumed.code, resumed.err) == (0, ""), resumed
    assert resumed.json["answer"] == "Done."
    records = durable(machine, "s")
    assert records[-1].event.reason == "end_turn"
    found = Counter(types(records))
    assert found["turn.started"] == found["turn.finished"] == 1

    # Every call has begun once and ended once, and only the one in doubt has not surely run.
    last = TYPES[number - 1]
    in_doubt = [records[number - 1].event.call_id] if last == "tool.started" else []
    events = [record.event for record in records]
    started = [event.call_id for event in events if event.type == "tool.started"]
    ended = {event.call_id: event.status for event in events if event.type == "tool.finished"}
    assert len(started) == len(set(started)) == found["tool.finished"] == 2
    assert ended == {call: "unknown" if call in in_doubt else "ok" for call in started}
    assert ran() == {
        name: 1
        for name, call in zip(("python", "bash"), started, strict=True)
        if call not in in_doubt
    }

    # The model is asked again only for a message that was lost, and told of the call in doubt.
    assert len(server.requests) == 3 + (last == "tool.requested")
    told = [
        any('status="unknown"' in message["content"] for message in request.body["messages"])
        for request in server.requests
    ]
    assert told == {
        6: [False, True, True],
        12: [False, False, True],
    }.get(number, [False] * len(told))


def test_a_resumed_run_tells_of_the_calls_that_were_left_unfinished(machine, serve):
    serve(*TURN, stateless=True)
    machine.run(MODEL, "s", 6, command=(sys.executable, DRIVER))
    told = machine.run("run", "--model", MODEL, "--resume", "s", "--output", "json").json
    python, bash = told["tool_calls"]
    assert python["code"] == 'open("ran", "w").write("python\\n")'
    assert (python["language"], python["status"]) == ("python", "unknown")
    assert "not run again" in python["reason"]
    assert bash["language"] == "bash"


def test_a_killed_run_takes_its_blocks_with_it(machine, serve, ran):
    code = "import os, time\nopen('ran', 'w').write('begun\\n')\ntime.sleep(60)"
    serve(f"Wait.\n\n<helpers>\n{code}\n</helpers>\n", "It was cut off.", stateless=True)
    process = machine.start("run", "--model", MODEL, "--session", "s", "Go.")
    until(lambda: ran()["begun"])
    assert machine.processes()
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    until(lambda: not machine.processes())

    resumed = machine.run("run", "--model", MODEL, "--resume", "s")
    assert (resumed.code, resumed.out) == (0, "It was cut off.\n")
    assert ran()["begun"] == 0


def test_what_was_cut_in_the_middle_of_a_record_is_said(machine, serve):
    serve(*TURN, stateless=True)
    machine.run(MODEL, "s", 6, command=(sys.executable, DRIVER))
    path = machine.sessions / "s.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    resumed = machine.run("run", "--model", MODEL, "--resume", "s")
    assert (resumed.code, resumed.out) == (0, "Done.\n")
    assert "was never finished" in resumed.err
    assert types(durable(machine, "s"))[-1] == "turn.finished"
