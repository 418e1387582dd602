"""The work on what a person entered: one thing after the other, each of which can be interrupted.

What was entered is never lost: it is done, or waits, or is back in the prompt.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from llmrepl.conversing.drafting.draft import Drafts
from llmrepl.conversing.loading import Loading
from llmrepl.conversing.prompt import PROMPT
from llmrepl.conversing.queued import Queue
from llmrepl.errors import LlmreplError

if TYPE_CHECKING:
    from llmrepl.compose import Assembly
    from llmrepl.conversing.commands.following import Following
    from llmrepl.record import Record

    Command = Callable[[Assembly], Awaitable[Following | None]]

COMMAND = re.compile(r"\s*(/[^/\s]*(\s|\Z)|!)")
"""What begins like this is a command, or means to be one."""

EDITOR = re.compile(r"\s*/editor(?:\s+|\Z)")
"""What asks for the person's editor; the text to edit follows."""

T = TypeVar("T")


class Place(Protocol):
    """Where the person types, as the work needs it."""

    @property
    def drafts(self) -> Drafts:
        """What texts in the prompt stand for."""
        ...

    def offer(self, text: str) -> None:
        """Put text into the prompt, before what is there."""
        ...

    def echo(self, text: str) -> None:
        """Show a command where a turn would show its prompt."""
        ...

    def follow(self, assembly: Assembly) -> None:
        """Show how the chat stands now."""
        ...

    def refresh_waiting(self) -> None:
        """Show anew what waits."""
        ...

    def leave(self) -> None:
        """End the chat."""
        ...


class Work:
    """What is done in one chat. It is also a display, to see that things have begun.

    Args:
        loading: what turns need.
        place: where the person types.
        redact: takes secrets out of what is said.

    Attributes:
        leaving: nothing more is begun.
    """

    def __init__(self, loading: Loading, place: Place, redact: Callable[[str], str] = str) -> None:
        self._loading = loading
        self._place = place
        self._redact = redact
        self._queue = Queue()
        self._worker: asyncio.Task[None] | None = None
        self._unbegun = ""  # what the worker has taken, and nobody has seen begin
        self._beginning = False
        self._interrupt: Callable[[], object] | None = None
        self.leaving = False

    @property
    def busy(self) -> bool:
        """Whether something that was entered is being worked on."""
        return self._worker is not None and not self._worker.done()

    @property
    def queued(self) -> bool:
        """Whether something waits."""
        return len(self._queue) > 0

    def lines(self) -> list[str]:
        """Return what is shown above the prompt: what is about to begin, and what waits."""
        assembly = self._loading.done
        steering = assembly.runtime.steering if assembly else ()
        begins = [PROMPT + line for line in self._unbegun.splitlines()[:1]]
        return [*begins, *self._queue.lines(steering)]

    # What a person does

    def enter(self, text: str) -> None:
        """Do what a text says, when all that was entered before is done."""
        if text.strip() and not self.leaving:
            self._queue.put(text)
            if not self.busy:
                self.begin(None)

    def interrupt(self) -> None:
        """End what is being worked on."""
        if self._interrupt is not None:
            self._interrupt()

    def leave(self) -> None:
        """Begin nothing more, and wind down what is under way."""
        self.leaving = True
        self.interrupt()

    def take_back(self) -> None:
        """Take the last text that waits into the prompt."""
        self._place.offer(self._queue.take_last())

    def steers(self, typed: str) -> bool:
        """Return whether `steer` would hand `typed`, or what waits, to the running turn."""
        runtime = self._loading.done.runtime if self._loading.done else None
        text = typed if typed.strip() else self._queue.first
        turning = runtime is not None and self._interrupt == runtime.cancel
        return bool(text) and turning and not COMMAND.match(text)

    def steer(self, typed: str) -> None:
        """Hand what is typed, or else the first that waits, to the running turn.

        Args:
            typed: for which `steers` holds.
        """
        assert self._loading.done is not None
        text = typed if typed.strip() else self._queue.take()
        sys.stdout.write(self._redact(self._place.drafts.left_out(text)))
        self._loading.done.runtime.steer(self._place.drafts.expand(text))
        self._place.refresh_waiting()

    def begin(self, first: Coroutine[Any, Any, bool] | None) -> None:
        """Do something first, and then what waits."""
        self._worker = asyncio.get_running_loop().create_task(self._serve(first))

    async def idle(self) -> None:
        """Wait until nothing is being worked on."""
        if self._worker is not None:
            await self._worker

    def rest(self) -> list[str]:
        """Take out what waits and will not be done."""
        return self._queue.take_all()

    async def resume(self) -> bool:
        """Go on with a turn that was broken off; return whether what waits may follow."""
        assert self._loading.done is not None
        return not self._loading.done.unfinished or await self._go_on(self._loading.done)

    async def then(self, command: Command) -> bool:
        """Do what a command does, for `begin`; return whether what waits may follow."""
        assembly = await self._loading.wait()
        return await self._follow(assembly, await command(assembly))

    def show(self, record: Record) -> None:
        """Note with its first record that what was entered has begun: the display shows it."""
        if self._beginning and record.event.durable:
            self._unbegun, self._beginning = "", False

    async def told(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do something, and say what went wrong with it; return None then."""
        from llmrepl.conversing.commands.table import Leave
        from llmrepl.displays.complaint import complain

        try:
            return await work
        except Leave:
            self._place.leave()
        except LlmreplError as error:
            told = LlmreplError(self._redact(error.message), hint=self._redact(error.hint))
            complain(sys.stdout, told)
        except Exception:  # noqa: BLE001 - a plugin's bug, or ours, must not end the chat
            from traceback import format_exc

            from llmrepl.sanitise import clean

            sys.stdout.write(clean(self._redact(format_exc())))
        return None

    # The worker

    async def _serve(self, first: Coroutine[Any, Any, bool] | None) -> None:
        """Do one thing after the other, until there is nothing left."""
        if first is not None:
            self._after(await self._take(first))
        while self.queued and not self.leaving:
            self._unbegun = text = self._queue.take()
            self._after(await self._take(self._do(text), may_fail=bool(COMMAND.match(text))))

    def _after(self, went_well: bool) -> None:
        """See to what was entered meanwhile: it is next, or goes back into the prompt."""
        self._beginning = False
        if self._loading.done is not None:
            self._queue.put_first(self._loading.done.runtime.unsteer())
        if self._unbegun:
            self._queue.put_first([self._unbegun])
            self._unbegun = ""
        if self.queued and not went_well and not self.leaving:
            self._place.offer("\n".join(self._queue.take_all()))

    async def _take(self, work: Coroutine[Any, Any, bool], *, may_fail: bool = False) -> bool:
        """Do something that can be interrupted; return whether the next may follow."""
        went_well = await self.told(self._interruptible(work))
        if self._loading.done is not None:
            self._place.follow(self._loading.done)
        return may_fail if went_well is None else went_well

    async def _interruptible(self, work: Coroutine[Any, Any, bool]) -> bool:
        """Do something that an interrupt ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._interrupt = task.cancel
        try:
            return await task
        except asyncio.CancelledError:
            sys.stdout.write("interrupted\n")
            return False
        finally:
            self._interrupt = None

    async def _do(self, text: str) -> bool:
        from llmrepl.conversing.commands.table import COMMANDS, command_of
        from llmrepl.conversing.shell import is_command, run

        drafts = self._place.drafts
        try:
            assembly = await self._loading.wait()
        finally:
            if COMMAND.match(text):
                self._unbegun = ""
                self._place.echo(text)
        expanded = drafts.expand(text)
        name, rest = command_of(expanded)
        if name:
            return await self._follow(assembly, await COMMANDS[name].run(assembly, rest))
        # The session could not be written, for one.
        if assembly.unfinished and not await self._go_on(assembly):
            return False
        if is_command(expanded):
            return await self._turn(assembly, run(assembly, expanded))
        await assembly.counting.done()
        self._beginning = True
        message = await asyncio.to_thread(drafts.composed, text)
        for note in message.notes:
            sys.stdout.write(f"{self._redact(note)}\n")
        return await self._turn(assembly, assembly.runtime.turn(message.parts))

    async def _follow(self, assembly: Assembly, following: Following | None) -> bool:
        """Do what follows from a command; return whether what waits may follow."""
        if following is None:
            return True
        if following.draft:
            self._place.offer(following.draft)
        return following.turn is None or await self._turn(assembly, following.turn)

    async def _go_on(self, assembly: Assembly) -> bool:
        sys.stdout.write("the last turn was not finished; going on with it\n")
        await assembly.counting.done()
        return await self._turn(assembly, assembly.runtime.resume())

    async def _turn(self, assembly: Assembly, turn: Awaitable[str]) -> bool:
        """Run a turn, which an interrupt winds down so that what it gave so far is kept."""
        from llmrepl.ports import Settles

        runtime = assembly.runtime
        self._interrupt, interrupt = runtime.cancel, self._interrupt
        try:
            return await turn == "end_turn"
        finally:
            self._interrupt = interrupt
            if isinstance(assembly.display, Settles):
                assembly.display.settle()
