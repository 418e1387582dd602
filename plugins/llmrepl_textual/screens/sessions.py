"""Saved sessions: a list, read as far as somebody looks, a search, and the trees of forks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from llmrepl.figures import counted
from llmrepl_textual.desk import Desk
from llmrepl_textual.studying import errands, lines
from llmrepl_textual.studying.painting import painted
from llmrepl_textual.studying.query import HINT, Query, query_of
from llmrepl_textual.studying.shelf import AT_ONCE, MOST, Shelf
from llmrepl_textual.studying.shown import Forest, Hits, Listed, Shown
from llmrepl_textual.studying.study import Study
from llmrepl_textual.widgets.rows import Rows
from llmrepl_timeline.lines import Line, line

if TYPE_CHECKING:
    from llmrepl.compose import Assembly

PAUSE = 0.25
"""Seconds without a key after which a search begins."""

TREES = 8
"""Trees that are drawn before anybody looks further."""


class Sessions(Study):
    """The sessions screen (`llmrepl_textual.studying.shown.Marks`)."""

    AUTO_FOCUS: ClassVar[str] = "#sessions"

    DEFAULT_CSS = """
    Sessions #search { border: none; height: 1; padding: 0 1; }
    Sessions #titles, Sessions #told { height: 1; padding: 0 1; }
    Sessions #told { text-style: dim; }
    Sessions #sessions { padding: 0 1; }
    Sessions #about { height: 2; padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", tooltip="go on with the session in the chat"),
        Binding(
            "slash", "search", "Search", key_display="/", tooltip="search: words, #tag, model:"
        ),
        Binding("t", "trees", "Trees", tooltip="the trees of forks, or the list"),
        Binding("r", "replay", "Replay", tooltip="show it again with its own timing"),
        Binding("v", "verify", "Verify", tooltip="run its calls again, and compare"),
        Binding("space", "mark", "Mark", tooltip="mark it, to compare another with it"),
        Binding("c", "compare", "Compare", tooltip="compare it with the marked one, or the chat's"),
        Binding("f", "fork", "Fork", tooltip="copy it, or its beginning"),
        Binding("g", "tag", "Tag", tooltip="change its tags"),
        Binding("x", "export", "Export", tooltip="write it in another format"),
        Binding("d,delete", "remove", "Delete", tooltip="delete it for good, after a question"),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.marked = ""
        self.shown: Shown = Listed(self)
        self.rows = Rows(self._line, lambda: desk.look.theme, "sessions")
        self.shelf = Shelf(desk.config.sessions.directory, desk.environ, desk.redact)
        self._begun = False
        self._query = Query()
        self._count = 0
        self._ended = True
        self._reading = asyncio.Lock()
        self._state: object = None

    @property
    def here(self) -> str:
        """The session that the chat is in; empty where it has nothing saved yet."""
        opened = self.desk.assembly.opened if self.desk.assembly else None
        return opened.log.id if opened and opened.log.seq else ""

    def contents(self) -> ComposeResult:
        """Yield the search, the list, and all there is to say of the session that is chosen."""
        yield Input(id="search", placeholder=HINT, compact=True)
        yield Static(id="titles", markup=False)
        yield self.rows
        yield Static(id="about", markup=False)
        yield Static(id="told", markup=False)

    async def first(self) -> None:
        """Read the first sessions."""
        self._begun = True
        self._look()

    async def begin(self, assembly: Assembly) -> None:
        """Show which session the chat is in."""
        del assembly
        await self.moved()

    def follow_records(self) -> None:
        """Take no records: what has changed is read when somebody looks."""
        self.desk.on_move(lambda: self.call_next(self.moved))

    async def moved(self) -> None:
        """Show which session the chat is in now."""
        self.rows.redraw()
        if isinstance(self.shown, Forest):
            self._again()

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        self.rows.redraw()
        self._head()
        self.on_rows_moved()

    def on_screen_resume(self) -> None:
        """Read anew what has changed meanwhile."""
        if self._begun:
            self.do("looking", self._refresh)

    def on_rows_sized(self) -> None:
        """Fit what is above and below the list."""
        self._head()
        self.on_rows_moved()

    # What is read

    def _look(self, pause: float = 0.0) -> None:
        """Show what the search asks for."""
        self.do("looking", self._looked, pause)

    async def _refresh(self) -> None:
        state = await asyncio.to_thread(self.shelf.state)
        if state != self._state:
            await (self._grow() if isinstance(self.shown, Forest) else self._looked())

    async def _looked(self, pause: float = 0.0) -> None:
        await asyncio.sleep(pause)
        self._query = query_of(self.query_one("#search", Input).value)
        self._state = await asyncio.to_thread(self.shelf.state)
        if self._query.words:
            await self._search(self._query)
        else:
            await self._list()

    async def _list(self) -> None:
        keep = self._chosen
        async with self._reading:
            self._count = await asyncio.to_thread(self.shelf.begin)
            found, self._ended = await asyncio.to_thread(self.shelf.more, self._query)
            listed = Listed(self)
            listed.found += found
            self._show(listed, keep)
        await self._read_on()

    async def _read_on(self) -> None:
        """Read until there is more than what is in view."""
        async with self._reading:
            while (listed := self.shown) and isinstance(listed, Listed) and not self._ended:
                wanted = max(self.rows.at, self.rows.scroll_offset.y) + 2 * self.rows.size.height
                if len(listed.found) > wanted:
                    break
                found, self._ended = await asyncio.to_thread(self.shelf.more, self._query)
                if self.shown is listed:
                    listed.found += found
                    self.rows.fill(len(listed))
                self._head()

    async def _search(self, query: Query) -> None:
        def progress(count: int, among: int) -> None:
            if count % AT_ONCE == 0:
                self.app.call_from_thread(self._say, f"taking in {count} of {among} sessions")

        found = await asyncio.to_thread(self.shelf.search, query, progress)
        self._ended = True
        self._show(Hits(self, found.hits, query.words))
        most = f" or more: the newest {MOST} are shown" if len(found.hits) == MOST else ""
        told = f"{counted(len(found.hits), 'record')}{most}"
        if found.sealed:
            told += f" · sealed, not searched: {found.sealed}"
        self._say(told)

    async def _grow(self) -> None:
        self._state = await asyncio.to_thread(self.shelf.state)
        keep = self._chosen
        self._count = await asyncio.to_thread(self.shelf.grow)
        self._ended = not self._count
        forest = Forest(self, self.desk.redact)
        await self._plant(forest)
        self._show(forest, keep)

    async def _plant(self, forest: Forest) -> None:
        """Draw more trees."""
        for at in range(forest.trees, min(forest.trees + TREES, self._count)):
            forest.add(await asyncio.to_thread(self.shelf.branches, at, self.here))
        self._ended = forest.trees == self._count

    async def _plant_more(self) -> None:
        async with self._reading:
            if isinstance(forest := self.shown, Forest) and not self._ended:
                await self._plant(forest)
                self.rows.fill(len(forest))
                self._head()

    # What is seen

    def _show(self, shown: Shown, keep: str = "") -> None:
        self.shown = shown
        places = range(len(shown)) if keep else ()
        at = next((at for at in places if shown.session(at) == keep), 0)
        self.rows.fill(len(shown), at)
        self._head()

    def _line(self, at: int, width: int) -> Line:
        return self.shown.line(at, width)

    def _say(self, told: str) -> None:
        self.query_one("#told", Static).update(told)

    def _head(self) -> None:
        width = max(1, self.rows.width)
        titles = self.shown.titles(width) if len(self.shown) else line("")
        self.query_one("#titles", Static).update(painted([titles], self.desk.look.theme))
        if isinstance(self.shown, Hits):
            return
        if isinstance(self.shown, Forest):
            told = f"{self.shown.trees} of {self._count} trees" if self._count else "no forks yet"
        elif len(self.shown):
            read = f"{len(self.shown)} of {self._count}"
            told = counted(len(self.shown), "session") if self._ended else f"{read} sessions read"
        else:
            told = "no such session" if self._count else "no sessions yet"
        self._say(told + (f" · {lines.MARKED} {self.marked}" if self.marked else ""))

    def on_rows_moved(self) -> None:
        """Say more about the session that is chosen."""
        self.do("about", self._about)

    async def _about(self) -> None:
        found = self.shown.summary(self.rows.at) if len(self.shown) else None
        if found is None and (chosen := self._chosen):
            found = await asyncio.to_thread(self.shelf.summary, chosen)
        told = lines.about(found, max(1, self.size.width - 2)) if found else []
        self.query_one("#about", Static).update(painted(told, self.desk.look.theme))

    def on_rows_ending(self) -> None:
        """Read on where the end of what was read comes into view."""
        if not self._ended and not self._reading.locked():
            forest = isinstance(self.shown, Forest)
            self.do("more", self._plant_more if forest else self._read_on)

    # What keys do

    @property
    def _chosen(self) -> str:
        at = self.rows.at
        return self.shown.session(at) if 0 <= at < len(self.shown) else ""

    @property
    def _record(self) -> int | None:
        return self.shown.record(self.rows.at) if self._chosen else None

    def on_rows_picked(self) -> None:
        """Open what was clicked twice."""
        self.action_open()

    def on_input_changed(self) -> None:
        """Search, when nothing more is typed for a moment."""
        if self._begun:
            self._look(PAUSE)

    def on_input_submitted(self) -> None:
        """Search at once, and let keys be about what is found."""
        self._look()
        self.rows.focus()

    def action_search(self) -> None:
        """Let keys write what to search for."""
        self.query_one("#search", Input).focus()

    def action_back(self) -> None:
        """Go back to the list, then to all sessions, then to no mark."""
        search = self.query_one("#search", Input)
        if search.has_focus:
            self.rows.focus()
        elif isinstance(self.shown, Forest):
            self._look()
        elif search.value:
            search.value = ""
        else:
            self._mark("")

    def action_trees(self) -> None:
        """Show the trees of forks, or the list again."""
        if isinstance(self.shown, Forest):
            self._look()
        else:
            self.do("looking", self._grow)

    def action_open(self) -> None:
        """Go on with the session in the chat; of branches that were left out, show all."""
        if isinstance(self.shown, Forest) and self.rows.at >= 0:
            tree = self.shown.left_out(self.rows.at)
            if tree is not None:
                self.do("looking", self._unfold, self.shown, tree)
        if self._chosen:
            errands.open_in_chat(self, self._chosen)

    async def _unfold(self, forest: Forest, tree: int) -> None:
        rows = await asyncio.to_thread(self.shelf.branches, tree, self.here, everything=True)
        forest.add(rows, tree)
        self.rows.fill(len(forest))

    def action_mark(self) -> None:
        """Mark the session, to compare another with it."""
        self._mark("" if self.marked == self._chosen else self._chosen)

    def _mark(self, session: str) -> None:
        self.marked = session
        self.rows.redraw()
        self._head()

    def action_compare(self) -> None:
        """Show the session beside the marked one, or else the one that the chat is in."""
        from llmrepl_textual.studying.compare import Compare

        first = self.marked or self.here
        if not self._chosen or first in ("", self._chosen):
            self.pop_up("Space marks a session; c on another one compares the two")
            return
        self.app.push_screen(Compare(self.desk, first, self._chosen))

    def action_replay(self) -> None:
        """Replay the session; what was found, from its record on."""
        from llmrepl_textual.studying.replay import Replay

        if self._chosen:
            self.app.push_screen(Replay(self.desk, self._chosen, self._record))

    def action_verify(self) -> None:
        """Run the session's calls again, and compare."""
        from llmrepl_textual.studying.verify import Verify

        if self._chosen:
            self.app.push_screen(Verify(self.desk, self._chosen))

    def action_fork(self) -> None:
        """Fork the session; what was found, behind its record."""
        if self._chosen:
            self.do("errand", self._forked, self._chosen, self._record)

    async def _forked(self, session: str, at: int | None) -> None:
        if await errands.fork(self, session, at):
            self._again()

    def action_tag(self) -> None:
        """Give the session other tags."""
        if self._chosen:
            self.do("errand", self._tagged, self._chosen)

    async def _tagged(self, session: str) -> None:
        found = await asyncio.to_thread(self.shelf.summary, session)
        if found and await errands.tag(self, session, found.tags):
            self._again()

    def action_remove(self) -> None:
        """Delete the session."""
        if self._chosen:
            self.do("errand", self._removed, self._chosen)

    async def _removed(self, session: str) -> None:
        if await errands.remove(self, session):
            self._again()

    def action_export(self) -> None:
        """Write the session in another format."""
        if self._chosen:
            self.do("errand", errands.export, self, self._chosen)

    def _again(self) -> None:
        """Read anew: something is another now."""
        self._state = None
        self.do("looking", self._refresh)
