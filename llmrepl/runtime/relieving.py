"""Room in the context: made before a request, or because a person wants it, and taken back."""

from __future__ import annotations

from dataclasses import replace

from llmrepl.conversation import Phase, evolve
from llmrepl.digest import Digest
from llmrepl.errors import (
    BudgetExceeded,
    ConfigError,
    LlmreplError,
    ProtocolError,
    ProviderError,
    ProviderRefused,
)
from llmrepl.events import (
    ContextCompacted,
    ContextCompacting,
    ContextRestored,
    ContextTrimmed,
    NoteAdded,
)
from llmrepl.ports import Bounded, Choice, Provider, Request
from llmrepl.relief import Budget, Compact, Trim, compact, relief
from llmrepl.runtime.asking import learn, settled
from llmrepl.runtime.halt import Halt
from llmrepl.runtime.journal import Journal
from llmrepl.runtime.straight import Straight
from llmrepl.usage import Usage

TIGHT = (
    "The next request takes about {total} tokens, and the model takes {window} with its answer:"
    " the service may refuse it or cut it. {why}"
)
"""What a person is told of a request that does not fit."""

NO_SUMMARY = "{model} wrote no summary ({why}); {next} is asked instead."
NOT_ASKED = "Not asked for a summary:"
NOTHING_LEFT = "Nothing more of it can give way."
NOT_UNASKED = "/compact lets a summary stand for the older turns."


class Relieving:
    """Makes room in the context.

    Args:
        journal: where what happens is recorded.
        halt: what ends a summary in the middle.
        unasked: whether room is made before a request that would not fit.
    """

    def __init__(self, journal: Journal, halt: Halt, *, unasked: bool) -> None:
        self._journal = journal
        self._edges = journal.edges
        self._halt = halt
        self._unasked = unasked
        self._given_up = False

    def begin(self) -> None:
        """Try again, in a new turn, where there was no way before."""
        self._given_up = False

    async def relieved(self) -> bool:
        """Make room for the next request; return whether something gave way, or a person stopped.

        The loop then decides again. What does not fit all the same is said, once in a turn.
        """
        context = self._edges.context
        if self._given_up or not isinstance(context, Bounded) or not (budget := context.budget):
            return False
        state = self._journal.state
        total = context.tokens(state)
        plan = relief(state, context.sizes(state), total, budget) if self._unasked else None
        if isinstance(plan, Trim):
            self._trim(plan)
            return True
        if plan is not None:
            event = await self._compact(context, plan, "size")
            if self._halt.reason or not event.problem:
                return True
            self._given_up = True
        if total > budget.room:
            self._given_up = True
            self._warn(total, budget)
        return False

    def _trim(self, plan: Trim) -> None:
        self._journal.record(
            ContextTrimmed(
                messages=plan.messages,
                characters=plan.characters,
                outputs=plan.outputs,
                dropped=plan.dropped,
            )
        )

    def _warn(self, total: int, budget: Budget) -> None:
        why = NOTHING_LEFT if self._unasked else NOT_UNASKED
        text = TIGHT.format(total=total, window=budget.window, why=why)
        self._journal.record(NoteAdded(text=text))

    async def compact(self, focus: str) -> ContextCompacted | None:
        """Let a summary stand for all but the last turns; see `Runtime.compact`."""
        state, context = self._journal.state, self._edges.context
        if not isinstance(context, Bounded):
            raise LlmreplError("this context cannot be compacted")
        if state.phase is not Phase.IDLE:
            raise ProtocolError("a conversation is compacted between two turns")
        self._halt.reason = ""
        sizes, budget = context.sizes(state), context.budget
        third = sum(sizes) // 3
        plan = compact(state, sizes, third if budget is None else min(budget.tail, third))
        return None if plan is None else await self._compact(context, plan, "person", focus)

    def restore(self) -> ContextRestored:
        """Send again what the last compaction or trimming took; see `Runtime.restore`."""
        context, before = self._edges.context, self._journal.state
        tokens = context.tokens(before) if isinstance(context, Bounded) else 0
        event = ContextRestored(tokens_before=tokens)
        after = evolve(before, event)  # which makes a vector of its own, so that none is copied
        if isinstance(context, Bounded):
            event = replace(event, tokens_after=context.tokens(after))
        self._journal.record(event)
        return event

    async def _compact(
        self, context: Bounded, plan: Compact, by: str, focus: str = ""
    ) -> ContextCompacted:
        """Ask the model for a summary, and record what came of it."""
        edges, state = self._edges, self._journal.state
        before, began = context.tokens(state), edges.clock.monotonic()
        request = context.digest(state, plan, focus)
        gone = plan.replaced - len(plan.kept)
        self._journal.record(ContextCompacting(messages=gone, tokens=plan.tokens))
        digest, choice, problem = await self._asked(request)
        taken = edges.meter.count("\n\n".join((digest.summary, *state.pinned)))
        if not problem and taken >= plan.tokens:
            problem = "the summary takes more room than what it stands for"
        usage = self._usage(digest, request)
        event = ContextCompacted(
            summary="" if problem else digest.summary,
            replaced=plan.replaced,
            kept=plan.kept,
            tokens_before=before,
            tokens_after=before if problem else before - plan.tokens + taken,
            by=by,
            focus=focus,
            provider=choice.provider.name,
            model=choice.model,
            usage=usage,
            cost=await edges.meter.cost(choice.provider, choice.model, usage),
            ms=self._journal.ms_since(began),
            problem=problem,
        )
        self._journal.record(event)
        if digest.usage is not None:
            learn(self._journal, choice, request, digest.usage)
        return event

    async def _asked(self, request: Request) -> tuple[Digest, Choice, str]:
        """Return a summary, who wrote it, and what is wrong with it.

        Where one fails before its first word, or the budgets refuse it, the next is asked.
        """
        router = self._edges.router or Straight(self._edges)
        try:
            choices = list(await self._halt.wait(router.choices(request), tuple))
        except ConfigError as error:
            choice = Choice(self._edges.provider, request.model)
            return Digest(), choice, f"{error.message} ({error.hint})"
        if not choices:
            return Digest(), Choice(self._edges.provider, request.model), "interrupted"
        for line in choices[0].passed:
            self._journal.record(NoteAdded(text=f"{NOT_ASKED} {line}"))
        while True:
            choice, digest = choices.pop(0), Digest()
            if why := await self._refused(choice, request):
                if not choices:
                    return digest, choice, why
                self._journal.record(NoteAdded(text=f"{NOT_ASKED} {choice.name}: {why}"))
                continue
            heard = self._heard(digest, choice.provider, replace(request, model=choice.model))
            try:
                return digest, choice, await self._halt.wait(heard, lambda: "interrupted")
            except ProviderError as error:
                router.failed(choice, error)
                why = f"{error.message} ({error.hint})" if error.hint else error.message
                if not choices or digest.received or isinstance(error, ProviderRefused):
                    return digest, choice, why
            text = NO_SUMMARY.format(model=choice.name, why=why, next=choices[0].name)
            self._journal.record(NoteAdded(text=text))

    async def _refused(self, choice: Choice, request: Request) -> str:
        """Return why the budgets do not allow a summary; empty where they do."""
        accounts, state = self._edges.accounts, self._journal.state
        if accounts is not None:
            await settled(self._journal)
            try:
                await accounts.reserve(choice, replace(request, model=choice.model), state)
            except BudgetExceeded as error:
                return f"{error.message} ({error.hint})"
        return ""

    async def _heard(self, digest: Digest, provider: Provider, request: Request) -> str:
        """Listen to a summary; return what is wrong with it."""
        await digest.hear(provider, request)
        return digest.problem

    def _usage(self, digest: Digest, request: Request) -> Usage:
        if digest.usage is not None:
            return digest.usage
        # A request that was answered with an error alone is not charged; one that was ended is.
        charged = digest.asked and not (digest.failed and not digest.received)
        sent = request.estimated_tokens if charged else 0
        return Usage(sent, self._edges.meter.count(digest.received), estimated=True)
