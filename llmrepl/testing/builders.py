"""Events and records made in a line, for tests of whatever reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from llmrepl.conversation import Conversation, evolve
from llmrepl.events import (
    TYPES,
    ApprovalDecided,
    ApprovalRequested,
    BlockDelta,
    BlockOpened,
    CheckFinished,
    ConfigChanged,
    ContextCompacted,
    ContextCompacting,
    ContextPinned,
    ContextRestored,
    ContextTrimmed,
    Custom,
    ErrorRaised,
    Event,
    MessageFinished,
    ModelChosen,
    NetworkRequested,
    NoteAdded,
    ReasoningDelta,
    RequestFailed,
    StepFinished,
    StepStarted,
    SystemSet,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    Unknown,
)
from llmrepl.parts import Output, Part, Reasoning, Text, ToolCall
from llmrepl.ports import Clock
from llmrepl.providers.script import pieces
from llmrepl.record import Record
from llmrepl.testing.clock import FakeClock
from llmrepl.usage import Cost, Usage

USAGE = Usage(input_tokens=100, output_tokens=20)
COST = Cost(input=Decimal("0.000010"), output=Decimal("0.000006"))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a turn: what the model says, and the block it runs, if any, with its output."""

    text: str = ""
    code: str = ""
    output: str = ""
    language: str = "python"
    reasoning: str = ""
    status: str = "ok"


def turn(
    prompt: str = "What is 6 * 7?",
    steps: Sequence[Step] = (Step("Let me see.", "print(6 * 7)", "42\n"), Step("It is 42.")),
    *,
    number: int = 1,
    reason: str = "end_turn",
) -> list[Event]:
    """Return the events of a complete turn, live ones included.

    Args:
        prompt: what the person says.
        steps: what happens then; the last one has no code, in a turn that ends by itself.
        number: the turn's number, which the calls' ids begin with.
        reason: why the turn ends.
    """
    events: list[Event] = [TurnStarted(prompt=(Text(prompt),))]
    for index, step in enumerate(steps, 1):
        events += _step(step, f"{number}.{index}.1")
    usage, cost = Usage(), Cost()
    for _ in steps:
        usage, cost = usage + USAGE, cost + COST
    return [*events, TurnFinished(reason=reason, usage=usage, cost=cost, ms=1000.0 * len(steps))]


def _step(step: Step, call_id: str) -> Iterator[Event]:
    parts: list[Part] = []
    yield StepStarted(provider="scripted", model="test", estimated_tokens=100)
    if step.reasoning:
        parts.append(Reasoning(step.reasoning))
        yield ReasoningDelta(text=step.reasoning)
    if step.text:
        parts.append(Text(step.text))
        for piece in pieces(step.text):
            yield TextDelta(text=piece)
    arguments = {"code": step.code}
    if step.code:
        parts.append(ToolCall(call_id, step.language, step.language, arguments))
        yield BlockOpened(language=step.language)
        yield BlockDelta(text=step.code)
        yield ToolRequested(
            call_id=call_id, name=step.language, language=step.language, arguments=arguments
        )
    yield MessageFinished(
        parts=tuple(parts),
        stop="end_turn",
        usage=USAGE,
        cost=COST,
        first_token_ms=120.0,
        total_ms=800.0,
    )
    if step.code:
        yield ToolStarted(call_id=call_id, executor="fake", policy="runs nothing")
        if step.output:
            yield ToolOutput(call_id=call_id, stream="stdout", text=step.output)
        yield ToolFinished(
            call_id=call_id,
            status=step.status,
            parts=(Output("stdout", step.output),) if step.output else (),
            exit_code=0 if step.status == "ok" else 1,
            ms=200.0,
        )
    yield StepFinished(usage=USAGE, cost=COST, ms=1000.0)


def records(
    events: Iterable[Event], *, clock: Clock | None = None, state: Conversation | None = None
) -> list[Record]:
    """Return `events` as a runtime would stamp them: durable ones numbered, all with their place.

    Args:
        events: what happened, in a legal order.
        clock: where the times come from. None: a fake one, 10 ms between records.
        state: the conversation before them.

    Raises:
        ProtocolError: an event cannot follow the ones before it.
    """
    clock = clock or FakeClock(tick=0.01)
    state = state or Conversation()
    stamped: list[Record] = []
    seq = 0
    for event in events:
        state = evolve(state, event)
        seq += event.durable
        number = seq if event.durable else 0
        stamped.append(Record(number, clock.now(), state.turn, state.step, event))
    return stamped


def one_of_each() -> list[Event]:
    """Return one event of every type, and one of a type that nobody knows; in no legal order."""
    call: dict[str, Any] = {"call_id": "1.1.1"}
    samples: list[Event] = [
        TurnStarted(prompt=(Text("Hello"),)),
        SystemSet(text="Be brief."),
        ModelChosen(
            provider="scripted", model="test", reason="auto:cheapest: $0", passed=("a/b: ill",)
        ),
        RequestFailed(
            provider="groq", model="m", kind="ProviderBusy", message="busy", next="scripted/test"
        ),
        StepStarted(provider="scripted", model="test", estimated_tokens=10),
        ReasoningDelta(text="Hm."),
        TextDelta(text="Hello to you"),
        BlockOpened(language="python"),
        BlockDelta(text="print(1)\n"),
        ToolRequested(**call, name="python", language="python", arguments={"code": "print(1)"}),
        MessageFinished(parts=(Text("Hello to you"),), stop="end_turn", usage=USAGE, cost=COST),
        ApprovalRequested(
            **call, question="May it run?", dangers=("deletes x",), touches=("reads y",)
        ),
        ApprovalDecided(**call, decision="once", arguments={"code": "print(2)"}),
        ToolStarted(**call, executor="fake", policy="runs nothing", limits={"seconds": 60}),
        ToolOutput(**call, stream="stdout", text="1\n"),
        NetworkRequested(**call, method="GET", host="example.org", port=80, decision="deny"),
        ToolFinished(**call, status="ok", parts=(Output("stdout", "1\n"),), exit_code=0, ms=5.0),
        StepFinished(usage=USAGE, cost=COST, ms=900.0),
        TurnFinished(reason="end_turn", usage=USAGE, cost=COST, ms=950.0),
        ContextTrimmed(messages=2, characters=2000, outputs=1, dropped=400),
        ContextCompacting(messages=2, tokens=80),
        ContextCompacted(summary="They said hello.", replaced=2, tokens_before=90, tokens_after=9),
        ContextRestored(tokens_before=9, tokens_after=90),
        ContextPinned(text="metric units"),
        ConfigChanged(key="model", value="scripted/test"),
        ErrorRaised(kind="ProviderBusy", message="The service is busy", hint="try again in 2 s"),
        CheckFinished(name="sandbox", status="ok", message="works"),
        NoteAdded(text="A remark", audience="both"),
        Custom(name="plugin.thing", data={"value": 1}),
        Unknown(name="future.happened", data={"value": 1}),
    ]
    missing = TYPES.keys() - {event.type for event in samples}
    assert not missing, f"no sample of {', '.join(sorted(missing))}"
    return samples
