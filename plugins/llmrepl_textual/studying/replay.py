"""A saved session shown again with its own timing, at any speed and from any record on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from llmrepl.errors import LlmreplError
from llmrepl_textual.desk import Desk
from llmrepl_textual.studying import errands
from llmrepl_textual.studying.film import Film, Held, film_of
from llmrepl_textual.studying.painting import painted
from llmrepl_textual.studying.scene import bar, place_on, standing
from llmrepl_textual.studying.scrubber import INSTANT
from llmrepl_textual.studying.study import Above
from llmrepl_textual.transcript.loading import load
from llmrepl_textual.transcript.widget import Transcript
from llmrepl_textual.widgets.dialogs import Ask

if TYPE_CHECKING:
    from llmrepl.compose import Assembly

TICK = 0.04
"""Seconds between two looks at the clock while it plays."""

LONGEST = 0.5
"""Seconds that pass at the most between two looks: more is a machine that slept."""

REST = 0.15
"""Seconds between two places that are gone to: a key that is held down asks for more."""


def _key(keys: str, action: str, name: str, shown: str, about: str) -> Binding:
    return Binding(keys, action, name, key_display=shown, tooltip=about)


def _at_once(keys: str, action: str, name: str, shown: str, about: str) -> Binding:
    """Return a key of the screen's that the transcript would take for its own."""
    return Binding(keys, action, name, key_display=shown, tooltip=about, priority=True)


class Bar(Static):
    """The scrubber's bar; clicking it goes to a place."""

    class Wanted(Message):
        """A cell was clicked."""

        def __init__(self, x: int) -> None:
            super().__init__()
            self.x = x

    def on_click(self, event: events.Click) -> None:
        """Say which cell."""
        self.post_message(self.Wanted(event.x - self.styles.padding.left))


class Replay(Above):
    """The replay.

    Args:
        desk: the session that the chat is in, and what can be done.
        session: the id of the session that is shown.
        at: the record to begin behind; None to play it from the beginning.
    """

    AUTO_FOCUS: ClassVar[str] = "#transcript"

    DEFAULT_CSS = """
    Replay #transcript { height: 1fr; }
    Replay Bar { height: 1; padding: 0 1; }
    Replay #stand { height: 2; padding: 0 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play/pause", priority=True, tooltip="pause, go on, begin anew"),
        _at_once("left,p", "step(-1)", "Back", "←", "the record before"),
        _at_once("right,n", "step(1)", "Next", "→", "the next record"),
        _key("left_square_bracket", "turn(-1)", "Turn", "[", "the turn before"),
        _key("right_square_bracket", "turn(1)", "Turn", "]", "the next turn"),
        _key("plus,equals_sign", "speed(1)", "Faster", "+", "twice as fast"),
        _key("minus", "speed(-1)", "Slower", "-", "half as fast"),
        Binding("g", "go", "Go to", tooltip="go to a record, or a turn"),
        Binding("f", "fork", "Fork here", tooltip="copy the session up to there"),
        Binding("o", "open", "Open", tooltip="go on with the session in the chat"),
        _key("less_than_sign", "end(0)", "Beginning", "<", "the beginning"),
        _key("greater_than_sign", "end(1)", "End", ">", "the end"),
    ]

    def __init__(self, desk: Desk, session: str, at: int | None = None) -> None:
        super().__init__(desk)
        self.session = session
        self.film: Film | None = None
        self._first = at
        self._timer: Timer | None = None
        self._seen = 0.0
        self._wanted: int | None = None
        self._went = 0.0
        self._placing: float | None = None  # the moment of what is gone to
        self._held = Held()
        self.transcript = Transcript(self._held, lambda: desk.look.theme, self._clock)

    def contents(self) -> ComposeResult:
        """Yield the blocks, the bar, and how the session stood."""
        yield self.transcript
        yield Bar(markup=False)
        yield Static(id="stand", markup=False)

    async def begin(self, assembly: Assembly) -> None:
        """Read the session, and begin."""
        directory = self.desk.config.sessions.directory
        try:
            film = await asyncio.to_thread(film_of, directory, self.session, assembly.redactor)
        except LlmreplError as error:
            self.failed(error)
            self.action_close()
            return
        self.film = film
        self._held.hold(film.records)
        if film.problem:
            self.pop_up(film.problem, "warning")
        if self._first is None:
            self._play(film)
        else:
            self._go(self._first)

    def on_resize(self) -> None:
        """Fit the bar."""
        self.call_after_refresh(self._draw)

    def dressed(self) -> None:
        """Draw everything in the theme that holds now."""
        self.transcript.dressed()
        self._draw()

    def _draw(self) -> None:
        film, width = self.film, self.size.width - 2
        if film is None or width < 1:
            return
        theme, at = self.desk.look.theme, film.scrubber.at
        drawn = bar(film.scrubber, len(film.records), width)
        self.query_one(Bar).update(painted([drawn], theme))
        told = standing(film.states.at(at), at, film.records, width)
        self.query_one("#stand", Static).update(painted(told, theme))

    def _clock(self) -> float:
        """Return the time that what goes on is told by: the session's, which a pause stops."""
        if self._placing is not None or self.film is None:
            return self._placing or 0.0
        return self.film.scrubber.elapsed

    # How it moves

    def _play(self, film: Film) -> None:
        if film.scrubber.ended:
            self._go(0)
        if film.scrubber.speed == INSTANT:
            self._go(len(film.records))
            return
        film.scrubber.play()
        self._seen = time.monotonic()
        if self._timer is None:
            self._timer = self.set_interval(TICK, self._tick)
        self._draw()

    def _pause(self, film: Film) -> None:
        film.scrubber.pause()
        self._draw()

    def _tick(self) -> None:
        film, now = self.film, time.monotonic()
        passed, self._seen = min(now - self._seen, LONGEST), now
        if film is None or not film.scrubber.playing:
            if self._timer is not None:
                self._timer.stop()
                self._timer = None
            return
        shown = film.scrubber.advance(passed)
        for record in shown:
            self.transcript.take(record)
        self._moved(film)

    def _moved(self, film: Film) -> None:
        if film.scrubber.ended:
            self.transcript.settle()
        self._draw()

    def _go(self, at: int) -> None:
        """Show the session as it was behind a record, soon."""
        waits = self._wanted is not None
        self._wanted = at
        rest = self._went + REST - time.monotonic()
        if not waits and rest > 0:
            self.set_timer(rest, self._gone)
        elif not waits:
            self._gone()

    def _gone(self) -> None:
        film, at = self.film, self._wanted
        self._wanted = None
        if film is None or at is None:
            return
        done, under_way = film.scrubber.go(at)
        self._placing = 0.0
        load(self.transcript, Held(film.records[:done]))
        for self._placing, record in zip(film.scrubber.moments, under_way, strict=True):
            self.transcript.take(record)
        self._placing = None
        self._went = time.monotonic()
        self._moved(film)

    @property
    def _at(self) -> int:
        assert self.film is not None
        return self.film.scrubber.at if self._wanted is None else self._wanted

    # What keys do

    def action_play(self) -> None:
        """Let it go on, or pause; at its end, begin anew."""
        if self.film is not None:
            (self._pause if self.film.scrubber.playing else self._play)(self.film)

    def action_step(self, by: int) -> None:
        """Pause behind the next record, or the one before."""
        film = self.film
        if film is None:
            return
        if by < 0 or self._wanted is not None:
            film.scrubber.pause()
            self._go(max(self._at + by, 0))
            return
        for record in film.scrubber.step():
            self.transcript.take(record)
        self._moved(film)

    def action_turn(self, by: int) -> None:
        """Go to the beginning of a turn."""
        if self.film is not None:
            scrubber = self.film.scrubber
            self._go(scrubber.turn_after() if by > 0 else scrubber.turn_before())

    def action_end(self, last: int) -> None:
        """Go to the beginning or the end."""
        if self.film is not None:
            self._go(len(self.film.records) if last else 0)

    def action_speed(self, by: int) -> None:
        """Go faster or slower."""
        if self.film is not None:
            self.film.scrubber.faster(by)
            if self.film.scrubber.playing:
                self._play(self.film)
            self._draw()

    def on_bar_wanted(self, event: Bar.Wanted) -> None:
        """Go where the bar was clicked."""
        if self.film is not None:
            at = place_on(event.x, len(self.film.records), self.size.width - 2)
            if at is not None:
                self._go(at)

    def action_go(self) -> None:
        """Ask for a record or a turn, and go there."""
        if self.film is not None:
            self._pause(self.film)
            self.do("errand", self._asked, self.film)

    async def _asked(self, film: Film) -> None:
        question = f"Go to a record, 0 to {len(film.records)}, or to a turn"
        answer = await self.app.push_screen_wait(Ask(question, empty="42, or turn 3"))
        if answer:
            self._go(place_of(film, answer))

    def action_fork(self) -> None:
        """Fork the session behind the record that is shown last."""
        if self.film is not None:
            self._pause(self.film)
            self.do("errand", errands.fork, self, self.session, self._at)

    def action_open(self) -> None:
        """Go on with the session in the chat."""
        errands.open_in_chat(self, self.session)


def place_of(film: Film, text: str) -> int:
    """Return the place that a person means: the number of a record, or of a turn behind `turn`.

    Raises:
        LlmreplError: there is none.
    """
    *words, number = text.split() or [""]
    total = len(film.records)
    if not words and number.isdecimal() and int(number) <= total:
        return int(number)
    turns = dict(film.scrubber.turns)
    if words == ["turn"] and number.isdecimal() and int(number) in turns:
        return turns[int(number)]
    last = max(turns, default=0)
    raise LlmreplError(
        f"there is no place {text.strip()!r} in this session",
        hint=f"there are the records 0 to {total} and the turns 1 to {last}",
    )
