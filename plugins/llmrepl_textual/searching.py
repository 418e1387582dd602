"""Searches what was sent before, as Ctrl-R does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from llmrepl.sanitise import clean

MOST = 200
"""Texts that are shown."""


class Search(ModalScreen[str | None]):
    """Ends with the text that is chosen, or None.

    Args:
        sent: what was sent, the newest first.
    """

    DEFAULT_CSS = """
    Search { align: center bottom; }
    Search > Vertical { height: 60%; border: round $primary; background: $background; }
    Search OptionList { height: 1fr; border: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "dismiss(None)", "Close", priority=True),
        Binding("down,ctrl+r", "step(1)", "Older", priority=True, tooltip="what was sent before"),
        Binding("up,ctrl+s", "step(-1)", "Newer", priority=True, tooltip="what was sent after"),
    ]

    def __init__(self, sent: Sequence[str]) -> None:
        super().__init__()
        self._sent = list(dict.fromkeys(sent))
        self._found: list[str] = []

    def compose(self) -> ComposeResult:
        """Yield what was found and what is searched for."""
        with Vertical():
            yield OptionList(id="found")
            yield Input(id="words", placeholder="search what was sent", compact=True)

    def on_mount(self) -> None:
        """Show all, and take words."""
        self._find("")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what has the words."""
        self._find(event.value)

    def on_input_submitted(self) -> None:
        """Take what is chosen."""
        at = self.query_one(OptionList).highlighted
        self.dismiss(None if at is None else self._found[at])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take what was clicked."""
        self.dismiss(self._found[event.option_index])

    def action_step(self, by: int) -> None:
        """Choose another."""
        rows = self.query_one(OptionList)
        if self._found:
            rows.highlighted = ((rows.highlighted or 0) + by) % len(self._found)

    def _find(self, words: str) -> None:
        wanted = words.lower()
        self._found = [text for text in self._sent if wanted in text.lower()][:MOST]
        rows = self.query_one(OptionList)
        rows.clear_options()
        for text in self._found:
            rows.add_option(Option(Text(" ".join(clean(text).split()), no_wrap=True)))
        rows.highlighted = 0 if self._found else None
