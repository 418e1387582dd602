"""The chat: one prompt that stays, and one worker that does what was entered, in order.

The prompt comes first. Everything a turn needs is loaded and started while the person types, and
the first turn waits for whatever of it is not ready yet. What was typed is never lost: it is done,
or waits, or is back in the prompt.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from llmrepl import __version__
from llmrepl.conversing.loading import Loading
from llmrepl.conversing.prompt import CONTINUATION, PROMPT
from llmrepl.conversing.work import Work
from llmrepl.errors import LlmreplError
from llmrepl.repl.background import Keys
from llmrepl.repl.editing.session import prompt_session
from llmrepl.repl.history import History
from llmrepl.repl.keys import held
from llmrepl.repl.look import Look
from llmrepl.repl.panel import Panel
from llmrepl.repl.status import StatusLine
from llmrepl.repl.turn_keys import turn_keys

if TYPE_CHECKING:
    from llmrepl.compose import Assembly
    from llmrepl.config import Config
    from llmrepl.conversing.drafting.draft import Drafts


Assemble = Callable[[Panel], Awaitable["Assembly"]]


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
        self._status = StatusLine(self.refresh_waiting)
        self._work = Work(self._loading, self, redact)
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
            lambda output: make(output=output), self._work.enter, self._work.lines, self._look
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
                    self._work.begin(self._work.resume())
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
        while not self._work.leaving:
            try:
                await self._panel.prompt()
            except EOFError:
                self.leave()
            if not self._panel.live:
                await self._work.idle()  # this terminal cannot show both

    # What the keys do

    @property
    def busy(self) -> bool:
        """Whether something that was entered is being worked on."""
        return self._work.busy

    @property
    def queued(self) -> bool:
        """Whether something waits."""
        return self._work.queued

    def interrupt(self) -> None:
        """End what is being worked on: by Esc, Ctrl-C or the signal."""
        self._work.interrupt()

    def leave(self) -> None:
        """End the chat in order: the turn is wound down, the terminal left as it was found."""
        self._panel.close()
        self._work.leave()

    def say_how_to_leave(self) -> None:
        """Say it."""
        sys.stdout.write("Ctrl-D or /quit leaves.\n")

    def take_back(self) -> None:
        """Take the last text that waits into the prompt."""
        self._work.take_back()

    def steer(self) -> None:
        """Hand the typed text, or the first that waits, to the running turn.

        Where there is none, or the text is a command, it is sent as with Enter.
        """
        buffer = self._panel.session.default_buffer
        text = buffer.text
        if not self._work.steers(text):
            if text.strip() or self.queued:
                buffer.validate_and_handle()
            return
        if text.strip():
            buffer.append_to_history()
            buffer.reset()
        self._work.steer(text)

    def edit_last(self) -> None:
        """Do as if `/edit` had been entered."""
        self._work.enter("/edit")

    def expand(self) -> None:
        """Show all of the last output, at once: also while a turn runs."""
        self._panel.session.app.create_background_task(self._work.told(self._expanded()))

    async def _expanded(self) -> None:
        from llmrepl.conversing.commands.showing import show_output

        await show_output(await self._loading.wait(), "")

    def _calls(self) -> list[tuple[str, str]]:
        from llmrepl.conversing.commands.showing import calls

        assembly = self._loading.done
        return [*calls(assembly.runtime.state)] if assembly else []

    # What the work needs (`llmrepl.conversing.work.Place`)

    @property
    def drafts(self) -> Drafts:
        """What texts in the prompt stand for."""
        return self._panel.session.drafts

    def offer(self, text: str) -> None:
        """Put text into the prompt, before what is there."""
        self._panel.offer(text)

    def echo(self, text: str) -> None:
        """Show a command where a turn would show its prompt."""
        from llmrepl.sanitise import clean

        if self._panel.live:
            sys.stdout.write(PROMPT + clean(text.strip()) + "\n")

    def follow(self, assembly: Assembly) -> None:
        """Show how the chat stands now."""
        self._status.follow(assembly)

    def refresh_waiting(self) -> None:
        """Show anew what stands around the prompt."""
        self._panel.refresh()

    # What is made ready

    def _begin(self, _: object) -> None:
        if not self._begun:
            self._begun = True
            if self._loading.done is None:
                self._keys.ask(self._look)
            self._loading.begin()

    async def _load(self) -> Assembly:
        try:
            assembly = await self._assemble(self._panel)
        except LlmreplError as error:
            self._status.say(self._redact(error.message))
            raise
        finally:
            gc.freeze()  # no later search for cycles goes through what has been loaded
            gc.enable()
        assembly.runtime.subscribe(self._work)
        kept = self._panel.session.history
        if isinstance(kept, History):
            kept.sent.session = lambda: assembly.session_id
        self._status.follow(assembly)
        if self._begun:
            self._welcome(assembly)
        return assembly

    def _welcome(self, assembly: Assembly | None = None) -> None:
        """Let the display begin, below the chat's own first line."""
        from llmrepl.conversing.welcome import welcome

        assembly = assembly or self._loading.done
        if assembly and self._panel.live:  # else the prompt stands where this would be written
            welcome(assembly)

    async def _close(self) -> None:
        """Wait for the end of the turn, and say how to come back."""
        self.leave()
        await self._work.idle()
        for text in filter(str.strip, [*self._work.rest(), self._panel.text]):
            sys.stdout.write(f"not sent: {text}\n")
        assembly = await self._loading.end()
        if assembly is None:
            return
        await assembly.close()
        if assembly.runtime.state.turn and assembly.session_id:
            sys.stdout.write(f"To resume this session: llmrepl --resume {assembly.session_id}\n")
