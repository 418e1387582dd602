"""How a chat stands, as values: what its status line, its usage and its context are drawn from.

Whoever draws them gets nothing else to see, so that a plugin needs no more than this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from llmrepl.conversation import Spend
from llmrepl.events import ContextCompacted, MessageFinished, StepStarted, TurnStarted
from llmrepl.parts import word
from llmrepl.record import Record
from llmrepl.usage import Cost, Usage

Fragment = tuple[str, str]
"""A style's name and a text. Styles: strong, dim, bar, warn, hot, bad, alarm; "" for none."""

Alarm = Literal["", "missing", "off"]
"""`missing`: there is no sandbox, so nothing runs. `off`: blocks run without one."""


@dataclass(frozen=True, slots=True)
class Budgeted:
    """A budget and what is spent of it, in US dollars; `stops` where no call goes beyond it.

    `scope` is what it is for: session, day, month, project or user.
    """

    scope: str
    spent: Decimal
    amount: Decimal
    stops: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a status line tells. It is made in the time of a keypress, whatever the session's size.

    Args:
        mode: who answers where a block needs approval: ask, auto or deny.
        model: the model as provider/model.
        remark: what has to be known about the model, the first of it before a `;`.
        sandbox: what stands between blocks and the machine, in a few words.
        policy: what blocks may touch, or where it is told why there is no sandbox.
        alarm: why nothing stands between them, where nothing does.
        cwd: the working directory, with `~` for the home.
        context: tokens that the next request takes, by our estimate; None while that is not known.
        room: tokens that the model takes at once; None where nobody says.
        turn: what the last turn took.
        session: what the session took.
        budget: US dollars that the session may cost; None for any.
        budgets: the others there are, the smallest scope first, as of the last call.
        words: whether a screen reader reads the line, which knows words and no signs.
    """

    mode: str
    model: str
    sandbox: str
    cwd: str
    remark: str = ""
    policy: str = ""
    alarm: Alarm = ""
    context: int | None = None
    room: int | None = None
    turn: Spend = Spend()
    session: Spend = Spend()
    budget: Decimal | None = None
    budgets: tuple[Budgeted, ...] = ()
    words: bool = False


@dataclass(frozen=True, slots=True)
class StepUsage:
    """What one message of the model took; times in milliseconds, `cost` None where not known.

    The cost does not have its price: there is one of these for each step of a session.

    `purpose` is `compact` for a summary, which belongs to no step: it came behind this one.
    """

    turn: int
    step: int
    model: str
    usage: Usage
    cost: Cost | None = None
    first_token_ms: float | None = None
    total_ms: float = 0.0
    purpose: str = "main"


@dataclass(frozen=True, slots=True)
class Filling:
    """What fills the context of `model`.

    `parts` is tokens by what they are, in the order to show them in; their sum is the estimate of
    the next request. `room` is what the model takes at once, None where nobody says.
    """

    model: str
    parts: Mapping[str, int]
    room: int | None = None

    @property
    def total(self) -> int:
        """Tokens of the next request."""
        return sum(self.parts.values())


class Steps:
    """What each message of the model took, oldest first; it takes in records as a display does.

    A turn that begins again, in a session that was taken back, replaces what it was before.

    Args:
        records: those of the session so far.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.taken: list[StepUsage] = []
        self._model = ""
        for record in records:
            self.show(record)

    def adopt(self, other: Steps) -> None:
        """Forget everything, and go on from what those of another session took."""
        self.taken, self._model = other.taken, other._model

    def show(self, record: Record) -> None:
        """Take in one record."""
        match record.event:
            case TurnStarted():
                while self.taken and self.taken[-1].turn >= record.turn:
                    self.taken.pop()
            case StepStarted(provider=provider, model=model):
                self._model = word(f"{provider}/{model}")
            case ContextCompacted() as event if event.provider:
                self.taken.append(
                    StepUsage(
                        record.turn,
                        record.step,
                        f"{event.provider}/{event.model}",
                        event.usage,
                        _without_price(event.cost),
                        total_ms=event.ms,
                        purpose="compact",
                    )
                )
            case MessageFinished() as event:
                self.taken.append(
                    StepUsage(
                        record.turn,
                        record.step,
                        self._model,
                        event.usage,
                        _without_price(event.cost),
                        event.first_token_ms,
                        event.total_ms,
                    )
                )


@lru_cache(maxsize=64)
def _without_price(cost: Cost | None) -> Cost | None:
    """Return a cost without its price; of those that are alike, as a free model's are, one."""
    return replace(cost, price=None) if cost is not None and cost.price else cost


def spend_of(steps: Iterable[StepUsage]) -> Spend:
    """Return what `steps` took together."""
    spend = Spend()
    for step in steps:
        spend = spend.add(step.usage, step.cost)
    return spend
