"""The prompt at the bottom of the terminal, with what is staged and what is queued above it.

A panel is the stream that everything in a chat is written to. What is written is printed above the
prompt, line by line, in order, and stays: the prompt is erased, the lines are printed and the
prompt is drawn again, in one go. The terminal keeps its own scrollback.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    ExitStack,
    asynccontextmanager,
    contextmanager,
    redirect_stderr,
    redirect_stdout,
)
from functools import partial
from typing import cast

from prompt_toolkit.application import create_app_session
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples, to_formatted_text
from prompt_toolkit.layout import ConditionalContainer, FormattedTextControl, HSplit, Window
from prompt_toolkit.utils import get_cwidth

from llmrepl.repl.editing.session import Editor
from llmrepl.repl.look import Look, dress
from llmrepl.repl.output import Output
from llmrepl.repl.renderer import PanelRenderer
from llmrepl.repl.sgr import fragments, painted, visible

PAUSE = 0.02
"""Seconds between two drawings, at the least."""

LONGEST_PAUSE = 0.1
"""Seconds between two drawings, at the most, however much they take."""

SHARE = 0.1
"""The part of the processor's time for drawing, within these pauses. Keys are not put off."""

LONGEST = 4_000
"""Characters of an unfinished line that are held back; then it goes on in another."""

RESERVED = 6
"""Rows that what is staged leaves to the prompt, the queue and the status."""


class Panel(io.TextIOBase):
    """A terminal with a prompt that is always there; see `ports.Surface` for `stage`.

    Args:
        make: makes the line editor on an output; None is a terminal that cannot redraw lines. The
            prompt is there only between turns then.
        entered: takes what the person sends.
        above: returns what is shown between what is staged and the prompt, a line each.
        look: the theme that holds.
    """

    encoding = "utf-8"

    def __init__(
        self,
        make: Callable[[Output | None], Editor],
        entered: Callable[[str], None],
        above: Callable[[], list[str]],
        look: Look,
    ) -> None:
        self.look = look
        self._stream = sys.stdout
        self._output = Output.on(sys.stdout) if os.environ.get("TERM") != "dumb" else None
        self.session = make(self._output)
        look.follow(partial(dress, self.session))
        self._entered = entered
        self._above = above
        self._staged: list[str] = []
        self._written: list[str] = []
        self._line = ""  # the one that is not finished
        self._rows: list[str] = []  # what is shown above the prompt
        self._status: StyleAndTextTuples = []  # what is shown below it
        self._place = asyncio.Lock()  # at the terminal's bottom
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.get_ident()
        self._due: asyncio.Handle | None = None
        self._next = 0.0
        self._late = False
        self._window = Window(
            FormattedTextControl(
                lambda: fragments("\n".join(self._rows)),
                show_cursor=False,
                get_cursor_position=self._end,  # of what does not fit, the end is shown
            ),
            dont_extend_height=True,
            wrap_lines=True,
        )
        if self._output is not None:
            self._stand(self._output)

    def _stand(self, output: Output) -> None:
        """Let the prompt stay when something is sent, below what is staged."""
        self.session.default_buffer.accept_handler = self._accepted
        self.session.app.after_render += self._rendered
        style = self.session.app.renderer.style
        self._renderer = PanelRenderer(style, output, self._window)
        self.session.app.renderer = self._renderer
        self.session.app.max_render_postpone_time = None  # a key does not wait for an idle loop
        container = cast("HSplit", self.session.layout.container)
        shown = Condition(lambda: bool(self._rows))
        container.children.insert(0, ConditionalContainer(self._window, shown))

    @property
    def live(self) -> bool:
        """Whether the prompt is there while a turn runs."""
        return self._output is not None

    @property
    def text(self) -> str:
        """What stands in the prompt."""
        return self.session.default_buffer.text

    # The prompt

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Take whatever is written to stdout meanwhile, and the questions that are asked."""
        self._loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            stack.enter_context(redirect_stdout(self))
            if sys.stderr.isatty():
                stack.enter_context(redirect_stderr(self))
            if self._output is not None:
                keys = self.session.app.input
                stack.enter_context(create_app_session(input=keys, output=self._output))
            try:
                yield
            finally:
                self.stage("")
                if self._line or self._written:
                    self.write("\n")
                self._draw()

    async def prompt(self) -> None:
        """Keep the prompt up until it has to step aside, or is closed.

        Raises:
            EOFError: the terminal is gone.
        """
        async with self._place:
            if self._closed:
                return
            buffer, session = self.session.default_buffer, self.session
            try:
                text = await session.prompt_async(
                    # The prompt reads Ctrl-C as a key. It must not touch our signal handlers.
                    default=buffer.document,
                    handle_sigint=False,
                    set_exception_handler=False,
                )
            finally:
                self._draw()
            if not self.live:
                buffer.reset()
                self._entered(text)

    def close(self) -> None:
        """Take the prompt away for good."""
        self._closed = True
        self._step_aside()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Leave the terminal to others; the prompt comes back with what was typed so far."""
        self._step_aside()
        async with self._place:
            self._draw()
            yield

    def _step_aside(self) -> None:
        app = self.session.app
        if app.is_running and not app.is_done:
            app.exit(result="")

    def offer(self, text: str) -> None:
        """Put text into the prompt, before what is there."""
        buffer = self.session.default_buffer
        text = f"{text}\n{buffer.text}" if buffer.text else text
        buffer.set_document(Document(text), bypass_readonly=True)
        self.refresh()

    def _accepted(self, buffer: Buffer) -> bool:
        self._entered(buffer.text)
        self._next = 0.0  # what a key does is seen at once
        self.refresh()
        return False  # the prompt is empty then

    # What is printed and shown

    def isatty(self) -> bool:
        """Return whether this is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the terminal's file descriptor."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Print above the prompt, soon; a line that is not finished is shown, and printed later."""
        self._written.append(text)
        self.refresh()
        return len(text)

    def stage(self, text: str) -> None:
        """Show lines above the prompt, in place of those that were there."""
        self._staged = text.split("\n") if text else []
        self.refresh()

    def refresh(self) -> None:
        """Draw what has changed, soon."""
        if self._loop is None or not self.session.app.is_running:
            self._draw()
        elif threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self.refresh)
        elif self._due is None:
            wait = self._next - self._loop.time()
            later = self._loop.call_later
            self._due = later(wait, self._draw) if wait > 0 else self._loop.call_soon(self._draw)

    def _rendered(self, _: object) -> None:
        if self._late:
            self._late = False
            self.refresh()

    def _draw(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        app = self.session.app
        if not app.is_running or self._output is None:
            self._print(self._lines())
            return
        if app.renderer.last_rendered_screen is None or app.context is None:
            self._late = True  # another program has the terminal; the next rendering comes back
            return
        began = time.thread_time()
        app.context.copy().run(self._show, self._output, self._lines())
        if self._loop is not None:
            took = time.thread_time() - began
            self._next = self._loop.time() + min(max(PAUSE, took / SHARE), LONGEST_PAUSE)

    def _show(self, output: Output, lines: str) -> None:
        """Print lines, and show what is staged, in the cheapest way there is."""
        app, renderer = self.session.app, self._renderer
        status, self._status = self._status, to_formatted_text(self.session.bottom_toolbar)
        before, self._rows = self._rows, [*map(painted, self._shown())]
        same = status == self._status
        if same and not lines and before == self._rows:
            return
        with output.whole():
            if same and self._narrow(output):
                if not lines and renderer.rewrite(app, before, self._rows):
                    return
                if renderer.replace(app, lines, self._rows):
                    return
            renderer.erase()
            output.write_raw(lines)
            app.render_counter += 1  # what was drawn before is kept under this number
            renderer.render(app, app.layout)

    def _narrow(self, output: Output) -> bool:
        """Return whether each row fits into a row of the screen."""
        columns = output.get_size().columns
        return all(get_cwidth(visible(row)) < columns for row in self._rows)

    def _lines(self) -> str:
        """Return what may be printed now: whole lines."""
        text = self._line + "".join(self._written)
        self._written.clear()
        lines, newline, self._line = text.rpartition("\n")
        if not self.live or not visible(self._line):
            lines, newline, self._line = text, "", ""
        elif len(self._line) > LONGEST:
            lines, newline, self._line = text, "\n", ""
        return lines + newline

    def _print(self, text: str) -> None:
        if not text:
            return
        if self._output is None:
            self._stream.write(text)
            self._stream.flush()
        else:
            self._output.write_raw(text)
            self._output.flush()

    def _shown(self) -> list[str]:
        """Return the rows above the prompt."""
        return [*self._staged, *filter(None, [self._line]), *self._above()]

    def _end(self) -> Point:
        rows = self._rows
        return Point(len(visible(rows[-1])), len(rows) - 1) if rows else Point(0, 0)
