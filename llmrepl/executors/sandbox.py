"""The executor: one bubblewrap per session, a lasting Python in it, a fresh bash per block.

Blocks run one after another. Whatever a block does ends in a `ToolFinished` and in a sandbox where
the next one works; what was lost on the way is said in the reason.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from llmrepl.errors import ConfigError, LlmreplError, SandboxUnavailable
from llmrepl.events import NetworkRequested, ToolFinished, ToolRequested
from llmrepl.executors.files.scratch import Stamp, artifacts
from llmrepl.executors.inside.frames import FrameError
from llmrepl.executors.network.proxy import Proxy
from llmrepl.executors.network.words import explained
from llmrepl.executors.place import settle
from llmrepl.executors.policy import Policy, size, summary
from llmrepl.executors.running.block import Block, Verdict, seconds_for
from llmrepl.executors.running.engine import LOST, Engine, Shell
from llmrepl.executors.running.opening import open_proven, plan
from llmrepl.executors.running.results import finished, never_ran
from llmrepl.executors.tiers import TIERS
from llmrepl.executors.walls.launch import Plan
from llmrepl.executors.walls.overlay import unworkable
from llmrepl.executors.writing.written import Written
from llmrepl.ports import ToolEvent

LANGUAGES = ("python", "bash")


class SandboxExecutor:
    """Runs python and bash blocks in a sandbox; see `llmrepl.ports.Executor`.

    It belongs to the event loop it is first used in.

    Args:
        policy: what blocks may touch. A project that must not be shown is left out, and the
            executor's own `policy` says so.
        environ: the variables the person has; blocks see few of them.

    Raises:
        ConfigError: the policy lets blocks write where they must not.
    """

    def __init__(self, policy: Policy = Policy(), environ: Mapping[str, str] = os.environ) -> None:
        self.given = policy
        self.settings = _workable(settle(policy, environ))
        self.policy = summary(self.settings)
        self.name = TIERS[policy.tier].name
        self._environ = environ
        self._plan: Plan | None = None
        self._engine: Engine | None = None
        self._proxy = Proxy(self.settings.net, self._asked) if self.settings.net else None
        self._unsaid: list[NetworkRequested] = []
        self._shell = Shell()
        self._artifacts: dict[str, Stamp] = {}
        self._note = ""
        self._block: Block | None = None
        self._interrupts = 0
        self._turn = asyncio.Lock()
        self.written = Written(self.settings.project, self._turn, self._refresh)

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
            engine = await self._begun(engine)
            limits = self.settings.limits
            flood = Verdict("limit", f"it wrote more than {size(limits.max_output)}")
            block = Block(request, limits, lambda: engine.stop(block, flood))
            try:
                engine.begin(block, *seconds_for(request.arguments, limits), self._shell)
            except FrameError as error:
                engine.discard(block)
                await self.written.end(engine, request.call_id)
                yield never_ran(request, "error", f"its code is too long: {error}")
                return
            self._block = block
            diff = ""
            try:
                for event in self._said():
                    yield event
                async for output in block.outputs():
                    yield output
            finally:
                self._block = None
                try:
                    await engine.finish(block)
                finally:
                    diff = await self.written.end(engine, request.call_id)
            yield self._ended(engine, block, diff)

    async def _begun(self, engine: Engine) -> Engine:
        """Make ready for a block; return the sandbox to run it in, which may be another by now."""
        if self._proxy is not None:
            self._proxy.renew()
        for _ in range(2):
            why = await self.written.begin(engine)
            if not why:
                break
            await engine.close()
            self._engine = None
            engine = await self._ready()
            self._note = f"the sandbox was started again since {why}; {LOST}"
        return engine

    def _ended(self, engine: Engine, block: Block, diff: str) -> ToolFinished:
        """Take in what the block left behind, and return how it ended."""
        self._carry_over(block)
        scratch = engine.plan.ground.scratch
        before, self._artifacts = self._artifacts, artifacts(scratch)
        made = (name for name, stamp in self._artifacts.items() if before.get(name) != stamp)
        paths = tuple(str(scratch / "artifacts" / name) for name in made)
        note = self._take_note(block, engine)
        return explained(finished(block, self.settings, paths, note, diff), block.refused)

    async def change(self, policy: Policy) -> None:
        """Go on under another policy for the same project: the sandbox starts again.

        /tmp, what bash blocks handed on and what can be undone stay; Python's variables are lost.
        Where the new sandbox does not start, the old policy holds.

        Raises:
            LlmreplError: blocks changed their copy, and there would be none any more.
            ConfigError: the policy lets blocks write where they must not.
            SandboxUnavailable: the new one does not start.
        """
        async with self._turn:
            settings = _workable(settle(policy, self._environ))
            if not settings.copy_on_write and self.written.is_changed:
                raise LlmreplError(
                    "blocks changed their copy of the project, which would be lost",
                    hint="/apply takes the changes over, /discard drops them",
                )
            before = self.given, self.settings, self._plan, self._proxy
            if self._engine is not None:
                await self._engine.close()
                self._engine = None
            try:
                await self._use(policy, settings)
            except BaseException:
                self.given, self.settings, self._plan, self._proxy = before
                self.policy = summary(self.settings)
                raise
            finally:
                self._note = f"the sandbox was started again under another policy, so {LOST}"
            if before[3] is not None:
                await before[3].close()

    async def _use(self, policy: Policy, settings: Policy) -> None:
        self.given, self.settings = policy, settings
        self._proxy = Proxy(settings.net, self._asked) if settings.net else None
        if self._plan is not None:
            self._plan = plan(settings, self._environ, self._plan)
            self.settings = self._plan.policy
        self.policy = summary(self.settings)
        await self._ready()

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
        self.written.close()
        start, self._plan = self._plan, None
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
        self._plan = await asyncio.to_thread(self.written.cover, self._plan)
        self._engine = engine = await self._open(self._plan)
        self.written.opened(self._plan)
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
            return await open_proven(start)
        except SandboxUnavailable as error:
            if self.written.is_copied:
                raise  # it worked before, and may hold changes
            because = f"no copy of it could be made: {error.message}"
            self.settings = replace(self.settings, copy_on_write=False, read_only_because=because)
            self.policy = summary(self.settings)
            self._plan = replace(start, policy=self.settings, overlay=None)
            return await open_proven(self._plan)

    def _refresh(self) -> None:
        if self._engine is not None and self._engine.alive:
            self._engine.refresh()

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
    """Return the policy with a read-only project where no copy of it can be had.

    Raises:
        ConfigError: it allows what its tier cannot keep to.
    """
    if not TIERS[policy.tier].namespaces:
        if policy.net or policy.write:
            raise ConfigError(
                f"{'sandbox.net' if policy.net else 'sandbox.write'} needs the full sandbox, and"
                f" this one is “{TIERS[policy.tier].title}”",
                hint="leave one of the two out",
            )
        return replace(policy, copy_on_write=False)
    if not policy.copy_on_write or policy.project is None or policy.writes_project:
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
