"""Kills sessions at random moments and looks at what is left: `python -m tests.sessions.killing`.

A moment is a time since the start, or a size that the files of the session have reached. What a
session has printed was acknowledged; what its blocks have done is in a file they write for real.
"""

import argparse
import contextlib
import json
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tty
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from llmrepl.audit.reading import verify
from llmrepl.config.paths import audit_directory, search_index
from llmrepl.conversation import Phase
from llmrepl.runtime import fold
from llmrepl.sessions.branching.forking import fork
from llmrepl.sessions.catalog import ids, session_path
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader, is_unbegun
from llmrepl.sessions.sealed.keys import KEYS
from llmrepl.sessions.search.index import SearchIndex
from tests.cli.machine import LLMREPL, Machine, until
from tests.sessions.killed import CONVERSATIONS, KINDS, WORD
from tests.sessions.versions import sealed

ROOT = Path(__file__).parents[2]
RUN, CHAT = "run", "chat"
"""The kinds that are `llmrepl run` and the chat themselves; the chat prints no records."""
SEALED = "sealed"
"""The kind that is encrypted."""

WINDOWS = {"tight": 1800}
"""How many tokens the model takes at once, in a kind of session where that is little."""

PYTHON = """Python.

<helpers>
with open({place!r}, 'a') as file:
    file.write('{name}\\n')
{more}</helpers>"""
BASH = """Bash.

<helpers lang="bash">
echo {name} >> {place}
{more}</helpers>"""
SUMMARY = """purpose: compact
rate: 100

The person wants needles. Files were appended to, and nothing has failed so far."""
_NAME = re.compile(r"(python|bash)-\d|typed")
LOUD = {"python": "print('x' * 300_000)\n", "bash": "seq 40000\n"}


class Moment(NamedTuple):
    """When to kill: `seconds` after the start, and not before `size` bytes have been written."""

    seconds: float
    size: int
    group: bool

    def __str__(self):
        whom = "group" if self.group else "process"
        return f"{self.size} bytes, then {self.seconds:.4f} s, {whom}"


class Killed(NamedTuple):
    """What one kill has shown: how many records were acknowledged, and what had begun."""

    kind: str
    acknowledged: int
    alive: bool
    twice: bool
    unknown: int
    wrong: str


class World:
    """A machine whose blocks leave their traces in a file."""

    def __init__(self, root, kind):
        self.kind = kind
        self.machine = machine = Machine(root)
        self.place = root / "real"
        self.place.mkdir()
        self.effects = self.place / "effects"
        self.model = machine.script(*replies(self.effects, loud=kind == "large"))
        machine.env |= {
            "LLMREPL_SANDBOX_WRITE": str(self.place),
            "LLMREPL_APPROVAL": "auto",
            "PYTHONPATH": str(ROOT),
        }
        if kind in WINDOWS:
            machine.env["LLMREPL_CONTEXT_WINDOW"] = str(WINDOWS[kind])
        KEYS.use([], sealed.IDENTITY)  # other kinds have no need of it
        if kind == SEALED:
            machine.env |= {
                "LLMREPL_SESSIONS_ENCRYPT": sealed.RECIPIENT,
                "LLMREPL_SESSIONS_IDENTITY": str(sealed.IDENTITY),
            }
        if kind == "import":
            chats = [
                [
                    {"role": role, "content": f"{WORD} {number} {'x' * 400}"}
                    for _ in range(20)
                    for role in ("user", "assistant")
                ]
                for number in range(CONVERSATIONS)
            ]
            (machine.project / "chats.json").write_text(json.dumps(chats))

    @property
    def command(self):
        if self.kind == RUN:
            options = ("--model", self.model, "--session", "first", "--output", "stream-json")
            return (LLMREPL, "run", *options, WORD)
        if self.kind == CHAT:
            return (LLMREPL, "--model", self.model, "--session", "first")
        return (sys.executable, "-m", "tests.sessions.killed", self.kind, self.model)

    def begin(self):
        return self.chat(self.command) if self.kind == CHAT else self.start(self.command)

    def start(self, command, name="printed"):
        root = self.machine.root
        with (root / name).open("wb") as printed, (root / f"{name}.err").open("wb") as narrated:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=narrated,
                cwd=self.machine.project,
                env=self.machine.env,
                start_new_session=True,
            )

    def chat(self, command):
        """Start a chat in a terminal, with everything typed ahead."""
        leader, follower = pty.openpty()
        tty.setraw(follower)  # Enter stays what it is before the chat has set its terminal
        process = subprocess.Popen(
            command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=self.machine.project,
            env=self.machine.env,
            start_new_session=True,
        )
        os.close(follower)
        os.write(leader, f"{WORD} 1\r!echo typed >> {self.effects}\r{WORD} 2\r".encode())
        threading.Thread(target=_drained, args=(leader, process)).start()
        return process

    def printed(self):
        """Return what was acknowledged: each session's lines, and the words about others."""
        lines, words = {}, []
        if self.kind == CHAT:
            path = self.machine.sessions / "first.jsonl"
            return ({"first": []} if path.exists() and not is_unbegun(path) else {}), words
        whole = (self.machine.root / "printed").read_bytes()
        for line in whole[: whole.rfind(b"\n") + 1].splitlines():
            if line.startswith(b"{"):
                lines.setdefault("first", []).append(line)
            elif b"{" not in line:
                words.append(tuple(line.decode().split()))
            else:
                session, _, record = line.partition(b" ")
                lines.setdefault(session.decode(), []).append(record)
        return lines, words

    def size(self):
        """Return how many bytes have been written for sessions and their index so far."""
        total = 0
        for folder in (self.machine.sessions, self.machine.sessions.parent):
            try:
                with os.scandir(folder) as entries:
                    total += sum(entry.stat().st_size for entry in entries if entry.is_file())
            except FileNotFoundError:
                continue
        return total


def _drained(leader, process):
    """Read what a chat writes until it ends, and let it end when it has said all."""
    seen = b""
    with contextlib.suppress(OSError):
        while piece := os.read(leader, 65536):
            seen = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", seen + piece)[-5000:]
            if b"Done with 2." in seen:
                os.write(leader, b"\x04")
                seen = b""
    process.wait()
    os.close(leader)


def replies(place, *, loud):
    """Return what the model says: four times a python and a bash block, and an answer.

    Before each it has a summary, for where one is asked for.
    """
    for turn in range(1, 5):
        for language, form in (("python", PYTHON), ("bash", BASH)):
            more = LOUD[language] if loud else ""
            yield SUMMARY
            yield form.format(place=str(place), name=f"{language}-{turn}", more=more)
        yield SUMMARY
        yield f"Done with {turn}."
    yield SUMMARY


def kill(world, moment, command=None, name="printed"):
    """Start a session and kill it at this moment; return whether it was still alive."""
    process = world.begin() if command is None else world.start(command, name)
    limit = time.monotonic() + 60
    try:
        while moment.size and process.poll() is None and world.size() < moment.size:
            time.sleep(0.0005)
        if moment.size:
            time.sleep(moment.seconds)
        else:
            process.wait(moment.seconds)
    except subprocess.TimeoutExpired:
        pass
    finally:
        alive = process.poll() is None
        if alive:
            (os.killpg if moment.group else os.kill)(process.pid, signal.SIGKILL)
        process.wait(max(1, limit - time.monotonic()))
    return alive


def measured(kind):
    """Return how long a session of this kind takes, and the sizes that its files pass through."""
    with tempfile.TemporaryDirectory() as root:
        world = World(Path(root), kind)
        began = time.monotonic()
        process = world.begin()
        seen = []
        while process.poll() is None:
            size = world.size()
            if size and (not seen or seen[-1] != size):
                seen.append(size)
            time.sleep(0.001)
        if process.returncode:
            raise AssertionError((Path(root) / "printed.err").read_text())
        wrong = judge(world, {}, [])
        assert not wrong, wrong
        assert kind not in ("compact", "tight") or summaries(world), "no summary was made"
        return time.monotonic() - began, seen


def summaries(world):
    """Return the compactions of the session that a model has made a summary for."""
    events = events_of(session_path(world.machine.sessions, "first"))
    made = [event for event in events if event.type == "context.compacted" and event.provider]
    return [event for event in made if not event.problem]


def judge(world, lines, words, *, finished=False):
    """Return what is wrong with what a killed session has left; empty where nothing is."""
    directory = world.machine.sessions
    if missing := (set(lines) | {word[1] for word in words}) - set(ids(directory)):
        return f"{missing} was acknowledged and is not there"
    started, well = {}, {}
    for name in ids(directory):
        wrong, records = opened(directory, name, lines.get(name, []))
        if wrong:
            return f"{name}: {wrong}"
        types = Counter(record.event.type for record in records)
        if finished and name in lines and types["turn.started"] != types["turn.finished"]:
            return f"{name}: a turn was not gone on with"
        codes, runs = {}, {}
        for record in records:
            event = record.event
            match event.type:
                case "tool.requested":
                    codes[event.call_id] = event.arguments["code"]
                case "tool.started" if event.call_id in runs:
                    return f"{name}: {event.call_id} was started twice"
                case "tool.started":
                    # A fork has the same calls, begun at the same time.
                    runs[event.call_id] = event.call_id, record.at
                    started[runs[event.call_id]] = codes[event.call_id]
                case "tool.finished" if event.status == "ok":
                    well[runs[event.call_id]] = codes[event.call_id]
    report = verify(audit_directory(world.machine.env))
    return counted(world, started, well) or (f"audit log: {report.damage}" if report.damage else "")


def opened(directory, name, told):
    """Return what is wrong with a session that `told` was acknowledged of, and its records."""
    path, raws = session_path(directory, name), []
    if not is_unbegun(path):
        reader = LogReader(path)
        raws = [reader.opened(raw) for raw, _ in reader.lines()]
        if reader.problem and not reader.problem.torn:
            return str(reader.problem), []
    first = json.loads(told[0])["seq"] - 1 if told else 0
    if told != raws[first : first + len(told)]:
        return "what was acknowledged is not there", []
    log, records = SessionLog.open(directory, name)
    log.close()
    if len(records) != len(raws) or log.id != name:
        return f"it was opened as {log.id} with {len(records)} of {len(raws)} records", []
    return "", records


def counted(world, started, well):
    """Return what ran more often than it was started, or did not run and is said to be well."""
    done = Counter(world.effects.read_text().split()) if world.effects.exists() else Counter()
    most, least = (Counter(_NAME.search(code)[0] for code in of.values()) for of in (started, well))
    if more := done - most:
        return f"ran more often than it was started: {more}"
    if less := least - done:
        return f"is said to have run, and did not: {less}"
    return ""


def searched(world, lines):
    """Return what is wrong with the listing and the index."""
    directory = world.machine.sessions
    for row in sessions(directory):
        if row.state in ("corrupt", "open elsewhere"):
            return f"{row.id} is listed as {row.state}"
    with SearchIndex(directory, search_index(world.machine.env, directory)) as index:
        index.update()
        found = {(hit.session, hit.seq) for hit in index.search(WORD, 10_000)}
    if world.kind == SEALED:
        return f"what is sealed stands in the open: {plain}" if (plain := _plain(world)) else ""
    for name, told in lines.items():
        for line in map(json.loads, told):
            if line["type"] == "turn.started" and (name, line["seq"]) not in found:
                return f"{name}: record {line['seq']} is not found"
    return ""


def _plain(world):
    """Return the files that show what a sealed session says."""
    files = (path for path in world.machine.home.rglob("*") if path.is_file())
    files = (path for path in files if not path.is_relative_to(world.machine.project))
    return [path for path in files if WORD.encode() in path.read_bytes()]


def resume(world, lines, moment):
    """Go on with what was left in a turn, killed again at `moment`; return what is wrong."""
    for name in lines:
        if not _is_unfinished(world, name):
            continue
        command = (LLMREPL, "run", "--model", world.model, "--resume", name, "--output", "json")
        if moment is not None:
            kill(world, moment, command, "again")
            moment = None
        process = world.start(command, "resumed")
        code = process.wait(60)
        if code:
            err = (world.machine.root / "resumed.err").read_text()
            return f"{name} cannot be gone on with: exit code {code}, {err}"
    return ""


def looked_at(world, lines, words, again):
    """Return what is wrong with what was left, and with going on from there."""
    begun = [name for name in ids(world.machine.sessions) if name in lines]
    return (
        judge(world, lines, words)
        or searched(world, lines)
        or resume(world, begun, again)
        or judge(world, lines, words, finished=True)
        or searched(world, lines)
        or branched(world, lines)
        or left_over(world)
    )


def _is_unfinished(world, name):
    records = list(LogReader(session_path(world.machine.sessions, name)))
    return fold(records).phase is not Phase.IDLE


def once(kind, moment, again=None):
    """Kill a session of this kind at this moment, and say what is wrong then."""
    root = Path(tempfile.mkdtemp(prefix="killed-"))
    world = World(root, kind)
    alive = kill(world, moment)
    lines, words = world.printed()
    try:
        wrong = looked_at(world, lines, words, again)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what a kill has led to
        wrong = repr(error)
    unknown = sum(
        event.type == "tool.finished" and event.status == "unknown"
        for name in ids(world.machine.sessions)
        for event in events_of(session_path(world.machine.sessions, name))
    )
    if not wrong:
        shutil.rmtree(root)
    told = sum(map(len, lines.values()))
    return Killed(kind, told, alive, again is not None, unknown, wrong and f"{wrong} (in {root})")


def events_of(path):
    """Return a session's events; none where a crash left no whole line of it."""
    return [] if is_unbegun(path) else [record.event for record in LogReader(path)]


def branched(world, lines):
    """Return what is wrong with making the fork that may have been interrupted."""
    directory = world.machine.sessions
    if world.kind == "fork" and "first" in lines and "branch" not in ids(directory):
        fork(directory, "first", name="branch")
    drafts = [path.name for path in directory.glob("*") if path.name.endswith(".draft")]
    return f"left over: {drafts}" if world.kind == "fork" and drafts and "first" in lines else ""


def left_over(world):
    """Return what still runs."""
    try:
        until(lambda: not world.machine.processes(), 10)
    except TimeoutError:
        return f"still running: {world.machine.processes()}"
    return ""


def moments(seed, times, kinds):
    """Yield kinds with moments spread over the whole of each, and for some a second one."""
    dice = random.Random(seed)
    known = {kind: measured(kind) for kind in kinds}
    for number in range(times):
        kind = kinds[number % len(kinds)]
        seconds, sizes = known[kind]
        group = dice.random() < 0.5
        if dice.random() < 0.4:
            moment = Moment(dice.uniform(0, seconds), 0, group)
        else:
            moment = Moment(dice.uniform(0, 0.004), dice.choice(sizes), group)
        again = Moment(dice.uniform(0.2, 1.0), 0, group) if dice.random() < 0.3 else None
        yield kind, moment, again


def main(arguments):
    """Kill as many sessions as are wanted, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kinds", default=",".join((RUN, CHAT, *KINDS)))
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}", flush=True)
    began = time.monotonic()
    with ThreadPoolExecutor(given.jobs) as pool:
        planned = list(moments(given.seed, given.times, given.kinds.split(",")))
        found = []
        for one in pool.map(lambda plan: once(*plan), planned):
            found.append(one)
            if one.wrong or not len(found) % 30:
                print(f"{len(found)} killed {one.wrong and one}", flush=True)
    print(f"{'kind':10} kills  alive  again  acknowledged  unknown  wrong")
    for kind in given.kinds.split(","):
        of_it = [one for one in found if one.kind == kind]
        print(
            f"{kind:10} {len(of_it):5}  {sum(o.alive for o in of_it):5}"
            f"  {sum(o.twice for o in of_it):5}  {sum(o.acknowledged for o in of_it):12}"
            f"  {sum(o.unknown for o in of_it):7}  {sum(bool(o.wrong) for o in of_it):5}"
        )
    for plan, one in zip(planned, found, strict=True):
        if one.wrong:
            print(f"{plan[0]} at {plan[1]}: {one.wrong}")
    print(f"{given.times} kills in {time.monotonic() - began:.0f} s")
    return int(any(one.wrong for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
