"""What is offered while somebody types, as prompt-toolkit asks for it; it works in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from llmrepl.conversing.drafting.offers import Offers


class Completions(Completer):
    """Completes a prompt.

    Args:
        offers: know what can be completed.
    """

    def __init__(self, offers: Offers) -> None:
        self._offers = offers

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Yield what can stand at the cursor, the best first. Blocking."""
        del complete_event
        for offer in self._offers.offered(document.text_before_cursor):
            yield Completion(
                offer.text, -offer.length, display=offer.shown, display_meta=offer.about
            )

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Yield the same from a thread; whoever waits no longer does not wait for its end."""
        found = self.get_completions(document, complete_event)
        for completion in await asyncio.to_thread(list, found):
            yield completion
