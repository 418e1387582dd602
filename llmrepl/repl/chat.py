"""The chat: one prompt that stays, and one worker that does what was entered, in order.

The prompt comes first. Everything a turn needs is loaded and started while the person types, and
the first turn waits for whatever of it is not ready yet. What was typed is never lost: it is done,
or waits, or is back in the prompt.
"""

from __future__ import annotations

import asyncio
import gc
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from llmrepl import __version__
from llmrepl.errors import LlmreplError
from llmrepl.repl.background import Keys
from llmrepl.repl.editing.session import prompt_session
from llmrepl.repl.history import History
from llmrepl.repl.keys import held
from llmrepl.repl.loading import Loading
from llmrepl.repl.look import Look
from llmrepl.repl.panel import Panel
from llmrepl.repl.prompt import CONTINUATION, PROMPT
from llmrepl.repl.queued import Queue
from llmrepl.repl.status import StatusLine
from llmrepl.repl.turn_keys import turn_keys

if TYPE_CHECKING:
    from llmrepl.compose import Assembly
    from llmrepl.config import Config
    from llmrepl.record import Record


COMMAND = re.compile(r"\s*(/[^/\s]*(\s|\Z)|!)")
"""What begins like this is a command, or means to be one."""

Assemble = Callable[[Panel], Awaitable["Assembly"]]
T = TypeVar("T")


class Chat:
    """One chat in a terminal.

    Args:
        assemble: makes everything a turn needs; called once, while the first prompt is up.
        history: where typed lines are kept; None keeps them in memory.
        config: how the prompt is edited.
        redact: takes secrets out of what is kept in `history` and of what went wrong.
    """

    def __init__(
        self,
        assemble: Assemble,
        history: Path | None,
        *,
        config: Config,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._assemble = assemble
        self._redact = redact
        self._loading = Loading(self._load)
        self._status = StatusLine(self._refresh)
        self._queue = Queue()
        self._worker: asyncio.Task[None] | None = None
        self._unbegun = ""  # what the worker has taken, and nobody has seen begin
        self._beginning = False
        self._interrupt: Callable[[], object] | None = None
        self._leaving = False
        self._begun = False
        self._look = Look(config.ui.theme)
        self._keys = Keys(sys.stdin)
        make = partial(
            prompt_session,
            config,
            input=self._keys,
            history=history,
            redact=redact,
            others=turn_keys(self),
            known={"CALL": self._calls},
            message=PROMPT,
            prompt_continuation=CONTINUATION,
            bottom_toolbar=self._status.line,
            erase_when_done=True,
        )
        self._panel = Panel(
            lambda output: make(output=output), self._entered, self._above, self._look
        )

    async def run(self, *, resuming: bool = False) -> int:
        """Chat until the person leaves; return the exit code.

        Args:
            resuming: load before the first prompt, to show the session that is gone on with.

        Raises:
            LlmreplError: what is gone on with could not be loaded.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        for ending in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(ending, self.leave)
        with held(sys.stdin), self._panel.standing():
            try:
                if resuming:
                    self._keys.ask(self._look)
                    with self._keys.kept():
                        await self._loading.wait()
                sys.stdout.write(f"llmrepl {__version__} · /help for help, Ctrl-D to leave\n")
                sys.stdout.flush()
                if resuming:
                    self._work_on(self._resume())
                    self._welcome()
                # Loading starts when the prompt is on the screen, so that it never delays it.
                self._panel.session.app.after_render += self._begin
                await self._read()
            finally:
                await self._close()
                await self._keys.heard()
        return 0

    async def _read(self) -> None:
        """Keep the prompt up until the person leaves."""
        while not self._leaving:
            try:
                await self._panel.prompt()
            except EOFError:
                self.leave()
            if self._worker is not None and not self._panel.live:
                await self._worker  # this terminal cannot show both

    # What the keys do

    @property
    def busy(self) -> bool:
        """Whether something that was entered is being worked on."""
        return self._worker is not None and not self._worker.done()

    @property
    def queued(self) -> bool:
        """Whether something waits."""
        return len(self._queue) > 0

    def interrupt(self) -> None:
        """End what is being worked on: by Esc, Ctrl-C or the signal."""
        if self._interrupt is not None:
            self._interrupt()

    def leave(self) -> None:
        """End the chat in order: the turn is wound down, the terminal left as it was found."""
        self._leaving = True
        self._panel.close()
        self.interrupt()

    def say_how_to_leave(self) -> None:
        """Say it."""
        sys.stdout.write("Ctrl-D or /quit leaves.\n")

    def take_back(self) -> None:
        """Take the last text that waits into the prompt."""
        self._panel.offer(self._queue.take_last())

    def steer(self) -> None:
        """Hand the typed text, or the first that waits, to the running turn.

        Where there is none, or the text is a command, it is sent as with Enter.
        """
        runtime = self._loading.done.runtime if self._loading.done else None
        turning = runtime is not None and self._interrupt == runtime.cancel
        buffer = self._panel.session.default_buffer
        text = buffer.text if buffer.text.strip() else self._queue.first
        if not text:
            return
        if runtime is None or not turning or COMMAND.match(text):
            buffer.validate_and_handle()
            return
        if buffer.text.strip():
            buffer.append_to_history()
            buffer.reset()
        else:
            self._queue.take()
        sys.stdout.write(self._redact(self._panel.session.left_out(text)))
        runtime.steer(self._panel.session.expand(text))
        self._panel.refresh()

    def edit_last(self) -> None:
        """Do as if `/edit` had been entered."""
        self._entered("/edit")

    def expand(self) -> None:
        """Show all of the last output, at once: also while a turn runs."""
        self._panel.session.app.create_background_task(self._told(self._expanded()))

    async def _expanded(self) -> None:
        from llmrepl.repl.commands.showing import show_output

        await show_output(await self._loading.wait(), "")

    def _entered(self, text: str) -> None:
        if text.strip() and not self._leaving:
            self._queue.put(text)
            if not self.busy:
                self._work_on(None)

    def _above(self) -> list[str]:
        """Return the lines above the prompt: what is about to begin, and what waits."""
        assembly = self._loading.done
        steering = assembly.runtime.steering if assembly else ()
        begins = [PROMPT + line for line in self._unbegun.splitlines()[:1]]
        return [*begins, *self._queue.lines(steering)]

    def _calls(self) -> list[tuple[str, str]]:
        from llmrepl.repl.commands.showing import calls

        assembly = self._loading.done
        return [*calls(assembly.runtime.state)] if assembly else []

    # The worker

    def _work_on(self, first: Coroutine[Any, Any, bool] | None) -> None:
        self._worker = asyncio.get_running_loop().create_task(self._serve(first))

    async def _serve(self, first: Coroutine[Any, Any, bool] | None) -> None:
        """Do one thing after the other, until there is nothing left."""
        if first is not None:
            self._after(await self._take(first))
        while self.queued and not self._leaving:
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
        if self.queued and not went_well and not self._leaving:
            self._panel.offer("\n".join(self._queue.take_all()))

    async def _take(self, work: Coroutine[Any, Any, bool], *, may_fail: bool = False) -> bool:
        """Do something that can be interrupted; return whether the next may follow."""
        went_well = await self._told(self._interruptible(work))
        if self._loading.done is not None:
            self._status.follow(self._loading.done)
        return may_fail if went_well is None else went_well

    async def _told(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do something, and say what went wrong with it; return None then."""
        from llmrepl.displays.complaint import complain
        from llmrepl.repl.commands.table import Leave

        try:
            return await work
        except Leave:
            self.leave()
        except LlmreplError as error:
            told = LlmreplError(self._redact(error.message), hint=self._redact(error.hint))
            complain(sys.stdout, told)
        except Exception:  # noqa: BLE001 - a plugin's bug, or ours, must not end the chat
            from traceback import format_exc

            from llmrepl.sanitise import clean

            sys.stdout.write(clean(self._redact(format_exc())))
        return None

    async def _interruptible(self, work: Coroutine[Any, Any, bool]) -> bool:
        """Do something that Ctrl-C ends."""
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
        from llmrepl.repl.commands.table import COMMANDS, command_of
        from llmrepl.repl.shell import is_command, run

        try:
            assembly = await self._loading.wait()
        finally:
            if COMMAND.match(text):
                self._echo(text)
        expanded = self._panel.session.expand(text)
        name, rest = command_of(expanded)
        if name:
            following = await COMMANDS[name].run(assembly, rest)
            if following is None:
                return True
            if following.draft:
                self._panel.offer(following.draft)
            return following.turn is None or await self._turn(assembly, following.turn)
        # The session could not be written, for one.
        if assembly.unfinished and not await self._go_on(assembly):
            return False
        if is_command(expanded):
            return await self._turn(assembly, run(assembly, expanded))
        self._beginning = True
        message = await asyncio.to_thread(self._panel.session.composed, text)
        for note in message.notes:
            sys.stdout.write(f"{self._redact(note)}\n")
        return await self._turn(assembly, assembly.runtime.turn(message.parts))

    def _echo(self, text: str) -> None:
        """Show a command where a turn would show its prompt."""
        from llmrepl.sanitise import clean

        self._unbegun = ""
        if self._panel.live:
            sys.stdout.write(PROMPT + clean(text.strip()) + "\n")

    async def _resume(self) -> bool:
        assert self._loading.done is not None
        return not self._loading.done.unfinished or await self._go_on(self._loading.done)

    async def _go_on(self, assembly: Assembly) -> bool:
        sys.stdout.write("the last turn was not finished; going on with it\n")
        return await self._turn(assembly, assembly.runtime.resume())

    async def _turn(self, assembly: Assembly, turn: Awaitable[str]) -> bool:
        """Run a turn, which Ctrl-C winds down so that what it gave so far is kept."""
        from llmrepl.ports import Settles

        runtime = assembly.runtime
        self._interrupt, interrupt = runtime.cancel, self._interrupt
        try:
            return await turn == "end_turn"
        finally:
            self._interrupt = interrupt
            if isinstance(assembly.display, Settles):
                assembly.display.settle()

    # What is made ready

    def _begin(self, _: object) -> None:
        if not self._begun:
            self._begun = True
            if self._loading.done is None:
                self._keys.ask(self._look)
            self._loading.begin()

    def _refresh(self) -> None:
        self._panel.refresh()

    async def _load(self) -> Assembly:
        try:
            assembly = await self._assemble(self._panel)
        except LlmreplError as error:
            self._status.say(self._redact(error.message))
            raise
        finally:
            gc.freeze()  # no later search for cycles goes through what has been loaded
            gc.enable()
        assembly.runtime.subscribe(self)
        kept = self._panel.session.history
        if isinstance(kept, History):
            kept.session = lambda: assembly.session_id
        self._status.follow(assembly)
        if self._begun:
            self._welcome(assembly)
        return assembly

    def _welcome(self, assembly: Assembly | None = None) -> None:
        """Let the display begin, below the chat's own first line."""
        from llmrepl.repl.welcome import welcome

        assembly = assembly or self._loading.done
        if assembly and self._panel.live:  # else the prompt stands where this would be written
            welcome(assembly)

    def show(self, record: Record) -> None:
        """Note with its first record that what was entered has begun: the display shows it."""
        if self._beginning and record.event.durable:
            self._unbegun, self._beginning = "", False

    async def _close(self) -> None:
        """Wait for the end of the turn, and say how to come back."""
        self.leave()
        if self._worker is not None:
            await self._worker
        for text in filter(str.strip, [*self._queue.take_all(), self._panel.text]):
            sys.stdout.write(f"not sent: {text}\n")
        assembly = await self._loading.end()
        if assembly is None:
            return
        await assembly.close()
        if assembly.runtime.state.turn and assembly.session_id:
            sys.stdout.write(f"To resume this session: llmrepl --resume {assembly.session_id}\n")
