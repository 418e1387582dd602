"""A conversation from another program, and the records of a session that it becomes.

The records are in the order that llmrepl's own would have. What cannot be carried over is said, and
nothing is invented: a call without a result stays one whose end is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from llmrepl.errors import SessionError
from llmrepl.events import (
    ConfigChanged,
    Event,
    MessageFinished,
    NoteAdded,
    StepFinished,
    StepStarted,
    SystemSet,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Part, Text, ToolCall, ToolResult, text_of
from llmrepl.record import Record
from llmrepl.usage import Cost, Usage

NO_PROMPT = "(the imported conversation has no prompt here)"
NEVER_RAN = "imported: how it ended is not known"
_BEFORE = frozenset({"user", "system"})
"""Who speaks before an answer."""
CODE = frozenset({"python", "bash"})
"""Names of calls that are blocks of code where their arguments hold the code."""


class Unreadable(SessionError):
    """A file does not hold what its format says."""


@dataclass(slots=True)
class Said:
    """A message of the user, the assistant, a tool or the system.

    `at` is Unix time in milliseconds, 0 where that is unknown.
    """

    role: str
    parts: list[Part] = field(default_factory=list)
    at: int = 0
    model: str = ""
    usage: Usage = Usage()
    cost: Cost | None = None
    ms: float = 0.0


@dataclass(slots=True)
class Foreign:
    """A conversation that another program kept.

    `source` is its format's name, `id` what the other program calls it. `lost` counts what is in it
    and cannot be carried over. `own_model` says that its models are named as llmrepl names them.
    """

    source: str
    id: str = ""
    said: list[Said] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    own_model: bool = False

    @property
    def told(self) -> str:
        """What was imported and what was not, in one line."""
        origin = f"imported from {self.source}" + (f", {self.id}" if self.id else "")
        if not self.lost:
            return origin
        lost = ", ".join(f"{what} ({n})" if n > 1 else what for what, n in self.lost.items())
        return f"{origin}; not carried over: {lost}"


def language_of(name: str, arguments: Any) -> str:
    """Return the language of a foreign call."""
    return name if name in CODE and isinstance(arguments.get("code"), str) else "tool"


def moment(given: Any) -> int:
    """Return an ISO 8601 time as Unix time in ms: UTC unless it says otherwise, 0 for no time."""
    try:
        time = datetime.fromisoformat(str(given))
    except ValueError:
        return 0
    return round(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * 1000)


def records_of(foreign: Foreign, now: int) -> list[Record]:
    """Return the records of the session that `foreign` becomes.

    Args:
        foreign: the conversation.
        now: Unix time in milliseconds for messages that have none.

    Raises:
        Unreadable: it holds no message.
    """
    if not foreign.said:
        raise Unreadable(
            f"there is no message in {foreign.id or 'it'}", hint="a conversation has one at least"
        )
    writer = _Writer(foreign, next((said.at for said in foreign.said if said.at), now))
    for turn in _turns(foreign.said):
        writer.turn(turn)
    writer.add(NoteAdded(text=foreign.told))
    if not foreign.own_model:
        # Another program's model may not be there: the session goes on with the one that is chosen.
        writer.add(ConfigChanged(key="model", value=""))
    return writer.records


def _turns(said: Iterable[Said]) -> Iterator[list[Said]]:
    """Yield what belongs together: prompts in a row, and everything up to the next."""
    turn: list[Said] = []
    for message in said:
        if message.role == "user" and any(earlier.role not in _BEFORE for earlier in turn):
            yield turn
            turn = []
        turn.append(message)
    if turn:
        yield turn


class _Writer:
    """Makes records, turn by turn."""

    def __init__(self, foreign: Foreign, at: int) -> None:
        self.records: list[Record] = []
        self._foreign = foreign
        self._at = at
        self._turn = 0
        self._step = 0
        self._told = ""

    def add(self, event: Event, at: int = 0) -> None:
        """Append a record; time never goes back."""
        self._at = max(self._at, at)
        self.records.append(Record(len(self.records) + 1, self._at, self._turn, self._step, event))

    def turn(self, said: Sequence[Said]) -> None:
        """Write a turn: the prompt's messages first, then the answers and the results."""
        self._turn, self._step = self._turn + 1, 0
        prompts = [message for message in said if message.role == "user"]
        first = list(takewhile(lambda message: message.role in _BEFORE, said))
        parts = [part for message in prompts for part in message.parts]
        self.add(
            TurnStarted(prompt=tuple(parts or [Text(NO_PROMPT)]), source=self._foreign.source),
            said[0].at,
        )
        usage, ended = Usage(), "interrupted"
        self._system([message for message in first if message.role == "system"])
        rest = said[len(first) :]
        if orphans := len(_results(rest)):
            self._foreign.lost["results without a call"] += orphans
        for number, message in enumerate(rest, 1):
            if message.role == "assistant":
                ended = self._answer(message, _results(rest[number:]))
                usage += message.usage
            elif message.role == "system":
                self._system([message])
        costs = [m.cost for m in rest if m.cost is not None]
        cost = sum(costs, Cost()) if costs else None
        self.add(TurnFinished(reason=ended, usage=usage, cost=cost))

    def _system(self, said: Sequence[Said]) -> None:
        """Write a system prompt, of all that the system says in a row, if it is another one."""
        texts = filter(None, (text_of(message.parts) for message in said))
        text = "\n\n".join(texts)
        if text not in ("", self._told):
            self.add(SystemSet(text=text))
            self._told = text

    def _answer(self, message: Said, results: dict[str, ToolResult]) -> str:
        """Write a step; return the reason for which a turn ends that ends with it."""
        self._step += 1
        provider, _, name = message.model.partition("/")
        if not (self._foreign.own_model and name):
            provider, name = self._foreign.source, message.model or "unknown"
        self.add(StepStarted(provider=provider, model=name))
        parts, calls = self._numbered(message.parts)
        for call, _ in calls:
            self.add(
                ToolRequested(
                    call_id=call.call_id,
                    name=call.name,
                    language=call.language,
                    arguments=call.arguments,
                    origin="native",
                    problem=call.problem,
                ),
                message.at,
            )
        self.add(
            MessageFinished(
                parts=tuple(parts),
                stop="end_turn",
                usage=message.usage,
                cost=message.cost,
                total_ms=message.ms,
            ),
            message.at,
        )
        for call, name in calls:
            self._finished(call, results.pop(name, None))
        if results:
            self._foreign.lost["results without a call"] += len(results)
        self.add(StepFinished(usage=message.usage, cost=message.cost, ms=message.ms))
        return "interrupted" if calls else "end_turn"

    def _numbered(self, parts: Iterable[Part]) -> tuple[list[Part], list[tuple[ToolCall, str]]]:
        """Return the parts with calls named as llmrepl names them, and each call's old name."""
        numbered: list[Part] = []
        calls: list[tuple[ToolCall, str]] = []
        for part in parts:
            if isinstance(part, ToolCall):
                call_id = f"{self._turn}.{self._step}.{len(calls) + 1}"
                call = ToolCall(call_id, part.name, part.language, part.arguments, part.problem)
                calls.append((call, part.call_id))
                numbered.append(call)
            else:
                numbered.append(part)
        return numbered, calls

    def _finished(self, call: ToolCall, result: ToolResult | None) -> None:
        if not call.problem:
            self.add(ToolStarted(call_id=call.call_id, executor=self._foreign.source))
        if result is None:
            self.add(ToolFinished(call_id=call.call_id, status="unknown", reason=NEVER_RAN))
            return
        self.add(
            ToolFinished(
                call_id=call.call_id,
                status=result.status,
                parts=result.parts,
                exit_code=result.exit_code,
                ms=result.ms,
                reason=result.reason,
            )
        )


def _results(said: Iterable[Said]) -> dict[str, ToolResult]:
    """Return the results up to the next answer, by the names of their calls."""
    found: dict[str, ToolResult] = {}
    for message in said:
        if message.role == "assistant":
            break
        found |= {p.call_id: p for p in message.parts if isinstance(p, ToolResult)}
    return found
