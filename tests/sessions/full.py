"""Fills the disk that it is started on with a session, makes room, and goes on.

Arguments: a directory on a small file system of its own, and one where there is room.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from llmrepl.audit.reading import verify
from llmrepl.compose import assemble
from llmrepl.compose.opening import Wanted
from llmrepl.config import load
from llmrepl.config.paths import audit_directory
from llmrepl.errors import SessionError
from llmrepl.parts import Text
from llmrepl.sessions.reader import LogReader
from tests.cli.machine import Machine

BLOCKS = 6
LOUD = "Say {0}.\n\n<helpers>\nprint('block {0}', 'x' * 9000)\n</helpers>\n"
SPACE = "No space left on device"


class Disk:
    """A machine on a disk that can be filled."""

    def __init__(self, small, roomy):
        self.machine = Machine(small / "machine")
        self.machine.env["TMPDIR"] = str(roomy)
        self.ballast = small / "ballast"
        self.model = self.machine.script(*map(LOUD.format, range(BLOCKS)), "All done.")

    def fill(self, *, but=0):
        """Leave `but` bytes."""
        with self.ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        os.truncate(self.ballast, self.ballast.stat().st_size // 4096 * 4096 - but)

    def free(self):
        self.ballast.unlink()

    def records(self, name):
        reader = LogReader(self.machine.sessions / f"{name}.jsonl")
        lines = [line for line, _ in reader.lines()]
        assert reader.problem is None, reader.problem
        return lines

    def run(self, *arguments):
        return self.machine.run("run", "--model", self.model, *arguments)


def runs_and_commands(disk):
    """A turn that fills the disk, then whatever else writes; then there is room again."""
    disk.fill(but=40 * 1024)
    ran = disk.run("--session", "s", "--output", "stream-json", "Go.")
    assert ran.code == 1, ran
    assert SPACE in ran.err, ran
    assert "free some space" in ran.err, ran
    told = [line.encode() for line in ran.lines]
    assert told == disk.records("s")
    assert told

    again = disk.run("--resume", "s")
    assert (again.code, again.out) == (1, ""), again
    assert SPACE in again.err, again
    assert disk.records("s")[: len(told)] == told
    assert disk.machine.run("sessions", "list").out.startswith("s ")
    assert "block 0" in disk.machine.run("sessions", "show", "s").out

    written = nothing_else_fits(disk)

    disk.free()
    done = disk.run("--resume", "s")
    assert (done.code, done.out) == (0, "All done.\n"), done
    lines = disk.records("s")
    assert lines[: len(told)] == told
    types = Counter(json.loads(line)["type"] for line in lines)
    assert types["turn.started"] == types["turn.finished"] == 1
    calls = [json.loads(x)["data"]["call_id"] for x in lines if b'"type":"tool.started"' in x]
    assert len(calls) == len(set(calls)) == BLOCKS
    assert disk.machine.run("sessions", "search", "block").out.startswith("s ")
    assert disk.machine.run("sessions", "export", "s", "--output", str(written)).code == 0
    assert verify(audit_directory(disk.machine.env)).damage is None


def nothing_else_fits(disk):
    """Try to write whatever else can be written; return where an export would have been."""
    disk.fill()
    written = disk.machine.project / "export.md"
    export = disk.machine.run("sessions", "export", "s", "--output", str(written))
    assert export.code == 1
    assert SPACE in export.err
    assert not written.exists()
    search = disk.machine.run("sessions", "search", "block")
    assert search.code == 1, search
    assert "free some space" in search.err, search
    forked = disk.run("--fork", "s")
    assert forked.code == 1
    assert SPACE in forked.err
    fresh = disk.run("--session", "t", "Go.")
    assert fresh.code == 1
    assert SPACE in fresh.err
    assert sorted(file.name for file in disk.machine.sessions.iterdir()) == ["blobs", "s.jsonl"]
    return written


def one_process(disk):
    """The same in one process, which goes on where it was when there is room."""
    os.environ.clear()
    os.environ |= disk.machine.env
    os.chdir(disk.machine.project)
    asyncio.run(_one_process(disk))


async def _one_process(disk):
    loaded = load({"model": disk.model}, os.environ, Path.cwd())
    assembly = await assemble(loaded.config, wanted=Wanted(session="s"))
    await assembly.start_sandbox()
    disk.fill(but=40 * 1024)
    with pytest.raises(SessionError, match=SPACE):
        await assembly.runtime.turn((Text("Go."),))
    told = disk.records("s")
    disk.free()
    assert await assembly.runtime.resume() == "end_turn"
    assert await assembly.runtime.command("echo typed") == "end_turn"
    await assembly.close()
    assert disk.records("s")[: len(told)] == told
    types = Counter(json.loads(line)["type"] for line in disk.records("s"))
    assert types["tool.started"] == types["tool.finished"] == BLOCKS + 1
    assert b"typed" in disk.records("s")[-1]


if __name__ == "__main__":
    {one.__name__: one for one in (runs_and_commands, one_process)}[sys.argv[1]](
        Disk(*map(Path, sys.argv[2:]))
    )
    sys.stdout.write("all well\n")
