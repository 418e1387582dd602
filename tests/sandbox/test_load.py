"""A thousand blocks in one session, many of which crash or must be ended: nothing piles up."""

from __future__ import annotations

import gc
import os
import random
import signal
from dataclasses import replace
from pathlib import Path

from llmrepl.executors import Policy
from tests.sandbox.abuse.stage import LIMITS, wait_until
from tests.sandbox.session import Result, Session

BLOCKS = 1000
WARM = 200
"""Blocks after which everything that is loaded once has been."""

LEFT = {f"0\n{count}\n" for count in range(55, 62)}
"""What is in /tmp and in the copy: some of the blocks that write are ended before they do."""

GROWTH = 3 << 20
"""Bytes by which this process may grow in the other eight hundred."""

SHARED = """
import mmap
maps = []
while True:
    maps.append(mmap.mmap(-1, 16 << 20)); maps[-1].write(b"x" * (16 << 20))
"""
IGNORING = "import signal, time\nsignal.signal(2, signal.SIG_IGN)\nwhile True: time.sleep(1)"

KINDS: dict[str, tuple[int, str, str, float | None, str]] = {
    "python": (300, "python", "import math; math.sqrt(16)", None, "ok"),
    "bash": (300, "bash", "echo one; echo two >&2; export N=$((N + 1))", None, "ok"),
    "files": (60, "bash", "echo x > /tmp/file; echo x >> file.txt; rm /tmp/file", None, "ok"),
    "exception": (80, "python", "raise ValueError('x' * 1000)", None, "error"),
    "bash error": (60, "bash", "cat /nowhere; exit 3", None, "error"),
    "exit": (25, "python", "import os; os._exit(3)", None, "error"),
    "kill": (25, "python", "import os; os.kill(os.getpid(), 9)", None, "error"),
    "kill the keeper": (10, "python", "import os; os.kill(os.getppid(), 9)", None, ""),
    "crash": (20, "python", "import ctypes; ctypes.string_at(0)", None, "error"),
    "kill everybody": (10, "bash", "kill -9 -1", None, ""),
    "time": (20, "python", "import time; time.sleep(60)", 0.1, "timeout"),
    "time in bash": (15, "bash", "sleep 86500", 0.1, "timeout"),
    "ignored time": (3, "python", IGNORING, 0.1, "timeout"),
    "flood": (20, "bash", "yes", None, "limit"),
    "flood of errors": (
        10,
        "python",
        "import sys\nwhile True: sys.stderr.write('x' * 9999)",
        9,
        "limit",
    ),
    "memory": (10, "python", "bytearray(1 << 40)", None, "limit"),
    "shared memory": (6, "python", SHARED, None, "limit"),
    "fork bomb": (6, "bash", "bomb() { bomb | bomb & }; bomb; sleep 60", None, "limit"),
    "orphans": (10, "bash", "for n in 1 2 3; do setsid sleep 86500 & done", None, "ok"),
    "left running": (
        10,
        "python",
        "import subprocess as s; p = s.Popen(['sleep', '86500'])",
        None,
        "ok",
    ),
}
"""How often, the language, the code, the time it may take, and the status it ends with.

"" is any: such a block kills what would tell, and may take the next block of each language with it.
"""


def facts() -> dict[str, int]:
    """Everything of this process that could pile up, counted."""
    tasks = list(Path("/proc/self/task").iterdir())
    children = [pid for task in tasks for pid in (task / "children").read_text().split()]
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "children": len(children),
        "zombies": [_state(pid) for pid in children].count("Z"),
        "threads": len(tasks),
        "mounts": Path("/proc/self/mountinfo").read_text().count("llmrepl-"),
    }


def more_than(before: dict[str, int]) -> dict[str, int]:
    """Return what there is more of than before, once what was ending has had its time."""
    found: dict[str, int] = {}

    def nothing() -> bool:
        found.clear()
        found.update((name, n) for name, n in facts().items() if n > before[name])
        return not found

    wait_until(nothing)
    return found


def _state(pid: str) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def resident() -> int:
    """Bytes of memory this process holds."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(session: Session, name: str) -> Result:
    _, language, code, seconds, _ = KINDS[name]
    return session.block(language, code, **({} if seconds is None else {"timeout": seconds}))


def interrupted(session: Session, language: str) -> str:
    code = {"python": "print('on')\nimport time; time.sleep(60)", "bash": "echo on; sleep 60"}
    found = session.meanwhile(language, code[language], "on", session.executor.interrupt)
    return found.status


def ended_from_outside(session: Session) -> bool:
    agent = session.agent
    os.kill(agent, signal.SIGKILL)
    return wait_until(lambda: not Path(f"/proc/{agent}").exists())


def in_any_order() -> list[str]:
    order = [name for name, kind in KINDS.items() for _ in range(kind[0])]
    random.Random(2026).shuffle(order)
    return order


def test_a_thousand_blocks_leave_nothing_behind(project):
    order = in_any_order()
    assert len(order) == BLOCKS
    limits = replace(LIMITS, kept_output=2048, max_output=256 << 10)
    policy = Policy(project=project, limits=limits, copy_on_write=True)
    with Session(policy) as first:
        first.bash("true")  # what the first session loads stays
    before = facts()
    wrong = []
    with Session(policy) as session:
        session.start()
        private = session.scratch.parent
        victims: set[str] = set()
        for number, name in enumerate(order):
            _, language, _, _, expected = KINDS[name]
            result = run(session, name)
            if expected and result.status != expected and language not in victims:
                wrong.append((number, order[number - 1], name, result.status, result.reason))
            victims = victims - {language} if expected else {"python", "bash"}
            if number % 100 == 50:
                assert interrupted(session, ("python", "bash")[number // 100 % 2]) == "cancelled"
            if number % 250 == 125:
                assert ended_from_outside(session)
            if number == WARM:
                warm, held = facts(), resident()
        grown = resident() - held
        assert wrong == []
        assert session.bash("ls /tmp | grep -c file; wc -l < file.txt").out in LEFT
        assert session.python("6 * 7").value == "42"
        assert more_than(warm) == {}
    assert grown < GROWTH, f"{grown >> 10} KiB more after {BLOCKS - WARM} blocks"
    assert more_than(before) == {}
    assert not private.exists()
    assert (project / "file.txt").read_text() == "unchanged\n"
