"""The chat: a prompt, a turn, the next prompt.

The prompt comes first. Everything a turn needs is loaded and started while the person types, and
the first turn waits for whatever of it is not ready yet.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.history import InMemoryHistory

from llmrepl import __version__
from llmrepl.errors import LlmreplError
from llmrepl.repl.history import History
from llmrepl.repl.keys import bindings, held
from llmrepl.repl.status import StatusLine

if TYPE_CHECKING:
    from llmrepl.compose import Assembly

PROMPT = "❯ "
CONTINUATION = "… "

Assemble = Callable[[], Awaitable["Assembly"]]


class Chat:
    """One chat in a terminal.

    Args:
        assemble: makes everything a turn needs; called once, while the first prompt is up.
        history: where typed lines are kept; None keeps them in memory.
        vi: edit as in vi instead of as in emacs.
        redact: takes secrets out of what is kept in `history` and of what went wrong.
    """

    def __init__(
        self,
        assemble: Assemble,
        history: Path | None,
        *,
        vi: bool = False,
        redact: Callable[[str], str] = str,
    ) -> None:
        self._assemble = assemble
        self._redact = redact
        self._ready: asyncio.Task[Assembly] | None = None
        self._status = StatusLine()
        self._interrupt: Callable[[], object] | None = None
        self._leaving = False
        self._prompt: PromptSession[str] = PromptSession(
            PROMPT,
            history=InMemoryHistory() if history is None else History(history, redact),
            multiline=True,
            key_bindings=bindings(),
            prompt_continuation=CONTINUATION,
            bottom_toolbar=self._status.line,
            vi_mode=vi,
            enable_suspend=True,
        )

    async def run(self, *, resuming: bool = False) -> int:
        """Chat until the person leaves; return the exit code.

        Args:
            resuming: load before the first prompt, to show the session that is gone on with.

        Raises:
            LlmreplError: what is gone on with could not be loaded.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        loop.add_signal_handler(signal.SIGTERM, self._terminated)
        with held(sys.stdin):
            try:
                if resuming:
                    await self._resume()
                sys.stdout.write(f"llmrepl {__version__} · /help for help, Ctrl-D to leave\n")
                sys.stdout.flush()
                # Loading starts when the prompt is on the screen, so that it never delays it.
                self._prompt.app.after_render += self._begin
                while not self._leaving:
                    await self._ask()
            finally:
                await self._close()
        return 0

    async def _ask(self) -> None:
        try:
            # The prompt reads Ctrl-C as a key. It must not touch our signal handlers.
            text = await self._prompt.prompt_async(handle_sigint=False)
        except KeyboardInterrupt:
            sys.stdout.write("Ctrl-D or /quit leaves.\n")
        except EOFError:
            self._leaving = True
        else:
            if text.strip():
                await self._take(text)

    def _interrupted(self) -> None:
        """Ctrl-C while the terminal is not the prompt's, or the signal from elsewhere."""
        if self._interrupt is not None:
            self._interrupt()

    def _terminated(self) -> None:
        """Leave as with Ctrl-D, so that the terminal is left as it was found."""
        self._leaving = True
        if self._prompt.app.is_running:
            self._prompt.app.exit(exception=EOFError())
        self._interrupted()

    async def _resume(self) -> None:
        self._begin(None)
        assert self._ready is not None
        assembly = await self._ready
        if assembly.unfinished:
            await self._work(self._go_on(assembly))

    def _begin(self, _: Any) -> None:
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_task(self._load())

    async def _load(self) -> Assembly:
        try:
            assembly = await self._assemble()
        except LlmreplError as error:
            self._status.say(self._redact(error.message))
            raise
        self._status.follow(assembly)
        return assembly

    async def _take(self, text: str) -> None:
        """Do what was typed, and say what went wrong with it."""
        from llmrepl.displays.complaint import complain
        from llmrepl.repl.commands.table import Leave

        try:
            await self._work(self._do(text))
        except Leave:
            self._leaving = True
        except LlmreplError as error:
            told = LlmreplError(self._redact(error.message), hint=self._redact(error.hint))
            complain(sys.stdout, told)
        except Exception:  # noqa: BLE001 - a plugin's bug, or ours, must not end the chat
            from traceback import format_exc

            from llmrepl.sanitise import clean

            sys.stdout.write(clean(self._redact(format_exc())))
        if self._ready is not None and self._ready.done():
            if self._ready.exception() is None:
                self._status.follow(self._ready.result())
            else:
                self._ready = None  # what could not be assembled is tried again

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that Ctrl-C ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._interrupt = task.cancel
        try:
            await task
        except asyncio.CancelledError:
            sys.stdout.write("interrupted\n")
        finally:
            self._interrupt = None

    async def _do(self, text: str) -> None:
        from llmrepl.parts import Text
        from llmrepl.repl.commands.table import COMMANDS, command_of

        name, rest = command_of(text)
        self._begin(None)
        assert self._ready is not None
        assembly = await asyncio.shield(self._ready)
        if name:
            await COMMANDS[name].run(assembly, rest)
            return
        if assembly.unfinished:  # the session could not be written, for one
            await self._go_on(assembly)
        await self._turn(assembly, assembly.runtime.turn((Text(text),)))

    async def _go_on(self, assembly: Assembly) -> None:
        sys.stdout.write("the last turn was not finished; going on with it\n")
        await self._turn(assembly, assembly.runtime.resume())

    async def _turn(self, assembly: Assembly, turn: Awaitable[str]) -> None:
        """Run a turn, which Ctrl-C winds down so that what it gave so far is kept."""
        from llmrepl.ports import Settles

        self._interrupt, interrupt = assembly.runtime.cancel, self._interrupt
        try:
            await turn
        finally:
            self._interrupt = interrupt
            if isinstance(assembly.display, Settles):
                assembly.display.settle()

    async def _close(self) -> None:
        if self._ready is None:
            return
        self._ready.cancel()
        try:
            assembly = await self._ready
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - it was told when it was needed
            return
        await assembly.close()
        if assembly.runtime.state.turn and assembly.session_id:
            sys.stdout.write(f"To resume this session: llmrepl --resume {assembly.session_id}\n")
