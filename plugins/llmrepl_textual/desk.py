"""What every screen works with: the session, what has happened in it, and what a person can do.

A screen reads records and calls what stands here; nothing of it knows Textual.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from llmrepl.compose import Assembly, assemble
from llmrepl.compose.approval import Person
from llmrepl.compose.front import Front
from llmrepl.compose.opening import Wanted
from llmrepl.config import Config, Loaded
from llmrepl.config.paths import history_file
from llmrepl.conversing.drafting.draft import Drafts
from llmrepl.conversing.loading import Loading
from llmrepl.conversing.looking import glance
from llmrepl.conversing.warming import warm
from llmrepl.conversing.work import Place, Work
from llmrepl.errors import LlmreplError
from llmrepl.ports import Display
from llmrepl.redaction import Redactor
from llmrepl_textual.records import Records


class Host(Place, Front, Display, Person, Protocol):
    """What shows the chat: the place where a person types, and where they are asked."""

    @property
    def typed(self) -> str:
        """What stands in the prompt, as text."""
        ...


class Look:
    """The theme that holds (`llmrepl.compose.assembly.Look`).

    Args:
        theme: its name.
    """

    def __init__(self, theme: str) -> None:
        self._theme = theme
        self.follow: Callable[[str], object] = str

    @property
    def theme(self) -> str:
        """The theme's name."""
        return self._theme

    @theme.setter
    def theme(self, name: str) -> None:
        self._theme = name
        self.follow(name)


class Desk:
    """One session and its runtime, for all screens.

    Args:
        loaded: the configuration.
        wanted: which session.
        environ: the environment variables.
        cwd: the working directory.

    Attributes:
        records: what has happened in the session, durable records alone; it grows.
        work: what a person has entered: `work.enter("/cost")` does it as if it was typed.
        drafts: what texts in the prompt stand for.
        look: the theme.
        chosen: the seq of the record of the block that is chosen in the chat; 0 where none is.
        paused: the action that the turn is paused before; empty where it is not.
        ring: called as a person is asked something.
        unsent: what waited, or stood in the prompt, when it was left.
        history: the file of what was sent; None where nothing is kept.
        failure: why the session could not be opened; None where it is, or may be.
    """

    def __init__(
        self, loaded: Loaded, wanted: Wanted, *, environ: Mapping[str, str], cwd: Path
    ) -> None:
        self.loaded = loaded
        self.config: Config = loaded.config
        self.environ = environ
        self.cwd = cwd
        self.drafts = Drafts(cwd)
        self.records = Records(lambda: self._redactor)
        saved = loaded.config.sessions.save
        self.history = history_file(environ) if saved else None
        self.unsent: list[str] = []
        self.failure: LlmreplError | None = None
        self.chosen = 0
        self.paused = ""
        self.follow_pauses: Callable[[], object] = str
        self.ring: Callable[[], object] = str
        self.look = Look(loaded.config.ui.theme)
        self._wanted = wanted
        self._loading = Loading(self._load)
        self._host: Host | None = None
        self._displays: list[Display] = [self.records]
        self._open = asyncio.Event()
        self._movers: list[Callable[[], object]] = []
        self.work: Work

    def foresee(self) -> bool:
        """Let `records` be those of the session that is about to be opened, if it has a file.

        Reading its end takes no time, opening it may.
        """
        from llmrepl.sessions.catalog import find, last, session_path

        directory = self.config.sessions.directory
        try:
            if self._wanted.resume:
                name = find(directory, self._wanted.resume)
            else:
                name = last(directory, str(self.cwd)) if self._wanted.last else ""
        except LlmreplError:
            name = ""
        if name:
            self.records.foresee(session_path(directory, name))
        return len(self.records) > 0

    def serve(self, host: Host) -> None:
        """Let `host` show the chat; to be called once, before anything is loaded."""
        self._host = host
        self.work = Work(self._loading, host, self.redact)
        self._displays += [self.work, host]

    def offer(self, text: str) -> None:
        """Put text into the prompt of the chat, before what is there."""
        if self._host is not None:
            self._host.offer(text)

    @property
    def assembly(self) -> Assembly | None:
        """The runtime with all it reaches the world through, once it is ready."""
        return self._loading.done

    async def ready(self) -> Assembly:
        """Return the assembly when it is ready; raises what its making raised."""
        return await self._loading.wait()

    async def opened(self) -> Assembly:
        """Return the assembly when it is ready, even where its making fails before it succeeds."""
        await self._open.wait()
        return await self.ready()

    def subscribe(self, display: Display) -> None:
        """Pass every record from now on to `display`, durable or transient."""
        self._displays.append(display)
        if self.assembly is not None:
            self.assembly.runtime.subscribe(display)

    def unsubscribe(self, display: Display) -> None:
        """Stop it."""
        self._displays.remove(display)
        if self.assembly is not None:
            self.assembly.runtime.unsubscribe(display)

    def on_move(self, moved: Callable[[], object]) -> None:
        """Call `moved` whenever the chat goes on in another session: by /resume, /fork, /undo."""
        self._movers.append(moved)

    def tell_paused(self, action: str) -> None:
        """Let the chat say before which action the turn is paused; empty where it is not."""
        self.paused = action
        self.follow_pauses()

    def redact(self, text: str) -> str:
        """Return `text` without secrets."""
        return self._redactor.redact(text)

    @cached_property
    def _redactor(self) -> Redactor:
        from llmrepl.config.secrets import redactor_of

        return redactor_of(self.config, self.environ, self.cwd)

    async def close(self) -> None:
        """Wind down what is under way, and close the session. May be called twice."""
        if hasattr(self, "work"):
            self.work.leave()
            await self.work.idle()
            unsent = filter(str.strip, [*self.work.rest(), self._typed()])
            self.unsent += map(self.drafts.expand, unsent)
        assembly = await self._loading.end()
        if assembly is not None and not self._closed:
            self._closed = True
            await assembly.close()

    def _typed(self) -> str:
        host, self._host = self._host, None
        return host.typed if host is not None else ""

    _closed = False
    _opened: Assembly | None = None

    async def _load(self) -> Assembly:
        host = self._host
        assert host is not None
        try:
            assembly = await assemble(
                self.config, wanted=self._wanted, person=host, environ=self.environ, cwd=self.cwd
            )
        except LlmreplError as error:
            self.failure = error
            raise
        finally:
            if not gc.isenabled():
                gc.freeze()  # no search for cycles goes through what has been loaded
                gc.enable()
        assembly.look = self.look
        assembly.front = host
        assembly.display = host
        assembly.on_session = self._moved
        self._opened = assembly
        await asyncio.to_thread(assembly.views.load)
        for display in (*self._displays, assembly.context_size):
            assembly.runtime.subscribe(display)
        if self.records.move(assembly):
            for moved in self._movers:
                moved()
        assembly.readiness.begin()
        assembly.warming = asyncio.ensure_future(warm(assembly))
        assembly.looking = asyncio.ensure_future(glance(assembly))
        host.follow(assembly)
        self.failure = None
        self._open.set()
        return assembly

    def _moved(self) -> None:
        assert self._opened is not None
        self.records.move(self._opened)
        for moved in self._movers:
            moved()
