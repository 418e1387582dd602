"""The calls of a saved session run again in a fresh sandbox, and what diverges as diffs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ProgressBar, Static

from llmrepl.compose.verifying import verify_session
from llmrepl.errors import LlmreplError
from llmrepl.replaying.normalising import read_rules
from llmrepl.replaying.verifying import Checked, Report
from llmrepl.sessions.catalog import session_path
from llmrepl_textual.desk import Desk
from llmrepl_textual.studying.divergences import Told, sums, told_at_the_end, told_of
from llmrepl_textual.studying.painting import painted
from llmrepl_textual.studying.study import Above
from llmrepl_textual.widgets.dialogs import Ask
from llmrepl_textual.widgets.rows import Rows
from llmrepl_timeline.lines import Line, Span, fold

if TYPE_CHECKING:
    from llmrepl.compose import Assembly


class Verify(Above):
    """The verification; leaving the screen ends it.

    Args:
        desk: the session that the chat is in, and what can be done.
        session: the id of the session whose calls are run.
    """

    AUTO_FOCUS: ClassVar[str] = "#divergences"

    DEFAULT_CSS = """
    Verify #sums { height: 1; padding: 0 1; }
    Verify ProgressBar { height: 1; padding: 0 1; }
    Verify #bar { width: 1fr; }
    Verify #divergences { padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,enter", "replay", "Replay there", tooltip="replay the session at the call"),
        Binding("v", "again", "Verify again", tooltip="run all calls again"),
        Binding("d", "divergence", "Next divergence", tooltip="the next call that diverged"),
        Binding("p", "project", "Project", tooltip="run them with the files of a directory"),
        Binding("n", "rules", "Rules", tooltip="compare by a file of rules of your own as well"),
    ]

    def __init__(self, desk: Desk, session: str) -> None:
        super().__init__(desk)
        self.session = session
        self.report = Report(session)
        self.ended = False
        self.project: Path | None = None
        self.rules: Path | None = None
        self._among = 0
        self._found: list[Told] = []
        self._lines: list[tuple[Line, Told]] = []
        self._work: asyncio.Task[Report] | None = None
        self._beside: asyncio.AbstractEventLoop | None = None
        self.rows = Rows(self._line, lambda: desk.look.theme, "divergences")

    def contents(self) -> ComposeResult:
        """Yield how far it is, and what came of the calls."""
        yield Static(id="sums", markup=False)
        yield ProgressBar(show_eta=False, show_percentage=False)
        yield self.rows

    async def begin(self, assembly: Assembly) -> None:
        """Run the calls."""
        del assembly
        self.action_again()

    def action_again(self) -> None:
        """Run all calls, unless they are being run."""
        if self._work is None:
            self.ended = False
            self.report, self._among = Report(self.session), 0
            self._found = []
            self._draw()
            self.do("verifying", self._verified)

    async def _verified(self) -> None:
        loop = asyncio.get_running_loop()
        config, environ = self.desk.config, self.desk.environ
        path = session_path(config.sessions.directory, self.session)
        project, rules = self.project, self.rules

        def watch(checked: Checked, among: int) -> None:
            loop.call_soon_threadsafe(self._checked, checked, among)

        async def verified() -> Report:
            self._beside = asyncio.get_running_loop()
            more = read_rules(rules) if rules is not None else ()
            work = verify_session(path, config, environ, project=project, rules=more, watch=watch)
            self._work = asyncio.ensure_future(work)
            return await self._work

        try:
            report = await asyncio.to_thread(asyncio.run, verified())
        except LlmreplError as error:
            self.report.problem = error.message
            self.failed(error)
        except asyncio.CancelledError:
            self._stop()
            raise
        else:
            self.report = report
            self._found += told_at_the_end(report)
        finally:
            self._work = None
        self.ended = True
        self._draw()

    def _stop(self) -> None:
        if self._work is not None and self._beside is not None:
            self._beside.call_soon_threadsafe(self._work.cancel)

    def on_unmount(self) -> None:
        """End what is under way."""
        self._stop()

    def _checked(self, checked: Checked, among: int) -> None:
        """Take in what came of a call."""
        self._among = among
        first = checked.outcome == "diverged" and not self.report.divergences
        self.report.calls.append(checked)
        self._found += told_of(checked, first=first)
        self._draw()

    # What is seen

    def on_rows_sized(self) -> None:
        """Break lines for the width there is."""
        self._draw()

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        self._draw()

    def _draw(self) -> None:
        if not self.is_attached:
            return
        told = (*sums(self.report, self._among, ended=self.ended), *self._with())
        self.query_one("#sums", Static).update(painted([told], self.desk.look.theme))
        progress = self.query_one(ProgressBar)
        progress.display = not self.ended
        progress.update(total=self._among or None, progress=len(self.report.calls))
        width = max(1, self.rows.width)
        self._lines = [(row, told) for told in self._found for row in fold(told.line, width)]
        self.rows.fill(len(self._lines))

    def _with(self) -> Iterator[Span]:
        """Yield what calls are run with, and compared by, where that was chosen."""
        chosen = {"project": self.project, "rules": self.rules}
        for name, path in chosen.items():
            if path is not None:
                yield Span(f" · {name} {self.desk.redact(path.name)}", "dim")

    def _line(self, at: int, width: int) -> Line:
        del width
        return self._lines[at][0]

    # What keys do

    def on_rows_picked(self) -> None:
        """Replay the session at the call that was clicked twice."""
        self.action_replay()

    def action_replay(self) -> None:
        """Replay the session, at the call that keys are about."""
        from llmrepl_textual.studying.replay import Replay

        seq = self._lines[self.rows.at][1].seq if self._lines else 0
        self.app.push_screen(Replay(self.desk, self.session, seq or None))

    def action_divergence(self) -> None:
        """Go to the next call that diverged, after the last one to the first."""
        seqs = {checked.call.seq for checked in self.report.divergences}
        starts = [
            at
            for at, (_, told) in enumerate(self._lines)
            if told.seq in seqs and (not at or self._lines[at - 1][1].seq != told.seq)
        ]
        if starts:
            later = [at for at in starts if at > self.rows.at]
            self.rows.at = later[0] if later else starts[0]

    def action_project(self) -> None:
        """Ask for the project's files as they were, and run all calls again with these."""
        self.do("errand", self._asked_project)

    async def _asked_project(self) -> None:
        told = ["Calls see a copy of it. Nothing: the directory that the session was recorded in."]
        title = "The directory with the project's files as they were"
        answer = await self.app.push_screen_wait(Ask(title, told, value=str(self.project or "")))
        if answer:
            self.project = self._path(answer, Path.is_dir, "directory")
            self._anew()

    def action_rules(self) -> None:
        """Ask for rules of what to normalise, and run all calls again."""
        self.do("errand", self._asked_rules)

    async def _asked_rules(self) -> None:
        title = "More to normalise before comparing: a TOML file"
        told = ["As `llmrepl verify --rules` takes it. Nothing: no more than usual."]
        answer = await self.app.push_screen_wait(Ask(title, told, value=str(self.rules or "")))
        if answer:
            path = self._path(answer, Path.is_file, "file")
            if path is not None:
                read_rules(path)  # it says what is wrong with them
            self.rules = path
            self._anew()

    def _path(self, answer: str, there: Callable[[Path], bool], kind: str) -> Path | None:
        if not answer.strip():
            return None
        path = self.desk.cwd / Path(answer.strip()).expanduser()
        if not there(path):
            raise LlmreplError(f"there is no {kind} {path}", hint="p and n ask again")
        return path

    def _anew(self) -> None:
        """Run all calls with what was chosen, whether or not they are being run."""
        if self._work is not None:
            self.pop_up("v runs all again, with this, when those that run have ended")
        self.action_again()
