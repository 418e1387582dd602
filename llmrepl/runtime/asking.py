"""One message of the model, from the request to its last word, recorded piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from llmrepl.conversation import Attempts, Phase
from llmrepl.draft import Draft
from llmrepl.errors import (
    BudgetExceeded,
    ConfigError,
    LlmreplError,
    ProviderError,
    ToolsRefused,
)
from llmrepl.events import (
    ErrorRaised,
    MessageFinished,
    ModelChosen,
    NoteAdded,
    RequestFailed,
    StepStarted,
    SystemSet,
)
from llmrepl.parser import Check
from llmrepl.ports import Calibrated, Choice, Finish, Native, Provider, Request, Router
from llmrepl.routing import remedy, unaffordable
from llmrepl.runtime.gathering import gathered
from llmrepl.runtime.halt import Halt
from llmrepl.runtime.journal import Journal
from llmrepl.runtime.straight import Straight
from llmrepl.usage import Usage

KEPT = "what came of it is kept; /continue goes on from there, /retry asks anew"
FIRST = "it is first in its chain, and can be asked again"


class Asking:
    """Asks the model; `began` is when the step's first request went out, by the monotonic clock.

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
        self._asked = 0.0
        self._said: tuple[str, tuple[str, ...]] | None = None
        self._first_token_ms: float | None = None

    async def ask(self) -> None:
        """Ask for the next message, or once more where a request of this step has failed.

        Where it fails before the first word, and another try may help, that is recorded: the loop
        then decides again.
        """
        edges, journal = self._edges, self._journal
        request = edges.context.request(journal.state)
        router = edges.router or Straight(edges)
        attempts = journal.state.attempts if journal.state.phase is Phase.RETRYING else Attempts()
        try:
            choices = await self._halt.wait(_choices(router, request, attempts), tuple)
        except ConfigError as error:
            self._end("error", error)
            return
        refused: dict[str, BudgetExceeded] = {}
        for place, choice in enumerate(choices):
            request = replace(await self._suited(choice, request), model=choice.model)
            try:
                await self._hold(choice, request)
            except BudgetExceeded as error:
                refused[choice.name] = error
                continue
            if not self._halt.reason:
                self._begin(choice, choices[0].passed, refused, again=bool(attempts.next))
                await self._send(router, choice, request, choices[place + 1 :])
            return
        if refused:
            self._end("budget", unaffordable(refused))

    def draft(self, prefix: str) -> Draft:
        """Return a new message, whose calls have ids that begin with `prefix`."""
        return Draft(prefix, self._checks, self._edges.redactor)

    def _end(self, reason: str, error: LlmreplError) -> None:
        """Record that no model can be asked, and end the turn."""
        self._journal.record(ErrorRaised(kind=error.kind, message=error.message, hint=error.hint))
        self._halt.end(reason)

    def _begin(
        self,
        choice: Choice,
        passed: Sequence[str],
        refused: Mapping[str, BudgetExceeded],
        *,
        again: bool,
    ) -> None:
        """Tell who is asked, and in whose place, where that is not said already."""
        for_money = tuple(f"{name}: {error.message}" for name, error in refused.items())
        if not again:
            self._tell(replace(choice, passed=(*passed, *for_money)))
            self.began = self._edges.clock.monotonic()
        elif for_money:
            self._tell(replace(choice, passed=for_money))

    async def _send(
        self, router: Router, choice: Choice, request: Request, others: Sequence[Choice]
    ) -> None:
        """Ask one model, and finish its message, or record why another request follows."""
        edges, journal = self._edges, self._journal
        self._asked = edges.clock.monotonic()
        self._first_token_ms = None
        self._record_system(request.system)
        journal.record(
            StepStarted(
                provider=choice.provider.name,
                model=request.model,
                estimated_tokens=request.estimated_tokens,
                tools=tuple(tool.name for tool in request.tools),
                schema=request.schema or {},
            )
        )
        draft = self.draft(f"{journal.state.turn}.{journal.state.step}")
        heard = self._heard_out(router, choice, request, draft)
        finish = await self._halt.wait(heard, lambda: Finish("cancelled"))
        if isinstance(finish, ProviderError):
            router.failed(choice, finish)
            if isinstance(finish, ToolsRefused) and self._does_without(choice, request, finish):
                return
            if not draft.received and await self._goes_on(finish, choice, others, router.patience):
                return
            hint = "; ".join(filter(None, (finish.hint, KEPT if draft.received else "")))
            journal.record(ErrorRaised(kind=finish.kind, message=finish.message, hint=hint))
            finish = Finish("error", None if draft.received else Usage())  # no service bills it
        await self._finish(choice, request, draft, finish)

    async def _suited(self, choice: Choice, request: Request) -> Request:
        """Return the request as the chosen model calls: with tools, or for helper blocks."""
        context, ways = self._edges.context, self._edges.ways
        if ways is None or not isinstance(context, Native):
            return request
        native = await self._halt.wait(
            ways.native(choice.provider, choice.model), lambda: context.native
        )
        if native is context.native:
            return request
        context.native = native
        return context.request(self._journal.state)

    def _does_without(self, choice: Choice, request: Request, error: ToolsRefused) -> bool:
        """Record that the model is asked again without tools; return whether it had any."""
        if not request.tools or self._edges.ways is None:
            return False
        self._edges.ways.refused(choice.provider, choice.model)
        self._failed(choice, error, choice.name)
        return True

    async def _hold(self, choice: Choice, request: Request) -> None:
        """Hold what a call may cost; raises BudgetExceeded."""
        accounts = self._edges.accounts
        if accounts is not None:
            reserving = accounts.reserve(choice, request, self._journal.state)
            await self._halt.wait(reserving, lambda: None)

    def _tell(self, choice: Choice) -> None:
        """Record a choice that is worth a line: one with reasons, or that differs from the last."""
        said = (choice.name, tuple(line.partition(":")[0] for line in choice.passed))
        if said == self._said or not (choice.reason or choice.passed or self._said):
            return
        self._said = said
        self._journal.record(
            ModelChosen(
                provider=choice.provider.name,
                model=choice.model,
                reason=choice.reason or ("" if choice.passed else FIRST),
                passed=choice.passed,
            )
        )

    async def _goes_on(
        self, error: ProviderError, choice: Choice, others: Sequence[Choice], patience: float
    ) -> bool:
        """Record that another request follows, and wait until it may; return whether it does."""
        before = self._journal.state.attempts
        again = remedy(
            error,
            retries=before.retries,
            waited=before.waited,
            patience=patience,
            others=bool(others),
        )
        if again is None:
            return False
        self._failed(choice, error, choice.name if again.again else others[0].name, again.wait)
        await settled(self._journal)
        if again.wait:
            await self._halt.wait(asyncio.sleep(again.wait), lambda: None)
        return True

    def _failed(
        self, choice: Choice, error: ProviderError, following: str, wait: float = 0
    ) -> None:
        """Record that a request failed, and which one follows."""
        self._journal.record(
            RequestFailed(
                provider=choice.provider.name,
                model=choice.model,
                kind=error.kind,
                message=error.message,
                hint=error.hint,
                next=following,
                wait=wait,
                ms=self._journal.ms_since(self._asked),
            )
        )

    async def _finish(self, choice: Choice, request: Request, draft: Draft, finish: Finish) -> None:
        """Record the end of the message."""
        edges, journal = self._edges, self._journal
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
                cost=await edges.meter.cost(choice.provider, request.model, usage),
                first_token_ms=self._first_token_ms,
                total_ms=journal.ms_since(self._asked),
            )
        )
        for note in draft.notes(stop):
            journal.record(note)
        if finish.note:
            journal.record(NoteAdded(text=finish.note))
        learn(journal, choice, request, usage, told=bool(finish.note))

    def _record_system(self, system: str) -> None:
        """Record the system prompt if it is not the one that was recorded last."""
        journal = self._journal
        if system != journal.state.system:
            event = self._edges.redactor.scrub(SystemSet(text=system))
            if event.text != journal.state.system:
                journal.record(event)

    async def _heard_out(
        self, router: Router, choice: Choice, request: Request, draft: Draft
    ) -> Finish | ProviderError:
        """Read the message until it ends, for whatever reason."""
        try:
            finish = await self._read(choice.provider, request, draft)
        except ProviderError as error:
            return error
        router.answered(choice, self._journal.ms_since(self._asked))
        return finish

    async def _read(self, provider: Provider, request: Request, draft: Draft) -> Finish:
        """Read the message until the provider ends it, or nothing more of it would count."""
        async with (
            aclosing(provider.stream(request)) as stream,
            aclosing(gathered(stream)) as chunks,
        ):
            async for chunk in chunks:
                if isinstance(chunk, Finish):
                    return chunk
                if self._first_token_ms is None:
                    self._first_token_ms = self._journal.ms_since(self._asked)
                for event in draft.take(chunk):
                    self._journal.record(event)
                if draft.done:
                    return Finish()
        raise ProviderError(f"{provider.name} ended its stream without saying so")


async def _choices(router: Router, request: Request, attempts: Attempts) -> Sequence[Choice]:
    """Return whom to ask, the one first that a failed request was to be followed by."""
    found = await router.choices(request, attempts.given_up) or await router.choices(request)
    return sorted(found, key=lambda choice: choice.name != attempts.next)


async def settled(journal: Journal) -> None:
    """Let go what was held for a call, and tell what a person has to know of the budgets."""
    accounts = journal.edges.accounts
    for text in () if accounts is None else await accounts.settle(journal.state):
        journal.record(NoteAdded(text=text))


def learn(
    journal: Journal, choice: Choice, request: Request, usage: Usage, *, told: bool = False
) -> None:
    """Let the meter learn from what the service counted, and tell what it has to say.

    Args:
        journal: where that is recorded.
        choice: who counted it.
        request: what was counted.
        usage: the count.
        told: whether the service itself has told it.
    """
    edges = journal.edges
    if isinstance(edges.meter, Calibrated):
        said = edges.meter.learn(choice.provider.name, replace(request, model=choice.model), usage)
        if said and not told:
            journal.record(NoteAdded(text=said))
