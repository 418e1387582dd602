"""What a text in a prompt stands for: placeholders for large pastes, and files that it mentions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from llmrepl.conversing.drafting.pastes import Pastes

if TYPE_CHECKING:
    from llmrepl.conversing.drafting.attaching import Message


class Drafts:
    """The texts that are written in one chat.

    Args:
        directory: what relative paths are relative to.
    """

    def __init__(self, directory: Path) -> None:
        self.pastes = Pastes()
        self.directory = directory

    def expand(self, text: str) -> str:
        """Return `text` with each placeholder replaced by what it stands for."""
        return self.pastes.expand(text)

    def composed(self, text: str) -> Message:
        """Return what `text` is as a message: with its pastes, and the files that it mentions.

        Blocking: it reads the files.
        """
        from llmrepl.conversing.drafting.attaching import message

        return message(text, self.directory, self.pastes)

    def left_out(self, text: str) -> str:
        """Return a line that says what `composed` attaches and a text alone does not, if any."""
        from llmrepl.conversing.drafting.attaching import mentioned
        from llmrepl.sanitise import clean

        names = [name for _, name in mentioned(text, self.directory, self.pastes)]
        said = f"not attached: {clean(', '.join(names))}: Ctrl-S sends text, Enter files with it"
        return f"{said}\n" if names else ""

    def pasted(self, text: str) -> str:
        """Return what stands in the prompt for a paste: mentions of images, or a placeholder."""
        from llmrepl.conversing.drafting.dropped import images_in, pasted

        text = pasted(text)
        return images_in(text, self.directory) or self.pastes.fold(text)
