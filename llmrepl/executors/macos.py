"""The executor for macOS: each block a program of its own under `sandbox-exec`. Experimental.

It has to prove itself at each start, so where the profile does not do what it says, nothing runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

from llmrepl.errors import ConfigError, LlmreplError, SandboxUnavailable
from llmrepl.events import ToolRequested
from llmrepl.executors.files.scratch import artifacts
from llmrepl.executors.place import home_of
from llmrepl.executors.policy import Policy, size
from llmrepl.executors.running.block import Block, Verdict, seconds_for
from llmrepl.executors.running.capture import Leftovers
from llmrepl.executors.running.results import finished, never_ran
from llmrepl.executors.sandbox import SandboxExecutor, problem_of
from llmrepl.executors.walls import seatbelt
from llmrepl.executors.walls.ground import Ground, prepare
from llmrepl.executors.walls.layout import Layout, environment, survey
from llmrepl.executors.walls.proofs import Proof
from llmrepl.ports import ToolEvent

PROOF_SECONDS = 20.0

_TRY = """
import json, os, socket, sys
given = json.loads(sys.argv[1])
def works(attempt):
    try:
        attempt()
    except OSError:
        return False
    return True
print(json.dumps({
    "canary": works(lambda: open(given["canary"]).close()),
    "outside": any(works(lambda: open(path, "x").close()) for path in given["outside"]),
    "address": works(lambda: socket.create_connection(given["address"], 2).close()),
    "host": works(lambda: os.kill(given["host"], 0)),
    "environment": bool(set(os.environ) - set(given["environment"])),
    "scratch": not works(lambda: open(given["scratch"], "x").close()),
}))
"""
"""Says of each promise whether it is broken."""

_PROMISES = {
    "canary": ("other files closed", "opened a canary file made outside"),
    "outside": ("nothing outside writable", "made a file in directories outside"),
    "address": ("no network", "connected to a port of llmrepl's"),
    "host": ("other processes closed", "sent llmrepl a signal"),
    "environment": ("other variables hidden", "compared the environment with what was handed in"),
    "scratch": ("scratch writable", "made a file in it"),
}

_OWN_VARIABLES = ("PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE", "__CF_USER_TEXT_ENCODING")
"""What a shell and the system add by themselves."""


class SeatbeltExecutor(SandboxExecutor):
    """Runs each block on its own; see `llmrepl.ports.Executor`.

    `proofs` is what it showed at its start.

    Args:
        policy: what blocks may touch.
        environ: the variables the person has.
        launcher: the path of `sandbox-exec`.
    """

    def __init__(
        self,
        policy: Policy = Policy(),
        environ: Mapping[str, str] = os.environ,
        launcher: str = seatbelt.PROGRAM,
    ) -> None:
        super().__init__(replace(policy, tier="seatbelt"), environ)
        self.proofs: tuple[Proof, ...] = ()
        self._launcher = launcher
        self._ground: Ground | None = None
        self._layout: Layout | None = None
        self._profile = ""
        self._running: tuple[Block, asyncio.subprocess.Process] | None = None

    async def start(self) -> None:
        """Prove that the profile does what it says.

        Raises:
            SandboxUnavailable: it does not, or there is no such sandbox.
            ConfigError: the policy names what cannot be used.
        """
        async with self._turn:
            await self._prepared()

    async def run(self, request: ToolRequested) -> AsyncIterator[ToolEvent]:
        """Run a block; what it writes is yielded as it arrives, how it ended at last."""
        problem = problem_of(request)
        if problem:
            yield never_ran(request, "error", problem)
            return
        interrupts = self._interrupts
        async with self._turn:
            ground, layout = await self._prepared()
            if interrupts != self._interrupts:
                yield never_ran(request, "cancelled", "it was interrupted before it began")
                return
            limits = self.settings.limits
            flood = Verdict("limit", f"it wrote more than {size(limits.max_output)}")
            block = Block(request, limits, lambda: self._stop(block, flood))
            before = artifacts(ground.scratch)
            leftovers = Leftovers()
            code = str(request.arguments["code"])
            try:
                process = await self._spawned(_program(request.language, code, layout), block)
            except OSError as error:
                block.handed_over()
                block.end({}, leftovers)
                leftovers.close()
                yield never_ran(request, "error", f"it could not be started: {error}")
                return
            self._running = block, process
            seconds, told = seconds_for(request.arguments, limits)
            late = Verdict("timeout", f"it ran out of time after {seconds:g} s{told}")
            timer = asyncio.get_running_loop().call_later(seconds, self._stop, block, late)
            ending = asyncio.ensure_future(_ended(process, block, leftovers))
            try:
                async for output in block.outputs():
                    yield output
            finally:
                timer.cancel()
                _kill(process)
                await ending
                self._running = None
                leftovers.close()
            made = (n for n, stamp in artifacts(ground.scratch).items() if before.get(n) != stamp)
            paths = tuple(str(ground.scratch / "artifacts" / name) for name in made)
            yield finished(block, self.settings, paths, "", "")

    async def change(self, policy: Policy) -> None:  # noqa: ARG002 - the parent's signature
        """Refuse: there is one policy here.

        Raises:
            LlmreplError: always.
        """
        raise LlmreplError(f"the {self.settings.tier} sandbox cannot be changed in a session")

    async def interrupt(self) -> None:
        """End the running block and those that wait: `run` finishes with status `cancelled`."""
        self._interrupts += 1
        if self._running is not None:
            self._stop(self._running[0], Verdict("cancelled", "it was interrupted"))

    async def close(self) -> None:
        """Remove the temporary directories. May be called twice."""
        ground, self._ground = self._ground, None
        if ground is not None:
            await asyncio.get_running_loop().run_in_executor(None, ground.remove)

    def _stop(self, block: Block, verdict: Verdict) -> None:
        if self._running is not None and not block.over and block.verdict is None:
            block.verdict = verdict
            _kill(self._running[1])

    async def _prepared(self) -> tuple[Ground, Layout]:
        if self._ground is not None and self._layout is not None:
            return self._ground, self._layout
        layout = survey(self.settings, self._environ)
        ground = prepare(self.settings.scratch)
        try:
            self._profile = seatbelt.profile(self.settings.project, layout, ground.scratch)
            self._ground, self._layout = ground, layout
            await self._prove(ground, layout)
        except BaseException as error:
            self._ground = None
            ground.remove()
            if isinstance(error, ValueError):
                raise ConfigError(str(error), hint="rename or move it") from error
            raise
        return ground, layout

    async def _prove(self, ground: Ground, layout: Layout) -> None:
        """Try what must not work.

        Raises:
            SandboxUnavailable: it works, or nothing starts.
        """
        name = f".llmrepl-{secrets.token_hex(4)}"
        project = (self.settings.project,) if self.settings.project is not None else ()
        places = (home_of(self._environ), ground.private, Path("/usr/local"), *project)
        made = [str(place / name) for place in (*places, ground.scratch)]
        request = ToolRequested(call_id="proof", name="python", language="python")
        block = Block(request, self.settings.limits, lambda: None)
        leftovers = Leftovers()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            given = {
                "canary": str(ground.canary),
                "outside": made[:-1],
                "address": listener.getsockname(),
                "host": os.getpid(),
                "environment": [*self._variables(ground, layout), *_OWN_VARIABLES],
                "scratch": made[-1],
            }
            program = [str(layout.interpreter.path), "-I", "-S", "-c", _TRY, json.dumps(given)]
            try:
                process = await self._spawned(program, block)
                await asyncio.wait_for(_ended(process, block, leftovers), PROOF_SECONDS)
            except (OSError, TimeoutError) as error:
                block.handed_over()
                block.end({}, leftovers)
                raise _unavailable(f"it does not start ({error})") from error
            finally:
                leftovers.close()
                _remove(made)
        self.proofs = _proofs(block)
        if broken := [proof.name for proof in self.proofs if not proof.ok]:
            raise _unavailable(f"it does not keep its promises: {', '.join(broken)}")

    def _variables(self, ground: Ground, layout: Layout) -> dict[str, str]:
        return environment(self.settings, layout, self._environ, ground.scratch)

    async def _spawned(self, program: list[str], block: Block) -> asyncio.subprocess.Process:
        assert self._ground is not None
        assert self._layout is not None
        limits = self.settings.limits
        most = (("c", 0), ("n", limits.open_files), ("f", limits.file_size // 512))
        scratch = self._ground.scratch
        out, err = block.writers
        process = await asyncio.create_subprocess_exec(
            *seatbelt.command(self._launcher, self._profile, most, program),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=self.settings.project or scratch,
            env=self._variables(self._ground, self._layout),
            start_new_session=True,
        )
        block.handed_over()
        block.listen()
        return process


def executor_for(
    policy: Policy = Policy(), environ: Mapping[str, str] = os.environ
) -> SandboxExecutor:
    """Return the executor of this system for `policy`."""
    if sys.platform == "darwin" and policy.tier == "auto":
        return SeatbeltExecutor(policy, environ)
    return SandboxExecutor(policy, environ)


def _program(language: str, code: str, layout: Layout) -> list[str]:
    if language == "bash":
        return ["/bin/bash", "--noprofile", "--norc", "-c", code]
    return [str(layout.interpreter.path), "-c", code]


async def _ended(process: asyncio.subprocess.Process, block: Block, leftovers: Leftovers) -> None:
    code = await process.wait()
    _kill(process)  # what it left in its group
    block.end({"exit": code if code >= 0 else 128 - code}, leftovers)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _proofs(block: Block) -> tuple[Proof, ...]:
    """Return what a block that ran `_TRY` showed.

    Raises:
        SandboxUnavailable: it did not run.
    """
    said, complaint = block.stdout.kept.part("stdout"), block.stderr.kept.part("stderr")
    try:
        found = json.loads(said.text if said is not None else "")
    except ValueError:
        told = complaint.text.strip()[-200:] if complaint is not None else "it says nothing"
        raise _unavailable(f"Python does not start in it ({told})") from None
    return tuple(
        Proof(name, tried, not found[key], "broken" if found[key] else "kept")
        for key, (name, tried) in _PROMISES.items()
    )


def _remove(paths: list[str]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _unavailable(why: str) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"macOS's sandbox cannot be used: {why}; nothing was run",
        hint="run llmrepl in a Linux container or virtual machine; on a Mac it is experimental",
    )
