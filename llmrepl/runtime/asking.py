"""One message of the model, from the request to its last word, recorded piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing

from llmrepl.draft import Draft
from llmrepl.errors import ProviderError
from llmrepl.events import ErrorRaised, MessageFinished, NoteAdded, StepStarted, SystemSet
from llmrepl.parser import Check
from llmrepl.ports import Calibrated, Finish, Request, TextChunk
from llmrepl.runtime.halt import Halt
from llmrepl.runtime.journal import Journal
from llmrepl.usage import Usage


class Asking:
    """Asks the model; `began` is when it was last asked, by the monotonic clock.

    Args:
        journal: where what happens is recorded.
        halt: what ends a message in the middle.
        checks: per language, what tells whether a block's source compiles.
    """

    def __init__(self, journal: Journal, halt: Halt, checks: Mapping[str, Check] | None) -> None:
        self.began = 0.0
        self._journal = journal
        self._edges = journal.edges
        self._halt = halt
        self._checks = checks
        self._first_token_ms: float | None = None

    async def ask(self) -> None:
        """Ask for the next message."""
        edges, journal = self._edges, self._journal
        request = edges.context.request(journal.state)
        self.began = edges.clock.monotonic()
        self._first_token_ms = None
        self._record_system(request.system)
        journal.record(
            StepStarted(
                provider=edges.provider.name,
                model=request.model,
                estimated_tokens=request.estimated_tokens,
            )
        )
        state = journal.state
        draft = Draft(f"{state.turn}.{state.step}", self._checks, edges.redactor)
        heard = self._heard_out(request, draft)
        finish = await self._halt.wait(heard, lambda: Finish("cancelled"))
        for event in draft.close(finish.stop):
            journal.record(event)
        usage = finish.usage
        if usage is None:
            # A request that was answered with an error alone is not charged.
            failed = finish.stop == "error" and not draft.received
            sent, output = request.estimated_tokens, edges.meter.count(draft.received)
            usage = Usage() if failed else Usage(sent, output, estimated=True)
        stop = draft.stop(finish.stop)
        journal.record(
            MessageFinished(
                parts=draft.parts,
                stop=stop,
                usage=usage,
                cost=await edges.meter.cost(edges.provider, request.model, usage),
                first_token_ms=self._first_token_ms,
                total_ms=journal.ms_since(self.began),
            )
        )
        for note in draft.notes(stop):
            journal.record(note)
        if finish.note:
            journal.record(NoteAdded(text=finish.note))
        learn(journal, request, usage, told=bool(finish.note))

    def _record_system(self, system: str) -> None:
        """Record the system prompt if it is not the one that was recorded last."""
        journal = self._journal
        if system != journal.state.system:
            event = self._edges.redactor.scrub(SystemSet(text=system))
            if event.text != journal.state.system:
                journal.record(event)

    async def _heard_out(self, request: Request, draft: Draft) -> Finish:
        """Read the message until it ends, for whatever reason."""
        try:
            return await self._read(request, draft)
        except ProviderError as error:
            self._journal.record(
                ErrorRaised(kind=error.kind, message=error.message, hint=error.hint)
            )
            return Finish("error")

    async def _read(self, request: Request, draft: Draft) -> Finish:
        """Read the message until the provider ends it, or nothing more of it would count."""
        provider = self._edges.provider
        async with aclosing(provider.stream(request)) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, Finish):
                    return chunk
                if self._first_token_ms is None:
                    self._first_token_ms = self._journal.ms_since(self.began)
                take = draft.text if isinstance(chunk, TextChunk) else draft.reasoning
                for event in take(chunk.text):
                    self._journal.record(event)
                if draft.done:
                    return Finish()
        raise ProviderError(f"{provider.name} ended its stream without saying so")


def learn(journal: Journal, request: Request, usage: Usage, *, told: bool = False) -> None:
    """Let the meter learn from what the service counted, and tell what it has to say.

    Args:
        journal: where that is recorded.
        request: what was counted.
        usage: the count.
        told: whether the service itself has told it.
    """
    edges = journal.edges
    if isinstance(edges.meter, Calibrated):
        said = edges.meter.learn(edges.provider.name, request, usage)
        if said and not told:
            journal.record(NoteAdded(text=said))
