"""The way to the one model there is, where nobody configured another."""

from __future__ import annotations

from collections.abc import Sequence

from llmrepl.errors import ProviderError
from llmrepl.ports import Choice, Request
from llmrepl.runtime.journal import Edges


class Straight:
    """Asks the edges' own provider, once (`llmrepl.ports.Router`)."""

    patience = 0.0

    def __init__(self, edges: Edges) -> None:
        self._edges = edges

    async def choices(self, request: Request, without: Sequence[str] = ()) -> Sequence[Choice]:
        """Return the one choice there is."""
        choice = Choice(self._edges.provider, request.model)
        return () if choice.name in without else (choice,)

    def failed(self, choice: Choice, error: ProviderError) -> None:
        """Forget it."""

    def answered(self, choice: Choice, ms: float) -> None:
        """Forget it."""
