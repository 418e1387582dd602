"""What a session's records say of its tools and models: how often, how long, how well.

Times are in milliseconds. What a message costs is shared by the calls it asks for, so that the
parts sum to the whole; what asks for none has a row of its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from llmrepl.events import (
    PERSON,
    TYPED,
    Event,
    MessageFinished,
    RequestFailed,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
)
from llmrepl.record import Record

ANSWERS = "(no tool)"
"""Stands for messages that ask for no call."""


@dataclass(slots=True)
class Tool:
    """What came of the calls of a tool. `ms` are the times of those that ran."""

    name: str
    calls: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    ms: array[float] = field(default_factory=lambda: array("d"))
    tokens: float = 0.0
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    @property
    def errors(self) -> int:
        """How many ended in another way than well, without those that a person refused."""
        return sum(count for name, count in self.statuses.items() if name not in ("ok", "denied"))

    def __add__(self, other: Tool) -> Tool:
        statuses = dict(self.statuses)
        for name, count in other.statuses.items():
            statuses[name] = statuses.get(name, 0) + count
        return Tool(
            self.name,
            self.calls + other.calls,
            statuses,
            self.ms + other.ms,
            self.tokens + other.tokens,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
        )


@dataclass(slots=True)
class Model:
    """How a model did. `first` are the times to the first word, `ms` those of whole messages."""

    name: str
    messages: int = 0
    failed: int = 0
    problem: str = ""
    tokens: int = 0
    first: array[float] = field(default_factory=lambda: array("d"))
    ms: array[float] = field(default_factory=lambda: array("d"))

    @property
    def rate(self) -> float | None:
        """Tokens of answers for each second of them; None where there is none."""
        time = sum(self.ms)
        return self.tokens * 1000 / time if time and self.tokens else None


class Tally:
    """Adds records up (`llmrepl.ports.Display`), those of one session after the other.

    Attributes:
        tools: by name.
        models: by provider/model.
    """

    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {}
        self.models: dict[str, Model] = {}
        self.begin()

    def begin(self) -> None:
        """Let the records of another session follow."""
        self._names: dict[str, str] = {}
        self._started: set[str] = set()
        self._asked: list[str] = []
        self._model = ""

    def of(self, records: Iterable[Record], after: int = 0, since: int = 0) -> None:
        """Take the records of a whole session.

        Args:
            records: from the first.
            after: those up to this seq count elsewhere: they are of the session it is a fork of.
            since: Unix time in milliseconds of the first that count.
        """
        self.begin()
        for record in records:
            self.take(record, counts=record.seq > after and record.at >= since)

    @property
    def by_tool(self) -> list[Tool]:
        """The tools, those that took most time first, and messages that ask for none at the end."""
        return sorted(
            self.tools.values(), key=lambda tool: (tool.name == ANSWERS, -sum(tool.ms), tool.name)
        )

    def show(self, record: Record) -> None:
        """Take one more."""
        self.take(record)

    def take(self, record: Record, *, counts: bool = True) -> None:
        """Take a record; with `counts` unset only what later ones need to be understood."""
        self._understand(record.event)
        if counts:
            self._count(record.event)
        if isinstance(record.event, MessageFinished):
            self._asked = []

    def _understand(self, event: Event) -> None:
        match event:
            case StepStarted(provider=provider, model=model):
                self._model, self._asked = f"{provider}/{model}", []
            case ToolRequested(call_id=call_id, name=name, origin=origin):
                self._names[call_id] = name
                if origin not in TYPED:
                    self._asked.append(name)
            case ToolStarted(call_id=call_id):
                self._started.add(call_id)
            case _:
                pass

    def _count(self, event: Event) -> None:
        match event:
            case RequestFailed():
                model = self._of_model(event.name)
                model.failed, model.problem = model.failed + 1, event.message
            case ToolRequested():
                self._of_tool(event.name).calls += 1
            case MessageFinished():
                self._message(event)
            case ToolFinished(by=""):
                tool = self._of_tool(self._names.get(event.call_id, "?"))
                tool.statuses[event.status] = tool.statuses.get(event.status, 0) + 1
                if event.call_id in self._started:
                    tool.ms.append(event.ms)
            case _:
                pass

    def _message(self, event: MessageFinished) -> None:
        names = self._asked or [ANSWERS]
        said = event.usage.input_tokens + event.usage.output_tokens
        for name in names:
            tool = self._of_tool(name)
            tool.tokens += said / len(names)
            if event.cost is not None:
                tool.cost += event.cost.total / len(names)
            else:
                tool.unpriced += 1
        if not self._asked:
            self._of_tool(ANSWERS).calls += 1
        if self._model.startswith(f"{PERSON}/"):
            return  # who is no model
        model = self._of_model(self._model)
        model.messages += 1
        model.failed += event.stop == "error"
        if event.total_ms:
            model.tokens += event.usage.output_tokens
            model.ms.append(event.total_ms)
        if event.first_token_ms is not None:
            model.first.append(event.first_token_ms)

    def _of_tool(self, name: str) -> Tool:
        return self.tools.setdefault(name, Tool(name))

    def _of_model(self, name: str) -> Model:
        return self.models.setdefault(name, Model(name))


def percentile(times: Iterable[float], part: int) -> float | None:
    """Return the smallest time that `part` percent of them do not exceed; None where none is."""
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * part // 100) - 1)] if ordered else None
