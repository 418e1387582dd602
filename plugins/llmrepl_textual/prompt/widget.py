"""The prompt as a widget: several lines, as high as they need."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from llmrepl.conversing.drafting.draft import Drafts
from llmrepl.conversing.drafting.offers import Offer, Offers, worth_completing
from llmrepl_textual.prompt.menu import Menu
from llmrepl_textual.prompt.presses import Doing, Presses
from llmrepl_textual.prompt.recall import Recall
from llmrepl_textual.prompt.vi import Step, Vi
from llmrepl_textual.widgets.area import Area

_WORD = re.compile(r"\s*\S+|\s+")


class Prompt(Area):
    """What a person types.

    Args:
        menu: where completions are shown.
        offers: what they are.
        recall: what was sent before.
        drafts: what placeholders stand for.
    """

    DEFAULT_CSS = """
    Prompt {
        height: auto;
        max-height: 10;
        border: none;
        padding: 0;
    }
    Prompt:focus { border: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = []

    class Sent(Message):
        """The person sends what is typed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Moded(Message):
        """Keys insert now, or they do not: only where the person edits as in vi."""

    def __init__(self, menu: Menu, offers: Offers, recall: Recall, drafts: Drafts) -> None:
        super().__init__(id="prompt", soft_wrap=True, tab_behavior="focus", compact=True)
        self._menu = menu
        self._offers = offers
        self._recall = recall
        self._drafts = drafts
        self.presses: Presses | None = None
        self.vi: Vi | None = None  # where the person edits as in vi
        self._own = 0  # changes that are no typing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave F6 and F7, with which an editor selects, to the screens."""
        if action in ("select_line", "select_all"):
            return False
        return super().check_action(action, parameters)

    @property
    def doing(self) -> Doing:
        """What does the actions of the editor itself."""
        return {
            "send": self._send,
            "new_line": self._new_line,
            "complete": lambda: self._complete(1),
            "complete_back": lambda: self._menu.is_open and self._complete(-1),
            "history_back": self._back,
            "history_forward": self._forward,
            "suggestion": self._suggested,
            "suggestion_word": self._suggested_word,
        }

    @property
    def before(self) -> str:
        """What stands before the cursor."""
        return self.get_text_range((0, 0), self.cursor_location)

    def offer(self, text: str) -> None:
        """Put text before what is there."""
        self.put(f"{text}\n{self.text}" if self.text else text)

    def put(self, text: str) -> None:
        """Let a text be all there is, with the cursor behind it."""
        self._menu.offer(())
        self._own += 1
        self.text = text
        self.move_cursor(self.document.end)

    def sent(self) -> str:
        """Return what is typed, which is sent now, and be empty."""
        text = self.text
        if text.strip():
            self._recall.add(text)
        self.put("")
        if self.vi is not None and not self.vi.inserting:
            self.vi.begin()
            self.post_message(self.Moded())
        return text

    async def on_key(self, event: events.Key) -> None:
        """Do what a key means."""
        if event.key == "escape" and self._menu.is_open:
            self._menu.offer(())
        elif (self.vi is None or not self._edits(self.vi, event)) and (
            self.presses is None or not self.presses.press(event.key)
        ):
            await super().on_key(event)
            return
        event.stop()
        event.prevent_default()

    def _edits(self, vi: Vi, event: events.Key) -> bool:
        """Do what a key means in vi, if it means something there; return whether it did."""
        character = event.character or ""
        inserted, at = vi.inserting, len(self.before)
        if event.key == "escape" and (inserted or vi.waits):
            step: Step | None = vi.escape(self.text, at)
        elif not inserted and character.isprintable() and character:
            step = vi.press(character, self.text, at)
        else:
            return False
        if step is not None:
            self._take_step(step)
        if inserted != vi.inserting:
            self.post_message(self.Moded())
        return True

    def _take_step(self, step: Step) -> None:
        def place(at: int) -> tuple[int, int]:
            before = self.text[:at]
            return before.count("\n"), at - before.rfind("\n") - 1

        if step.do:
            {"undo": self.undo, "up": self._back, "down": self._forward}[step.do]()
            return
        if step.text or step.begin != step.end:
            begin, end = place(step.begin), place(step.end)
            self._own += 1
            self.replace(step.text, begin, end)
        self.move_cursor(place(step.at))

    async def on_paste(self, event: events.Paste) -> None:
        """Insert what is pasted: a placeholder, where it is large."""
        event.stop()
        event.prevent_default()
        self.insert(self._drafts.pasted(event.text))

    def on_text_area_changed(self) -> None:
        """Offer what suits what is typed."""
        if self._own:
            self._own -= 1
            return
        self._recall.reset()
        if worth_completing(self.before):
            self.run_worker(self._offer(), exclusive=True, group="offers")
        else:
            self._menu.offer(())

    def update_suggestion(self) -> None:
        """Show how what was sent before goes on."""
        at_end = self.cursor_location == self.document.end
        self.suggestion = self._recall.suggestion(self.text).split("\n")[0] if at_end else ""

    async def _offer(self) -> None:
        before = self.before
        found = await asyncio.to_thread(_listed, self._offers.offered, before)
        if before == self.before:
            self._menu.offer(found)

    # What keys do

    def _send(self) -> bool:
        if self._menu.is_open and self._menu.chosen is not None:
            self._menu.offer(())  # its text is in the prompt already
            return True
        self.post_message(self.Sent(self.sent()))
        return True

    def _new_line(self) -> bool:
        self.insert("\n")
        return True

    def _complete(self, by: int) -> bool:
        if not self._menu.is_open:
            self.run_worker(self._complete_now(), exclusive=True, group="offers")
            return True
        before = self._menu.chosen
        self._take(self._menu.step(by), before)
        return True

    async def _complete_now(self) -> None:
        await self._offer()
        if len(self._menu.offers) == 1:
            self._take(self._menu.step(1), None)
            self._menu.offer(())

    def _take(self, offer: Offer | None, before: Offer | None) -> None:
        """Put the text of a row where that of another row, or what was typed, is."""
        if offer is None:
            return
        length = offer.length if before is None else len(before.text)
        row, column = self.cursor_location
        self._own += 1
        self.replace(offer.text, (row, column - length), (row, column))

    def _back(self) -> bool:
        if self.cursor_location[0]:
            self.action_cursor_up()
        elif (text := self._recall.back(self.text)) is not None:
            self.put(text)
        return True

    def _forward(self) -> bool:
        if self.cursor_location[0] < self.document.line_count - 1:
            self.action_cursor_down()
        elif (text := self._recall.forward()) is not None:
            self.put(text)
        return True

    def _suggested(self) -> bool:
        if not self.suggestion:
            return False
        self.insert(self.suggestion)
        return True

    def _suggested_word(self) -> bool:
        word = _WORD.match(self.suggestion)
        if word is None:
            return False
        self.insert(word[0])
        return True


def _listed(offered: Callable[[str], Iterable[Offer]], before: str) -> list[Offer]:
    return [*offered(before)]
