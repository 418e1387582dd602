"""A summary that is arriving from a model. Nothing in it is a call, whatever it looks like."""

from __future__ import annotations

from contextlib import aclosing

from llmrepl.errors import ProviderError
from llmrepl.ports import CallChunk, Finish, Provider, Request, TextChunk
from llmrepl.usage import Usage

_STOPS = {
    "max_tokens": "the summary was cut off at the output limit",
    "refusal": "the model refused",
}
_BLOCK = "<helpers"


class Digest:
    """One summary: `usage` is what the provider says it took, None as long as it has not.

    `asked` says whether it was asked for, `failed` whether that gave an error.
    """

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.asked = self.failed = False
        self._received: list[str] = []
        self._said: list[str] = []
        self._stop = ""

    async def hear(self, provider: Provider, request: Request) -> None:
        """Ask for it, and listen to its end.

        Raises:
            ProviderError: the service failed.
        """
        self.asked = True
        try:
            await self._listen(provider, request)
        except ProviderError:
            self.failed = True
            raise

    async def _listen(self, provider: Provider, request: Request) -> None:
        async with aclosing(provider.stream(request)) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, Finish):
                    self.usage, self._stop = chunk.usage, chunk.stop
                    return
                if isinstance(chunk, CallChunk):
                    continue
                self._received.append(chunk.text)
                if isinstance(chunk, TextChunk):
                    self._said.append(chunk.text)
        raise ProviderError(f"{provider.name} ended its stream without saying so")

    @property
    def received(self) -> str:
        """Everything the model sent, reasoning included."""
        return "".join(self._received)

    @property
    def summary(self) -> str:
        """The summary so far, up to a helper block."""
        return "".join(self._said).partition(_BLOCK)[0].strip()

    @property
    def problem(self) -> str:
        """Why the summary is of no use; empty if it is."""
        if self._stop in _STOPS:
            return _STOPS[self._stop]
        return "" if self.summary else "the model gave no summary"
