"""Asks a model again at every step of a session, and compares the calls it makes, not its prose.

Each request holds the conversation as it was recorded, so that one difference does not hide the
next. Nothing that the model asks for is run.
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from llmrepl.conversation import Conversation, evolve
from llmrepl.draft import BROKEN, Draft
from llmrepl.errors import BudgetExceeded, ProviderError
from llmrepl.events import PERSON, MessageFinished, StepStarted
from llmrepl.parser import Check
from llmrepl.parts import Part, ToolCall
from llmrepl.ports import Context, Finish, Meter, Provider, Request
from llmrepl.record import Record
from llmrepl.redaction import NOTHING, Redactor
from llmrepl.usage import Cost, Usage

BROKEN_OFF = "its message was broken off"
FAILED_BEFORE = "the model failed before"
BY_HAND = "a person wrote the message"


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a step: `outcome` is `same`, `differs`, `failed` or `not asked`.

    `why` explains the last two. `recorded` and `now` are the calls as texts that can be compared.
    """

    turn: int
    step: int
    model: str
    outcome: str
    why: str = ""
    recorded: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
    usage: Usage = Usage()
    cost: Cost | None = None

    @property
    def diff(self) -> list[str]:
        """A unified diff of the calls."""
        before, after = ("\n".join(calls).splitlines() for calls in (self.recorded, self.now))
        return list(difflib.unified_diff(before, after, "recorded", "now", lineterm="", n=2))


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be asked: `name` is provider/model."""

    name: str
    provider: Provider
    context: Context


class Took(Protocol):
    """What a call took, for whoever accounts for it."""

    usage: Usage


@dataclass
class Nobody:
    """Takes what nobody accounts for."""

    usage: Usage = Usage()


@asynccontextmanager
async def _unaccounted(_: Provider, __: Request) -> AsyncIterator[Took]:
    yield Nobody()


@dataclass(frozen=True, slots=True)
class Terms:
    """How a model is asked.

    `checks` tell, by language, whether a block's source compiles. `normalise` takes out of code
    what belongs to one run alone. No further step is asked when `budget`, US dollars, is spent.
    `accounts` are around each call, and may refuse it.
    """

    meter: Meter
    checks: Mapping[str, Check] = field(default_factory=dict)
    redactor: Redactor = NOTHING
    normalise: Callable[[str], str] = str
    budget: Decimal | None = None
    accounts: Callable[[Provider, Request], AbstractAsyncContextManager[Took]] = _unaccounted


async def ask_again(
    records: Iterable[Record], model_of: Callable[[StepStarted], Model], terms: Terms
) -> AsyncIterator[Asked]:
    """Ask a model for the message of every step, and yield what came of it.

    Args:
        records: the session.
        model_of: whom to ask instead of whom that step asked.
        terms: how.
    """
    state, before = Conversation(), Conversation()
    started: StepStarted | None = None
    spent, failed = Decimal(0), False
    for record in records:
        event = record.event
        if isinstance(event, StepStarted):
            started, before = event, state
        elif isinstance(event, MessageFinished) and started is not None:
            if started.provider == PERSON:
                by = f"{started.provider}/{started.model}"
                yield Asked(record.turn, record.step, by, "not asked", why=BY_HAND)
                state = evolve(state, event)
                continue
            model = model_of(started)
            step = Asked(record.turn, record.step, model.name, "not asked")
            if event.stop in BROKEN or event.stop == "interrupted":
                step = replace(step, why=BROKEN_OFF)
            elif failed:
                step = replace(step, why=FAILED_BEFORE)
            elif terms.budget is not None and spent >= terms.budget:
                step = replace(step, why=f"the budget of ${terms.budget} is spent")
            else:
                step = await _ask(step, model, model.context.request(before), event, terms)
                spent += step.cost.total if step.cost else 0
                failed = step.outcome == "failed"
            yield step
        state = evolve(state, event)


async def _ask(
    step: Asked, model: Model, request: Request, event: MessageFinished, terms: Terms
) -> Asked:
    draft = Draft("again", terms.checks, terms.redactor)
    try:
        async with terms.accounts(model.provider, request) as took:
            finish = await _heard_out(model.provider, request, draft)
            count = terms.meter.count(draft.received)
            estimated = Usage(request.estimated_tokens, count, estimated=True)
            took.usage = usage = finish.usage or estimated
    except ProviderError as error:
        return replace(step, outcome="failed", why=error.message)
    except BudgetExceeded as error:
        return replace(step, why=error.message)
    for _ in draft.close(finish.stop):
        pass
    recorded, now = (calls_of(parts, terms.normalise) for parts in (event.parts, draft.parts))
    return replace(
        step,
        outcome="same" if recorded == now else "differs",
        recorded=recorded,
        now=now,
        usage=usage,
        cost=await terms.meter.cost(model.provider, request.model, usage),
    )


async def _heard_out(provider: Provider, request: Request, draft: Draft) -> Finish:
    async with aclosing(provider.stream(request)) as chunks:
        async for chunk in chunks:
            if isinstance(chunk, Finish):
                return chunk
            for _ in draft.take(chunk):
                pass
            if draft.done:
                return Finish()
    raise ProviderError(f"{provider.name} ended its stream without saying so")


def calls_of(parts: Iterable[Part], normalise: Callable[[str], str]) -> tuple[str, ...]:
    """Return the calls in a message as texts that are the same where the calls do the same.

    Python is written anew from its syntax tree, so that layout, comments and quotes do not count;
    nor do empty lines and comments of bash. How long a block may take does not count either.
    """
    return tuple(normalise(_plain(part)) for part in parts if isinstance(part, ToolCall))


def _plain(call: ToolCall) -> str:
    if call.problem:
        return f"{call.language or call.name}, malformed"
    code = call.arguments.get("code")
    if not isinstance(code, str):
        return f"{call.name}\n{json.dumps(call.arguments, ensure_ascii=False, sort_keys=True)}"
    return f"{call.name}\n{_python(code) if call.language == 'python' else _bash(code)}"


def _python(code: str) -> str:
    try:
        return ast.unparse(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError):
        return code.strip()


def _bash(code: str) -> str:
    if "<<" in code:
        return code.strip()  # a here-document is text
    lines = (line.rstrip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.lstrip().startswith("#"))
