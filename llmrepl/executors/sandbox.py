"""The executor: one bubblewrap per session, a lasting Python in it, a fresh bash per block.

Blocks run one after another. Whatever a block does ends in a `ToolFinished` and in a sandbox where
the next one works; what was lost on the way is said in the reason.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace

from llmrepl.errors import LlmreplError, SandboxUnavailable
from llmrepl.events import NetworkRequested, ToolFinished, ToolRequested
from llmrepl.executors.block import Block, Verdict, seconds_for
from llmrepl.executors.changes import Change
from llmrepl.executors.engine import Engine, Shell
from llmrepl.executors.inside.frames import FrameError
from llmrepl.executors.launch import Plan
from llmrepl.executors.network import explained
from llmrepl.executors.opening import open_proven, plan
from llmrepl.executors.overlay import unworkable
from llmrepl.executors.place import settle
from llmrepl.executors.policy import Policy, size, summary
from llmrepl.executors.proxy import Proxy
from llmrepl.executors.results import finished, never_ran
from llmrepl.executors.scratch import Stamp, artifacts
from llmrepl.executors.tiers import TIERS
from llmrepl.executors.working_copy import Applied, WorkingCopy
from llmrepl.ports import ToolEvent

LANGUAGES = ("python", "bash")


class SandboxExecutor:
    """Runs python and bash blocks in a sandbox; see `llmrepl.ports.Executor`.

    It belongs to the event loop it is first used in.

    Args:
        policy: what blocks may touch. A project that must not be shown is left out, and the
            executor's own `policy` says so.
        environ: the variables the person has; blocks see few of them.
    """

    def __init__(self, policy: Policy = Policy(), environ: Mapping[str, str] = os.environ) -> None:
        self.settings = _workable(settle(policy, environ))
        self.policy = summary(self.settings)
        self.name = TIERS[policy.tier].name
        self._environ = environ
        self._plan: Plan | None = None
        self._engine: Engine | None = None
        self._proxy = Proxy(self.settings.net, self._asked) if self.settings.net else None
        self._unsaid: list[NetworkRequested] = []
        self._shell = Shell()
        self._note = ""
        self._block: Block | None = None
        self._interrupts = 0
        self._turn = asyncio.Lock()
        self._copy: WorkingCopy | None = None

    async def start(self) -> None:
        """Start the sandbox and its Python, so that the first block does not wait.

        Raises:
            SandboxUnavailable: nothing can run here; the hint says what mends it.
            ConfigError: the policy names a Python that cannot be used.
        """
        async with self._turn:
            await self._ready()

    async def run(self, request: ToolRequested) -> AsyncIterator[ToolEvent]:
        """Run a block; what it writes is yielded as it arrives, how it ended at last.

        Raises:
            SandboxUnavailable: the sandbox is not running and could not be started.
        """
        problem = problem_of(request)
        if problem:
            yield never_ran(request, "error", problem)
            return
        interrupts = self._interrupts
        async with self._turn:
            engine = await self._ready()
            await engine.settled()
            if interrupts != self._interrupts:
                yield never_ran(request, "cancelled", "it was interrupted before it began")
                return
            limits = self.settings.limits
            flood = Verdict("limit", f"it wrote more than {size(limits.max_output)}")
            block = Block(request, limits, lambda: engine.stop(block, flood))
            before = self._prepare(engine)
            try:
                engine.begin(block, *seconds_for(request.arguments, limits), self._shell)
            except FrameError as error:
                engine.discard(block)
                yield never_ran(request, "error", f"its code is too long: {error}")
                return
            self._block = block
            try:
                for event in self._said():
                    yield event
                async for output in block.outputs():
                    yield output
            finally:
                self._block = None
                await engine.finish(block)
            yield self._ended(engine, block, before)

    def _prepare(self, engine: Engine) -> dict[str, Stamp]:
        """Make ready for a block; return the artifacts that are there before it."""
        if self._proxy is not None:
            self._proxy.renew()
        if self._copy is not None:
            self._copy.begin()
            engine.refreshed()
        return artifacts(engine.plan.ground.scratch)

    def _ended(self, engine: Engine, block: Block, before: Mapping[str, Stamp]) -> ToolFinished:
        """Take in what the block left behind, and return how it ended."""
        self._carry_over(block)
        scratch = engine.plan.ground.scratch
        made = (name for name, stamp in artifacts(scratch).items() if before.get(name) != stamp)
        paths = tuple(str(scratch / "artifacts" / name) for name in made)
        diff = ""
        if self._copy is not None:
            diff = self._copy.end()
            engine.refresh(wait=False)
        note = self._take_note(block, engine)
        return explained(finished(block, self.settings, paths, note, diff), block.refused)

    async def interrupt(self) -> None:
        """End the running block and those that wait: `run` finishes with status `cancelled`."""
        self._interrupts += 1
        block, engine = self._block, self._engine
        if block is not None and engine is not None:
            engine.stop(block, Verdict("cancelled", "it was interrupted"))

    async def close(self) -> None:
        """End the sandbox and remove its temporary directories. May be called twice."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()
        if self._proxy is not None:
            await self._proxy.close()
        start, self._plan, self._copy = self._plan, None, None
        if start is not None:
            await asyncio.get_running_loop().run_in_executor(None, start.ground.remove)

    async def _ready(self) -> Engine:
        if self._engine is not None:
            if self._engine.alive:
                return self._engine
            self._note = self._engine.note
            await self._engine.close()
            self._engine = None
        if self._plan is None:
            self._plan = plan(self.settings, self._environ)
            self.settings = self._plan.policy
        self._engine = engine = await self._open(self._plan)
        if self._proxy is not None and not await engine.open_door(self._proxy):
            self._engine = None
            await engine.close()
            raise SandboxUnavailable("the sandbox's proxy could not be started; nothing was run")
        return engine

    def _asked(self, event: NetworkRequested) -> None:
        """Take in a request to the network: the running block's, or the next one tells of it."""
        block = self._block
        if block is None or block.over:
            self._unsaid.append(event)
        else:
            block.asked(replace(event, call_id=block.request.call_id))

    def _said(self) -> list[NetworkRequested]:
        said, self._unsaid = self._unsaid, []
        return said

    async def _open(self, start: Plan) -> Engine:
        if start.overlay is None:
            return await open_proven(start)
        try:
            engine = await open_proven(start)
        except SandboxUnavailable as error:
            if self._copy is not None:
                raise  # it worked before, and may hold changes
            because = f"no copy of it could be made: {error.message}"
            self.settings = replace(self.settings, copy_on_write=False, read_only_because=because)
            self.policy = summary(self.settings)
            self._plan = replace(start, policy=self.settings, overlay=None)
            return await open_proven(self._plan)
        if self._copy is None:
            self._copy = WorkingCopy(start.overlay, self._refresh)
        return engine

    def _refresh(self) -> None:
        if self._engine is not None and self._engine.alive:
            self._engine.refresh()

    async def changes(self) -> list[Change]:
        """Return what differs between the blocks' copy and the project."""
        async with self._turn:
            return self._copy.changes() if self._copy is not None else []

    async def diff(self, path: str = "") -> str:
        """Return a unified diff of the project and the copy, of all or what is at `path`."""
        name = self._name(path)
        async with self._turn:
            return self._copy.diff(name) if self._copy is not None else ""

    async def apply(self, paths: Iterable[str] | None = None) -> Applied:
        """Write what blocks changed into the project.

        Args:
            paths: files or directories of the project; None for all that is not protected.
        """
        names = None if paths is None else [self._name(path) for path in paths]
        async with self._turn:
            return self._copy.apply(names) if self._copy is not None else Applied()

    async def discard(self, paths: Iterable[str] | None = None) -> list[str]:
        """Let the copy be as the project again; return the paths that were not."""
        names = None if paths is None else [self._name(path) for path in paths]
        async with self._turn:
            return self._copy.discard(names) if self._copy is not None else []

    def _name(self, path: str) -> str:
        """Return `path` relative to the project.

        Raises:
            LlmreplError: it is not in the project.
        """
        project = self.settings.project
        if project is None or not path:
            return ""
        named = os.path.relpath(os.path.join(project, path), project)
        if named == ".." or named.startswith("../"):
            raise LlmreplError(f"{path} is not in {project}", hint="name a path in the project")
        return "" if named == "." else named

    def _carry_over(self, block: Block) -> None:
        cwd, exports = block.reply.get("cwd"), block.reply.get("exports")
        if block.language == "bash" and isinstance(cwd, str) and isinstance(exports, str):
            self._shell = Shell(cwd, exports)

    def _take_note(self, block: Block, engine: Engine) -> str:
        if block.language != "python":
            return ""
        note, self._note, engine.note = self._note or engine.note, "", ""
        return note


def _workable(policy: Policy) -> Policy:
    """Return the policy with a read-only project where no copy of it can be had."""
    if not policy.copy_on_write or policy.project is None or policy.tier != "auto":
        return replace(policy, copy_on_write=False)
    because = unworkable(policy.project)
    return replace(policy, copy_on_write=not because, read_only_because=because)


def problem_of(request: ToolRequested) -> str:
    """Return why a call cannot run at all, or ""."""
    if request.language == "tool":
        return f"there is no tool {request.name} here; write a python or a bash block instead"
    if request.language not in LANGUAGES:
        return f"there is no language {request.language} here; there are python and bash"
    code = request.arguments.get("code")
    if not isinstance(code, str):
        return "the call has no code: a block takes its source as the string `code`"
    if "\0" in code:
        return "the code contains a NUL character, which no source may"
    return ""
