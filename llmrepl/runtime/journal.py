"""What a conversation reaches the world through, and the one way in which things happen in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from llmrepl.conversation import Conversation, Spend, evolve
from llmrepl.events import ErrorRaised, Event, TurnFinished
from llmrepl.pace import Paces
from llmrepl.ports import (
    Accounts,
    Approver,
    Clock,
    Context,
    Display,
    Executor,
    Meter,
    Provider,
    Router,
    Store,
    Ways,
)
from llmrepl.record import Record
from llmrepl.redaction import NOTHING, Redactor
from llmrepl.usage import Cost


def fold(records: Iterable[Record], start: Conversation | None = None) -> Conversation:
    """Return the conversation that `records` lead to.

    Raises:
        ProtocolError: a record cannot follow the ones before it.
    """
    state = start or Conversation()
    for record in records:
        state = evolve(state, record.event)
    return state


def known_cost(spend: Spend) -> Cost | None:
    """Return what was spent; None where nobody knows the price of some of it."""
    return None if spend.unpriced else spend.cost


@dataclass(slots=True)
class Edges:
    """Everything a runtime reaches the world through. The provider may be changed between turns.

    Without a `router`, `provider` is asked once, for the model that the context names. Without
    `ways`, all models write helper blocks; without `accounts`, there are no budgets but the one in
    the limits.
    What `redactor` knows to be secret gets into no record, and so into no request, log or display.
    """

    provider: Provider
    executor: Executor
    approver: Approver
    context: Context
    meter: Meter
    store: Store
    clock: Clock
    redactor: Redactor = NOTHING
    router: Router | None = None
    ways: Ways | None = None
    accounts: Accounts | None = None


class Journal:
    """What has happened in a conversation: `state` is what it led to, `seq` the last record.

    Args:
        edges: what stores it, tells the time and knows secrets.
        state: where to go on from; see `fold`.
        seq: the sequence number of the last stored record.
    """

    def __init__(self, edges: Edges, state: Conversation | None, seq: int) -> None:
        self.edges = edges
        self.state = state or Conversation()
        self.seq = seq
        self._paces = Paces()
        self._displays: list[Display] = []

    def subscribe(self, display: Display) -> None:
        """Pass every record from now on to `display`."""
        self._displays.append(display)

    def unsubscribe(self, display: Display) -> None:
        """Stop passing records to `display`."""
        self._displays.remove(display)

    def record(self, event: Event) -> None:
        """Let `event` happen: redact it, fold it, store it, show it.

        Text that arrives in pieces must have been redacted before: a piece shows no secret.

        Raises:
            ProtocolError: it cannot happen now.
            SessionError: it could not be stored; it has not happened then.
        """
        state, seq, at = self.state, 0, self.edges.clock.now()
        if event.durable:
            event = self._paces.complete(self.edges.redactor.scrub(event), at)
            state, seq = evolve(state, event), self.seq + 1
        else:
            self._paces.note(event, at)
        record = Record(seq, at, state.turn, state.step, event)
        if event.durable:
            self.edges.store.append(record, sync=isinstance(event, TurnFinished))
            self.state, self.seq = state, seq
        for display in tuple(self._displays):
            try:
                display.show(record)
            except Exception as error:  # noqa: BLE001 - a plugin boundary: the loop must go on
                self._displays.remove(display)
                name = type(display).__name__
                self.record(
                    ErrorRaised(
                        kind="PluginError",
                        message=f"the display {name} failed and was switched off: {error!r}",
                    )
                )

    def ms_since(self, began: float) -> float:
        """Return the milliseconds since a time of the monotonic clock."""
        return round((self.edges.clock.monotonic() - began) * 1000, 3)
