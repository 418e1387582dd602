"""A long text to write, above a screen: here, or in the person's own editor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from llmrepl.errors import LlmreplError
from llmrepl.sanitise import clean
from llmrepl_textual.inspecting.document import SUFFIXES
from llmrepl_textual.lending import changed
from llmrepl_textual.widgets.area import Area
from llmrepl_textual.widgets.dialogs import Dialog


class Writing(Dialog):
    """Asks for a text of several lines; the answer has a space before it.

    Args:
        title: what is asked.
        told: lines that a person should know.
        environ: the environment variables, which name their editor.
        text: what stands there at first.
        language: what it is written in.
    """

    KEYS = "F10 or Ctrl-S takes it, Ctrl-O opens your editor, Esc goes back"

    DEFAULT_CSS = """
    Writing TextArea { height: auto; min-height: 3; max-height: 60vh; border: none; margin: 1 0; }
    Writing > Vertical { max-width: 120; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f10", "take", "Take it", priority=True),
        Binding("ctrl+o", "editor", "Editor", priority=True),
    ]

    def __init__(
        self,
        title: str,
        told: Sequence[str],
        environ: Mapping[str, str],
        *,
        text: str = "",
        language: str = "",
    ) -> None:
        super().__init__(title, told)
        self._environ = environ
        self._language = language
        self.area = Area(text, compact=True, tab_behavior="indent", soft_wrap=True)

    def asked(self) -> ComposeResult:
        """Yield what is written."""
        yield self.area

    def on_mount(self) -> None:
        """Begin at the end of what is there."""
        self.area.move_cursor(self.area.document.end)
        self.area.focus()

    def action_take(self) -> None:
        """End with what is there."""
        self.dismiss(f" {self.area.text}")

    def action_editor(self) -> None:
        """Go on in the person's editor."""
        self.run_worker(self._edited(), exclusive=True, exit_on_error=False)

    async def _edited(self) -> None:
        name = f"text{SUFFIXES.get(self._language, '.md')}"
        try:
            text = await changed(self.app, self._environ, self.area.text, name)
        except LlmreplError as error:
            self.notify(clean(f"{error.message}\n{error.hint}"), severity="error", markup=False)
        else:
            self.area.text = text.removesuffix("\n")
