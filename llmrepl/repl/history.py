"""What was typed before, for the arrow keys, as prompt-toolkit asks for it."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.history import History as Kept

from llmrepl.conversing.sent import Sent


class History(Kept):
    """Texts that were sent, the newest first, over all chats.

    Args:
        sent: keeps them.
    """

    def __init__(self, sent: Sent) -> None:
        super().__init__()
        self.sent = sent

    def load_history_strings(self) -> Iterable[str]:
        """Return what earlier chats sent, the newest first."""
        return self.sent.load()

    def store_string(self, string: str) -> None:
        """Keep what was sent for later chats."""
        self.sent.store(string)
