"""A long text to read, on a screen of its own above the others."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import TextArea

from llmrepl.sanitise import clean
from llmrepl_textual.widgets.foot import Foot


class Reading(ModalScreen[None]):
    """Shows a text; it can be scrolled and copied from.

    Args:
        text: what to read.
    """

    DEFAULT_CSS = """
    Reading TextArea { border: round $primary; background: $background; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close", priority=True),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = clean(text)

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield TextArea(self._text, read_only=True, soft_wrap=True)
        yield Foot()
