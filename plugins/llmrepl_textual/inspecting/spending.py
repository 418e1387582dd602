"""What a block took: tokens by what they are, dollars by what they were for, time."""

from __future__ import annotations

from collections.abc import Iterator

from llmrepl.conversation import Spend
from llmrepl.events import MessageFinished, StepFinished, StepStarted, TurnFinished
from llmrepl.figures import UNKNOWN, cached, duration, money, rate, tokens
from llmrepl.usage import Cost, Usage
from llmrepl_textual.inspecting.subject import CALL, OTHER, TURN, Subject

KINDS = (
    ("sent", "input_tokens"),
    ("read from the cache", "cache_read"),
    ("written to the cache", "cache_write"),
    ("received", "output_tokens"),
    ("of them thought", "reasoning_tokens"),
)
"""What tokens are called, and the fields of a usage."""

PRICES = ("input", "output", "cache_read", "cache_write", "reasoning")
PARTS = ("input", "output", "cache_read", "cache_write")


def spending(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield sections about what a block took: a title and a text each."""
    if subject.kind == OTHER:
        return
    if subject.kind == TURN:
        ended = subject.of(TurnFinished, subject.turn)
        if ended is not None:
            yield "the turn", _told(ended.usage, ended.cost, ended.ms)
        yield from _steps(subject)
        return
    message = subject.of(MessageFinished, subject.step)
    if message is None:
        return
    title = "the message that asked for it" if subject.kind == CALL else "the message"
    lines = [_told(message.usage, message.cost, message.total_ms)]
    if message.first_token_ms is not None:
        writing = message.total_ms - message.first_token_ms
        speed = rate(message.usage.output_tokens, writing)
        lines.append(f"{'first token after':21} {duration(message.first_token_ms):>9}")
        if speed:
            lines.append(f"{'then':21} {speed:>9}")
    yield title, "\n".join(lines)
    if message.cost is not None and message.cost.price is not None:
        yield "its price, in dollars per million tokens", _price(message.cost)
    ended_step = subject.of(StepFinished, subject.step)
    if ended_step is not None:
        yield "the step, its calls included", f"{'time':21} {duration(ended_step.ms):>9}"


def _steps(subject: Subject) -> Iterator[tuple[str, str]]:
    spend = Spend()
    lines = []
    model = ""
    for record in subject.turn:
        match record.event:
            case StepStarted(provider=provider, model=name):
                model = f"{provider}/{name}"
            case MessageFinished() as event:
                spend = spend.add(event.usage, event.cost)
                flow = f"↑{tokens(event.usage.input_tokens)} ↓{tokens(event.usage.output_tokens)}"
                cost = event.cost
                price = money(cost.total, estimated=cost.estimated) if cost else UNKNOWN
                name = f"{record.turn}.{record.step}"
                took = duration(event.total_ms)
                lines.append(f"{name:6} {flow:15} {price:>9} {took:>9}  {model}")
    if lines:
        yield "its messages", "\n".join(lines)


def _told(usage: Usage, cost: Cost | None, ms: float) -> str:
    lines = []
    for name, field in KINDS:
        count = getattr(usage, field)
        if count or field in ("input_tokens", "output_tokens"):
            lines.append(f"{name:21} {tokens(count, estimated=usage.estimated):>9}")
    if cached(usage):
        lines.append(f"{'from the cache':21} {cached(usage):>9}")
    if cost is None:
        lines.append(f"{'cost':21} {UNKNOWN:>9}")
    else:
        amounts = {part.replace("_", " "): getattr(cost, part) for part in PARTS}
        lines += (f"{'cost of ' + part:21} {each:>12f}" for part, each in amounts.items() if each)
        lines.append(f"{'cost':21} {money(cost.total, estimated=cost.estimated):>9}")
    return "\n".join([*lines, f"{'time':21} {duration(ms):>9}"])


def _price(cost: Cost) -> str:
    price = cost.price
    if price is None:
        return ""
    lines = [
        f"{name.replace('_', ' '):21} {getattr(price, name):>9f}"
        for name in PRICES
        if getattr(price, name) is not None
    ]
    return "\n".join([*lines, *([f"{'source':21} {price.source:>9}"] if price.source else [])])
