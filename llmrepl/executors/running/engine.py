"""A live sandbox with a Python in it: takes blocks in, watches them, ends those that must end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmrepl.executors.channel import Channel
from llmrepl.executors.inside.frames import Message
from llmrepl.executors.limits.watchdog import IDLE_SECONDS, SECONDS, Watchdog
from llmrepl.executors.network.proxy import Proxy
from llmrepl.executors.running.block import Block, Verdict
from llmrepl.executors.running.capture import Leftovers
from llmrepl.executors.running.reasons import of_death
from llmrepl.executors.walls.launch import Plan, Sandbox

GRACE = 0.5
"""Seconds an interrupted Python block has before it is killed."""

LINGER = 0.001
"""Seconds in which a block's answer is looked for without sleeping: to be woken up takes a tenth of
a short block's time, and more where the machine's processors sleep deeply."""

SHORT = 0.002
"""Seconds after which a block is attended to: most are over before, and cost that much less."""

PATIENCE = 3.0
"""Seconds the agent has to end what runs, before the whole sandbox is ended."""

KERNEL_SECONDS = 20.0
"""Seconds Python may take to start, with everything its environment loads."""

LOST = "Python's variables are lost"
UNTRUSTED = Verdict("error", "the Python process sent something that is no result", gently=False)


@dataclass(frozen=True, slots=True)
class Shell:
    """What one bash block hands on to the next."""

    cwd: str = ""
    exports: str = ""


class Engine:
    """One sandbox with its Python, until it ends or is closed; it never starts again.

    `note` is set where Python had to be started again between two blocks, and says why.

    Args:
        plan: what the sandbox was started from.
        sandbox: it is live, and the engine's from now on.

    Raises:
        OSError: it has already ended.
    """

    def __init__(self, plan: Plan, sandbox: Sandbox) -> None:
        self.plan = plan
        self.note = ""
        self._limits = plan.policy.limits
        self._loop = asyncio.get_running_loop()
        self._watchdog = Watchdog(
            sandbox.agent,
            _written(plan),
            plan.policy.write,
            self._limits,
            contained=plan.tier.namespaces,
        )
        self._sandbox = sandbox
        sandbox.heard = self._heard
        sandbox.lost = self._vanished
        self._kernel: Channel | None = None
        self._hello: asyncio.Future[Message] = self._loop.create_future()
        self._block: Block | None = None
        self._blocks = 0
        self._leftovers = Leftovers()
        self._resetting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tick = self._loop.call_later(IDLE_SECONDS, self._look)
        self._start_kernel()

    @property
    def alive(self) -> bool:
        """Whether blocks can be handed in, as of now."""
        self._sandbox.catch_up()
        return self._sandbox.alive

    async def facts(self) -> Message:
        """Return what the agent says of its confinement, {} where it has gone."""
        return await self._sandbox.facts

    async def open_door(self, proxy: Proxy) -> bool:
        """Let programs inside reach `proxy`; say whether that worked."""
        ours, theirs = socket.socketpair()
        answer = self._sandbox.ask("door", [theirs.fileno()])
        theirs.close()
        proxy.listen(ours)
        said = await answer
        return bool(said) and "error" not in said

    async def warm(self) -> Message:
        """Wait until Python is ready; return what it said, {} where it does not start."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._hello), KERNEL_SECONDS)
        except TimeoutError:
            return {}

    def begin(self, block: Block, seconds: float, told: str, shell: Shell) -> None:
        """Start `block`.

        Args:
            block: the only one; `settled` has returned since the last.
            seconds: how long it may take.
            told: what to add where it takes longer.
            shell: what the last bash block handed on.

        Raises:
            FrameError: its code is too long.
        """
        self._blocks += 1
        self._watchdog.sent()
        code = block.request.arguments["code"]
        if block.language == "python":
            if self._kernel is None or self._kernel.closed:
                self._start_kernel()
            assert self._kernel is not None
            message = {"id": self._blocks, "number": self._blocks, "code": code}
            self._refreshed()
            self._kernel.send(message, block.writers)
        else:
            home = str(self.plan.start)
            self._refreshed()
            answer = self._sandbox.ask(
                "bash", block.writers, code=code, home=home, cwd=shell.cwd, exports=shell.exports
            )
            answer.add_done_callback(lambda future: self._from_bash(block, future.result()))
        block.handed_over()
        self._block = block
        self._tick.cancel()
        self._tick = self._loop.call_later(SHORT, self._attend, block)
        late = Verdict("timeout", f"it ran out of time after {seconds:g} s{told}")
        self._timer = self._loop.call_later(seconds, self.stop, block, late)
        if block.language == "python" and self._kernel is not None:
            self._kernel.linger(LINGER)

    def stop(self, block: Block, verdict: Verdict) -> None:
        """End `block` for the reason in `verdict`, unless it has ended or is ending."""
        if not block.over and block.verdict is None:
            block.verdict = verdict
            self._ending = self._soon(self._end(block, verdict))

    def refresh(self, *, wait: bool = True) -> None:
        """Let the sandbox see files of the project as they are now, whoever changed them."""
        if self._sandbox.refresher is not None:
            self._sandbox.refresher.ask()
            if wait:
                self._sandbox.refresher.wait()

    def _refreshed(self) -> None:
        """Return once what `refresh` began is done."""
        if self._sandbox.refresher is not None:
            self._sandbox.refresher.wait()

    async def rest(self) -> None:
        """Stop everything that a block left running, until `wake`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._sandbox.ask("rest"), PATIENCE)

    async def rested(self) -> bool:
        """Say whether nothing has run since `rest`."""
        try:
            answer = await asyncio.wait_for(self._sandbox.ask("rested"), PATIENCE)
        except TimeoutError:
            return False
        return answer.get("rested") is True

    def held(self) -> frozenset[int] | None:
        """Return the inodes of files that what rests can change at once; None for any."""
        return self._watchdog.held()

    def wake(self) -> None:
        """Let what rests go on."""
        self._sandbox.tell("wake")

    async def settled(self) -> None:
        """Wait until nothing of an earlier block's end is on its way any more."""
        while self._ending is not None:
            ending, self._ending = self._ending, None
            await asyncio.wait([ending])  # or its interrupt could reach the next block

    def discard(self, block: Block) -> None:
        """Give back what belongs to a block that `begin` refused."""
        block.handed_over()
        block.end({}, self._leftovers)

    async def finish(self, block: Block) -> None:
        """Return once `block` is over: one that is still running is cancelled."""
        self.stop(block, Verdict("cancelled", "nobody waits for its result any more"))
        if self._timer is not None:
            self._timer.cancel()
        await self.settled()
        self._block = None
        self._look_in(IDLE_SECONDS)

    async def close(self) -> None:
        """End everything. May be called twice."""
        self._tick.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._drop_kernel()
        await self._sandbox.close()
        if self._block is not None:
            self._block.end({}, self._leftovers)
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._leftovers.close()
        self._watchdog.close()

    def _soon(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _end(self, block: Block, verdict: Verdict) -> None:
        if block.language == "bash":
            self._sandbox.tell("end")
            if not await block.wait(PATIENCE):
                await self._give_up(block, {})
            return
        if verdict.gently:
            interrupted = self._sandbox.ask("interrupt")
            if await block.wait(GRACE):
                await asyncio.wait([interrupted], timeout=GRACE)
                return
            block.lost = f"; it did not stop when interrupted and was killed, so {LOST}"
        else:
            block.lost = f"; Python was killed, so {LOST}"
        if await self._reset():
            block.end({}, self._leftovers)
        else:
            await self._give_up(block, {})

    async def _give_up(self, block: Block, reply: Message) -> None:
        """End the whole sandbox, since something in it cannot be ended."""
        block.lost = f"; the sandbox had to be ended and starts again, so {LOST}"
        self.note = f"the sandbox had to be started again, so {LOST}"
        await self._sandbox.close()
        block.end(reply, self._leftovers)

    async def _reset(self) -> bool:
        """Kill everything in the sandbox and start Python again; say whether that worked."""
        async with self._resetting:
            self._drop_kernel()
            try:
                answer = await asyncio.wait_for(self._sandbox.ask("reset"), PATIENCE)
            except TimeoutError:
                return False
            if answer.get("left") != 0:
                return False
            self._start_kernel()
            return True

    def _start_kernel(self) -> None:
        self._drop_kernel()
        if self._hello.done():
            self._hello = self._loop.create_future()
        ours, theirs = socket.socketpair()
        self._kernel = Channel(ours, self._from_kernel, self._kernel_left)
        sites = [str(path) for path in self.plan.layout.interpreter.sites]
        answer = self._sandbox.ask("kernel", [theirs.fileno()], sites=sites)
        answer.add_done_callback(lambda future: self._kernel_started(future.result()))
        theirs.close()

    def _drop_kernel(self) -> None:
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def _kernel_started(self, answer: Message) -> None:
        if "error" in answer:
            self._python_ended({"errno": answer.get("errno"), "error": answer["error"]}, "")

    def _kernel_left(self) -> None:
        """Python has closed its channel: it ended, which the agent will say, or plays tricks."""
        block = self._block
        if block is not None and block.language == "python":
            self._loop.call_later(GRACE, self.stop, block, UNTRUSTED)
        else:
            self.note = f"the Python process left before this block, so {LOST}"

    def _from_kernel(self, message: Message) -> None:
        if not self._hello.done():
            self._hello.set_result(message)
            return
        block = self._block
        expected = block is not None and block.language == "python" and not block.over
        if block is not None and expected and message.get("id") == self._blocks:
            block.end(message, self._leftovers)
        elif block is not None and expected:
            self.stop(block, UNTRUSTED)
        else:
            self.note = f"{UNTRUSTED.reason} before this block and was killed, so {LOST}"
            self._drop_kernel()
            self._ending = self._soon(self._clear())

    def _from_bash(self, block: Block, reply: Message) -> None:
        if reply.get("left") or "error" in reply:
            self._soon(self._give_up(block, reply))
            return
        block.end(reply, self._leftovers)

    def _heard(self, event: Message) -> None:
        # While everything is reset, Python's end is our own doing.
        if event.get("event") == "kernel-exit" and not self._resetting.locked():
            if self._kernel is not None:
                self._kernel.pump()  # its last result may have come first
            code = event.get("code", 0)
            self._python_ended({"died": code}, of_death(code, "before this block"))

    def _python_ended(self, reply: Message, why: str) -> None:
        started = self._hello.done()
        self._drop_kernel()
        if not started:
            self._hello.set_result({})
        block = self._block
        if block is not None and block.language == "python" and not block.over:
            if block.verdict is not None:
                block.lost = f"; Python ended, so {LOST}"
            block.end(reply, self._leftovers)
        else:
            self.note = why
        if started and self._sandbox.alive:
            self._start_kernel()

    def _vanished(self) -> None:
        """The agent has gone, and everything in the sandbox with it."""
        self._drop_kernel()
        if not self._hello.done():
            self._hello.set_result({})
        if self._block is not None and not self._block.over:
            self._block.lost = f"; the sandbox ended, so {LOST}"
            self._block.end({}, self._leftovers)
        else:
            self.note = f"the sandbox had ended and was started again, so {LOST}"

    async def _clear(self) -> None:
        if not await self._reset():
            await self._sandbox.close()

    def _attend(self, block: Block) -> None:
        """Begin to show what a block writes, and to look at what it uses."""
        if not block.over:
            block.listen()
        self._watchdog.begin()
        self._look_in(SECONDS)

    def _look_in(self, seconds: float) -> None:
        self._tick.cancel()
        self._tick = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        if not self._sandbox.alive:
            return
        passed = self._watchdog.look()
        block = self._block
        running = block is not None and not block.over
        if passed and running and block is not None:
            self.stop(block, Verdict("limit", passed, gently=False))
        elif passed and not running:
            self.note = f"what Python left running was killed, since {passed}; {LOST}"
            self._ending = self._soon(self._clear())
        self._look_in(SECONDS if running else IDLE_SECONDS)


def _written(plan: Plan) -> dict[str, Path]:
    """Return the directories on disk that blocks fill, by what to call them."""
    found = {"/tmp" if plan.tier.namespaces else "$SCRATCH": plan.ground.scratch}
    if plan.overlay is not None:
        found["the copy of the project"] = plan.overlay.upper
    return found
