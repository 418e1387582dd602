"""The chat: a prompt, a turn, the next prompt.

The prompt comes first. Everything a turn needs is loaded and started while the person types, and
the first turn waits for whatever of it is not ready yet.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import FileHistory, InMemoryHistory

from llmrepl import __version__
from llmrepl.errors import LlmreplError
from llmrepl.repl.keys import bindings

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
    """

    def __init__(self, assemble: Assemble, history: Path | None, *, vi: bool = False) -> None:
        self._assemble = assemble
        self._ready: asyncio.Task[Assembly] | None = None
        self._status = "starting"
        self._prompt: PromptSession[str] = PromptSession(
            PROMPT,
            history=InMemoryHistory() if history is None else FileHistory(str(history)),
            multiline=True,
            key_bindings=bindings(),
            prompt_continuation=CONTINUATION,
            bottom_toolbar=lambda: HTML("{}").format(self._status),
            vi_mode=vi,
            enable_suspend=True,
        )

    async def prepare(self) -> None:
        """Load before the first prompt, for a chat that goes on with a session."""
        self._begin(None)
        assert self._ready is not None
        assembly = await self._ready
        if assembly.unfinished:
            sys.stdout.write("the last turn was not finished; going on with it\n")
            await self._interruptible(assembly, assembly.runtime.resume())

    async def run(self) -> int:
        """Chat until the person leaves; return the exit code."""
        sys.stdout.write(f"llmrepl {__version__} · /help for help, Ctrl-D to leave\n")
        sys.stdout.flush()
        # Loading starts when the prompt is on the screen, so that it never delays it.
        self._prompt.app.after_render += self._begin
        try:
            while True:
                try:
                    text = await self._prompt.prompt_async()
                except KeyboardInterrupt:
                    sys.stdout.write("Ctrl-D or /quit leaves.\n")
                    continue
                except EOFError:
                    return 0
                if text.strip() and not await self._take(text):
                    return 0
        finally:
            await self._close()

    def _begin(self, _: Any) -> None:
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_task(self._load())

    async def _load(self) -> Assembly:
        try:
            assembly = await self._assemble()
        except LlmreplError as error:
            self._status = error.message
            raise
        self._show_status(assembly)
        return assembly

    def _show_status(self, assembly: Assembly) -> None:
        self._status = assembly.status
        if self._prompt.app.is_running:
            self._prompt.app.invalidate()

    async def _take(self, text: str) -> bool:
        """Do what was typed; return false to leave."""
        from llmrepl.repl.commands import COMMANDS, Leave, command_of

        if self._ready is None:
            self._begin(None)
        assert self._ready is not None
        try:
            assembly = await asyncio.shield(self._ready)
            name, rest = command_of(text)
            if name:
                await COMMANDS[name].run(assembly, rest)
            else:
                await self._turn(assembly, text)
        except Leave:
            return False
        except LlmreplError as error:
            from llmrepl.displays.line import complain

            complain(sys.stdout, error)
            if self._ready.done() and self._ready.exception() is not None:
                self._ready = None  # what could not be assembled is tried again
            return True
        self._show_status(assembly)
        return True

    async def _turn(self, assembly: Assembly, text: str) -> None:
        from llmrepl.parts import Text

        await self._interruptible(assembly, assembly.runtime.turn((Text(text),)))

    async def _interruptible(self, assembly: Assembly, work: Awaitable[str]) -> None:
        """Let Ctrl-C interrupt the turn, and nothing else, while it runs."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, assembly.runtime.cancel)
        try:
            await work
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    async def _close(self) -> None:
        if self._ready is None:
            return
        self._ready.cancel() if not self._ready.done() else None
        try:
            assembly = await self._ready
        except (LlmreplError, asyncio.CancelledError):
            return
        await assembly.close()
        if assembly.runtime.state.turn and assembly.session_id:
            sys.stdout.write(f"To resume this session: llmrepl --resume {assembly.session_id}\n")
