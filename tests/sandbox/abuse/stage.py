"""Plays one case in a session, and looks at what it left: the same look after every case."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmrepl.executors import Policy
from llmrepl.executors.walls.syscalls import CHECKED, DENIED
from tests.sandbox.abuse.case import Case, Seen, Step
from tests.sandbox.abuse.world import World, look_up
from tests.sandbox.session import SMALL, Result, Session, processes

LIMITS = replace(
    SMALL,
    memory=96 << 20,
    file_size=8 << 20,
    max_output=1 << 20,
    kept_output=4096,
    home_size=16 << 20,
    home_files=2_000,
    seconds=20.0,
)
"""Limits that are soon reached, so that a case takes no longer than it must."""

OWN = 3
"""Processes of a sandbox in which no block runs: the supervisor, the keeper, Python."""

PATIENCE = 10.0
"""Seconds that what ends may take to go."""

_MACHINE = os.uname().machine

PRELUDE = f"""
import ctypes as _ctypes, errno as _errno, os
CALLS = { ({**DENIED[_MACHINE], **CHECKED[_MACHINE]})!r}
_libc = _ctypes.CDLL(None, use_errno=True)
def tried(attempt, *arguments, **named):
    'Try it; return "done" or the name of the error.'
    try:
        attempt(*arguments, **named)
    except OSError as error:
        return _errno.errorcode.get(error.errno, str(error))
    return "done"
def call(name, *arguments):
    'Make a system call, by name or number.'
    _ctypes.set_errno(0)
    found = _libc.syscall(CALLS.get(name, name), *arguments)
    if found == -1:
        number = _ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found
""".strip()

POLICIES: dict[str, Callable[[World], Policy]] = {
    "default": lambda world: Policy(world.project, copy_on_write=True),
    "copy": lambda world: Policy(world.project, limits=LIMITS, copy_on_write=True),
    "read-only": lambda world: Policy(world.project, limits=LIMITS),
    "write": lambda world: Policy(world.project, limits=LIMITS, write=(world.project,)),
    "net": lambda world: Policy(
        world.project, limits=LIMITS, copy_on_write=True, net=world.allowed
    ),
}


class Stage:
    """The sessions of one user: one for each policy, opened when a case first needs it."""

    def __init__(self) -> None:
        self.world = World()
        self._open: dict[str, Session] = {}
        self.session: Session

    def close(self) -> list[str]:
        """End everything; return what is left, in words."""
        ground = [session.scratch.parent for session in self._open.values()]
        for session in self._open.values():
            session.__exit__()
        self.world.close()
        found = [f"{path} is left" for path in ground if path.exists()]
        left = _children()
        return found + ([f"processes are left: {left}"] if left else [])

    def play(self, case: Case) -> tuple[list[str], list[str]]:
        """Play a case; return what is wrong and what was seen, in words."""
        if not case.changes:
            return self._play(case)
        shared, self.world = self.world, World()
        try:
            return self._play(case)
        finally:
            self.world.close()
            self.world = shared

    def _play(self, case: Case) -> tuple[list[str], list[str]]:
        before = self.world.look()
        self.session = self._session_for(case)
        results: list[Any] = []
        problems: list[str] = []
        try:
            for part in case.parts:
                if isinstance(part, Step):
                    results.append(self._perform(part))
                elif not part.holds(Seen(tuple(results), self)):
                    problems.append(f"not true: {part.words}")
            problems += self._shown(results) + self._goes_on()
        finally:
            if case.alone:
                problems += self._end(self.session)
            else:
                self.session.wait(self.session.executor.written.discard())
        problems += self._left(alone=case.alone)
        if problems and not case.alone:  # or the cases after it would tell of it too
            problems += self._end(self._open.pop(case.policy))
        problems += self.world.problems(before, case.changes)
        return problems, [_described(result) for result in results]

    def _session_for(self, case: Case) -> Session:
        if case.alone:
            return self._session(case.policy)
        if case.policy not in self._open:
            self._open[case.policy] = self._session(case.policy)
        return self._open[case.policy]

    def _session(self, policy: str) -> Session:
        session = Session(POLICIES[policy](self.world), self.world.environ)
        if session.executor._proxy is not None:
            session.executor._proxy._resolve = look_up  # no question leaves this machine
        session.start()
        return session

    def _perform(self, step: Step) -> Any:
        if step.language == "host":
            assert step.act is not None
            return step.act(self)
        code = step.code
        for word, value in self.world.words.items():
            code = code.replace(f"<<{word}>>", str(value))
        if step.language == "python":
            code = f"{PRELUDE}\n{code}"
        if step.act is None:
            extra = {} if step.timeout is None else {"timeout": step.timeout}
            return self.session.block(step.language, code, **extra)
        act = step.act
        return self.session.meanwhile(step.language, code, step.while_running, lambda: act(self))

    def _shown(self, results: list[Any]) -> list[str]:
        """No secret, and nothing that moves a cursor, is in what a person or a model sees."""
        found = []
        for result in results:
            if not isinstance(result, Result):
                continue
            told = (result.live, result.reason, *(part.text for part in result.finished.parts))
            told = (*told, *result.finished.artifacts)
            for text in told:
                text.encode()  # or it could not be written down
                found += [f"the secret of {n} is shown" for n, s in self._secrets if s in text]
                if any(
                    (ord(char) < 32 and char not in "\t\n") or ord(char) == 127 for char in text
                ):
                    found.append(f"control characters are shown: {text!r}"[:500])
        return found

    @property
    def _secrets(self) -> list[tuple[str, str]]:
        return list(self.world.secrets.items())

    def _goes_on(self) -> list[str]:
        """The next blocks work, and nothing of the last is left."""
        found = []
        shell = self.session.bash("echo next")
        if shell.out != "next\n":
            found.append(f"the next bash block does not work: {_described(shell)}")
        tries: list[Result] = []  # what was killed may take a block with it, which then says so
        while len(tries) < 2 and not (tries and tries[-1].out == "next\n"):
            tries.append(self.session.python("print('next')"))
        if tries[-1].out != "next\n":
            found += [f"the next Python block does not work: {_described(each)}" for each in tries]
        return found

    def inside(self) -> list[str]:
        """Return the command lines of everything in the sandbox."""
        proc = Path(f"/proc/{self.session.agent}/root/proc")
        found = []
        for entry in proc.iterdir():
            if entry.name.isdigit():
                try:
                    found.append((entry / "cmdline").read_bytes().decode(errors="replace"))
                except OSError:
                    continue
        return found

    def _end(self, session: Session) -> list[str]:
        agent, private = session.agent, session.scratch.parent
        session.__exit__()
        gone = wait_until(lambda: not Path(f"/proc/{agent}").exists())
        found = [] if gone else ["the sandbox outlives its session"]
        return found + ([f"{private} is left"] if private.exists() else [])

    def _left(self, *, alone: bool) -> list[str]:
        """Return which processes a case left, in words."""
        found = []
        if not alone and not wait_until(lambda: len(self.inside()) <= OWN):
            found.append(f"processes are left in the sandbox: {self.inside()}")
        if not wait_until(lambda: not processes(self.world.marker)):
            found.append(f"processes are left: {processes(self.world.marker)}")
        return found


def wait_until(holds: Callable[[], bool]) -> bool:
    """Give what happens elsewhere some time."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _children() -> list[str]:
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        found += (task / "children").read_text().split()
    return found


def _described(result: Any) -> str:
    if not isinstance(result, Result):
        return repr(result)
    parts = {part.stream: part.text[-1500:] for part in result.finished.parts}
    return f"{result.status}: {result.reason} {parts} in {result.finished.ms:.0f} ms"
