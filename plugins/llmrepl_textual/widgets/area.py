"""A text that is edited: what stands in it moves no cursor, and keys are done in their order."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.widgets import TextArea

CONTROLS = (*range(0x20), *range(0x7F, 0xA0))

HIDDEN = dict.fromkeys((code for code in CONTROLS if chr(code) not in "\t\n"), "\u200b")
"""What is drawn for a control character, which stays in the text: as wide, and a terminal obeys
nothing."""


class Area(TextArea):
    """The editor of Textual, for texts of people, programs and models."""

    def get_line(self, line_index: int) -> Text:
        """Return how a line is drawn."""
        line = super().get_line(line_index)
        line.plain = line.plain.translate(HIDDEN)
        return line

    async def on_key(self, event: events.Key) -> None:
        """Do at once what a key is bound to here, such as Backspace.

        Textual asks for bindings last, when letters that came after the key are in the text.
        """
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
