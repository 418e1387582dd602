"""The chat: the transcript, what waits, the prompt and how the session stands."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Label, Static

from llmrepl.conversing.drafting.offers import Offers
from llmrepl.conversing.prompt import PROMPT
from llmrepl.conversing.sent import Sent
from llmrepl.conversing.welcome import welcome
from llmrepl.conversing.work import EDITOR
from llmrepl.errors import LlmreplError
from llmrepl.events import ApprovalDecided, ApprovalRequested, ToolRequested
from llmrepl.record import Record
from llmrepl.sanitise import clean
from llmrepl_textual.desk import Desk
from llmrepl_textual.lending import changed
from llmrepl_textual.prompt.menu import Menu
from llmrepl_textual.prompt.presses import Presses
from llmrepl_textual.prompt.recall import Recall
from llmrepl_textual.prompt.vi import Vi
from llmrepl_textual.prompt.widget import Prompt
from llmrepl_textual.question import Question
from llmrepl_textual.screen import View
from llmrepl_textual.searching import Search
from llmrepl_textual.status import Status
from llmrepl_textual.transcript.loading import load
from llmrepl_textual.transcript.strips import as_wide, drawn_lines, said
from llmrepl_textual.transcript.widget import Transcript
from llmrepl_textual.voice import Voice
from llmrepl_textual.widgets.reading import Reading

if TYPE_CHECKING:
    from llmrepl.compose import Assembly
    from llmrepl.compose.front import View as Drawn
    from llmrepl.compose.opening import Opened
    from llmrepl.conversing.drafting.draft import Drafts

NORMAL = PROMPT.replace("❯", "❮")
"""The sign of the prompt where keys do not insert, as in vi's normal mode."""

ENDED = 2.0
"""Seconds that an interrupt may take to end a question."""


class Chat(View):
    """The first screen, which is what the desk needs of a front end (`desk.Host`)."""

    AUTO_FOCUS: ClassVar[str] = "#prompt"

    DEFAULT_CSS = """
    Chat #waiting { height: auto; max-height: 10; padding: 0 2; text-style: dim; }
    Chat #transcript { height: 1fr; }
    Chat #typing { height: auto; }
    Chat #sign { width: 4; padding-left: 2; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+t",
            "turn_to",
            "Blocks/prompt",
            priority=True,
            tooltip="let keys be about the blocks, or about the prompt",
        ),
        Binding("ctrl+c", "clear", "Interrupt", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        desk.serve(self)
        desk.on_move(self._begin_anew)
        self.transcript = Transcript(desk.records, lambda: desk.look.theme)
        config, environ = desk.config, desk.environ
        self._sent = Sent(desk.history, desk.redact, desk.drafts.expand) if desk.history else None
        self._recall = Recall(self._sent.load if self._sent else list)
        self._offers = Offers(config, environ, desk.cwd, {"CALL": self._calls})
        self._status = Status()
        self._queued = Static(id="waiting", markup=False)
        self.menu = Menu()
        self.prompt = Prompt(self.menu, self._offers, self._recall, desk.drafts)
        self.voice = Voice(self._told)

    def contents(self) -> ComposeResult:
        """Yield the transcript, the prompt and the status line."""
        yield self.transcript
        yield self._queued
        yield self.menu
        with Horizontal(id="typing"):
            yield Label(PROMPT, id="sign")
            yield self.prompt
        yield self._status

    def on_mount(self) -> None:
        """Let everything that is written be seen here, and open the session."""
        sys.stdout = self.voice
        ui, keys = self.desk.config.ui, self.desk.config.keys._asdict()
        doing = {
            **self.prompt.doing,
            "interrupt": self._interrupt,
            "clear": self._clear,
            "leave": self._leave_if_empty,
            "suspend": self._suspend,
            "steer": self._steer,
            "history_back": self._back,
            "edit_last": self._edit_last,
            "expand": self._expand,
            "editor": self._editor,
            "history_search": self._search,
            "clear_screen": self._clear_screen,
        }
        self.prompt.presses = Presses(ui.editing_mode, keys, doing)
        self.prompt.vi = Vi() if ui.editing_mode == "vi" else None
        self.desk.follow_pauses = self._paused

    def follow_records(self) -> None:
        """Do nothing: the desk passes the chat everything from the beginning."""

    async def first(self) -> None:
        """Show the end of the session, before anything is loaded."""
        await self._refreshed()  # there is a size to draw for
        if self.desk.foresee():
            self._begin_anew()
            self.transcript.draw()
            await self._refreshed()

    async def _refreshed(self) -> None:
        refreshed = asyncio.Event()
        self.call_after_refresh(refreshed.set)
        await refreshed.wait()

    async def begin(self, assembly: Assembly) -> None:
        """Greet, and go on with a turn that was broken off."""
        welcome(assembly)
        work = self.desk.work
        while work.busy:  # with what was entered already
            await work.idle()
        if assembly.unfinished:
            work.begin(work.resume())

    # What comes

    def show(self, record: Record) -> None:
        """Show a record."""
        self.transcript.take(record)
        if record.event.durable:
            self._status.later()
            self.refresh_waiting()

    def _paused(self) -> None:
        """Say that the turn waits for the person, or that it goes on."""
        self._status.pause(self.desk.paused)
        if self.desk.paused and self.app.current_mode != "debugger":
            self.notify("F7 shows what it is about to do, and goes on", title="The turn is paused")

    def _begin_anew(self) -> None:
        """Show the session that the chat is in now."""
        load(self.transcript, self.desk.records, self.desk.ready)
        self.transcript.settle()  # a turn that was broken off has no end, and nobody works on it

    def settle(self) -> None:
        """Show that nothing goes on (`llmrepl.ports.Settles`)."""
        self.transcript.settle()

    @property
    def theme(self) -> str:
        """The theme's name (`llmrepl.ports.Themed`)."""
        return self.desk.look.theme

    @theme.setter
    def theme(self, name: str) -> None:
        self.desk.look.theme = name

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        self.transcript.dressed()
        self._status.later()

    # What the desk needs

    @property
    def drafts(self) -> Drafts:
        """What texts in the prompt stand for."""
        return self.desk.drafts

    def failed(self, error: LlmreplError) -> None:
        """Say what went wrong: the session could not be opened."""
        self._told(self.desk.redact(f"{error.message}\n  {error.hint}"))
        if self.desk.failure is not None:
            self._status.closed()

    @property
    def typed(self) -> str:
        """What stands in the prompt."""
        return self.prompt.text

    def offer(self, text: str) -> None:
        """Put text into the prompt, before what is there."""
        self.prompt.offer(text)
        self.refresh_waiting()

    def echo(self, text: str) -> None:
        """Show a command where a turn would show its prompt."""
        self._told(PROMPT + self.desk.redact(text.strip()))
        self.refresh_waiting()

    def follow(self, assembly: Assembly) -> None:
        """Show how the chat stands now."""
        self._status.follow(assembly)
        self.refresh_waiting()

    def refresh_waiting(self) -> None:
        """Show anew what waits."""
        lines = self.desk.work.lines()
        self._queued.display = bool(lines)
        self._queued.update("\n".join(map(clean, lines)))

    def leave(self) -> None:
        """End the chat."""
        self.app.call_next(self.app.action_quit)

    def draw(self, view: Drawn) -> None:
        """Show styled lines."""
        self.transcript.say(lambda width: drawn_lines(view(width)))

    async def read(self, text: str) -> None:
        """Show a text that may be long, until the person closes it."""
        await self.app.push_screen(Reading(text))

    def clear(self) -> None:
        """Clear the transcript; the records stay."""
        self.transcript.begin()

    def again(self, opened: Opened) -> None:
        """Say which session is gone on with: its blocks are there."""
        self._told(f"resumed session {opened.log.id}")

    async def review(self, request: ToolRequested, asked: ApprovalRequested) -> ApprovalDecided:
        """Return the person's decision."""
        answer: asyncio.Future[ApprovalDecided | None] = asyncio.get_running_loop().create_future()
        ui, keys = self.desk.config.ui, self.desk.config.keys._asdict()
        presses = partial(Presses, ui.editing_mode, keys)
        outside = partial(changed, self.app, self.desk.environ)
        question = Question(request, asked, self.desk.look.theme, presses, outside)
        self.app.push_screen(question, answer.set_result)
        self.desk.ring()
        try:
            decision = await answer
        finally:
            if question.is_attached and question.is_active and not answer.done():
                question.dismiss(None)
        if decision is None:
            self.desk.work.interrupt()  # it is meant for the whole turn,
            await asyncio.sleep(ENDED)  # which ends this with the rest of it
            decision = ApprovalDecided(call_id=request.call_id, decision="deny")
        return decision

    def _told(self, text: str) -> None:
        lines = said(text)
        self.transcript.say(lambda width: as_wide(lines, width))

    def _calls(self) -> Sequence[tuple[str, str]]:
        from llmrepl.conversing.commands.showing import calls

        assembly = self.desk.assembly
        return [*calls(assembly.runtime.state)] if assembly else []

    # What keys do

    def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """Enter what is typed."""
        if command := EDITOR.match(event.text):
            self.prompt.put(event.text[command.end() :])
            self._editor()
            return
        if self.desk.paused and event.text.strip() == "/quit":
            self.leave()  # what waits for a turn that waits would wait for ever
            return
        if self._sent is not None and event.text.strip():
            assembly = self.desk.assembly
            self._sent.session = lambda: assembly.session_id if assembly else ""
            self._sent.store(event.text)
        self.desk.work.enter(event.text)
        self.refresh_waiting()

    def on_prompt_moded(self) -> None:
        """Show whether keys insert."""
        inserting = self.prompt.vi is None or self.prompt.vi.inserting
        self.query_one("#sign", Label).update(PROMPT if inserting else NORMAL)

    def on_transcript_chosen(self, event: Transcript.Chosen) -> None:
        """Let other screens know which block is chosen."""
        self.desk.chosen = event.entry.seq if event.entry is not None else 0

    def on_key(self, event: events.Key) -> None:
        """Let what is typed anywhere stand in the prompt."""
        if event.key == "space" or not event.is_printable or not event.character:
            return  # space folds what is chosen
        if not self.prompt.has_focus:
            self.set_focus(self.prompt)  # `focus` would do so after the keys behind this one
            self.prompt.insert(event.character)
            event.stop()

    def action_turn_to(self) -> None:
        """Let keys be about blocks, or about the prompt."""
        self.set_focus(self.transcript if self.prompt.has_focus else self.prompt)

    def action_clear(self) -> None:
        """Interrupt, where keys are about blocks."""
        self._clear()

    def _interrupt(self) -> bool:
        busy = self.desk.work.busy
        if busy:
            self.desk.work.interrupt()
        return busy

    def _clear(self) -> bool:
        if self.get_selected_text():
            self.action_copy_text()
        elif not self._interrupt():
            if self.prompt.text:
                self.prompt.put("")
            else:
                self._told("Ctrl-D or /quit leaves.")
        return True

    def _leave_if_empty(self) -> bool:
        if self.prompt.text:
            return False
        self.leave()
        return True

    def _suspend(self) -> bool:
        self.app.action_suspend_process()
        return True

    def _steer(self) -> bool:
        work = self.desk.work
        if not work.busy:
            return False
        text = self.prompt.text
        if work.steers(text):
            work.steer(self.prompt.sent() if text.strip() else "")
        elif text.strip():
            self.post_message(Prompt.Sent(self.prompt.sent()))
        return True

    def _back(self) -> bool:
        if self.desk.work.queued and not self.prompt.text:
            self.desk.work.take_back()
            self.refresh_waiting()
            return True
        return self.prompt.doing["history_back"]()

    def _edit_last(self) -> bool:
        if self.desk.work.busy or self.prompt.text:
            return False
        self.desk.work.enter("/edit")
        return True

    def _expand(self) -> bool:
        self.run_worker(self.desk.work.told(self._expanded()), exit_on_error=False)
        return True

    async def _expanded(self) -> None:
        from llmrepl.conversing.commands.showing import show_output

        await show_output(await self.desk.ready(), "")

    def _editor(self) -> bool:
        self.run_worker(self._edited(), exclusive=True, group="editor")
        return True

    async def _edited(self) -> None:
        """Let the person edit the prompt in their editor, which has the terminal meanwhile."""
        text = self.drafts.expand(self.prompt.text)
        try:
            edited = await changed(self.app, self.desk.environ, text, "prompt.md")
        except LlmreplError as error:
            self.failed(error)
        else:
            self.prompt.put(edited.removesuffix("\n"))

    def _search(self) -> bool:
        async def search() -> None:
            found = await self.app.push_screen_wait(Search(self._recall.sent))
            if found is not None:
                self.prompt.put(found)

        self.run_worker(search(), exclusive=True, group="search")
        return True

    def _clear_screen(self) -> bool:
        self.clear()
        return True
