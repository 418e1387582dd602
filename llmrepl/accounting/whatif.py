"""What a session would have cost on another model, with and without a prompt cache.

Pure arithmetic on what the session's records say; prices come in. Every figure has its assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from llmrepl.events import PERSON, ContextCompacted, MessageFinished, StepStarted
from llmrepl.parser import render_call
from llmrepl.parts import Reasoning, Text, ToolCall
from llmrepl.record import Record
from llmrepl.usage import Cost, Usage

KEPT_SECONDS = 300.0
"""How long a prompt cache is taken to last: what most services promise."""

STORED = "tokens as the recorded model's service counted them; another counts a little otherwise"
RECOUNTED = "tokens counted here, since the service gave none"
COUNTED = (
    "tokens counted here, as the vocabulary of OpenAI's models has them, whatever the service said"
)
ASKED = (
    "asked now at {} of {} steps, each with the conversation as it was recorded; nothing was run"
)
MIXED = "tokens as the service counted them; counted here where it gave none"
PLAIN = "every request is paid in full"
CACHED = (
    f"a request reads from the cache what the one before it sent and said, if that ended less than"
    f" {KEPT_SECONDS:.0f} s before, and writes the rest"
)
NO_CACHE_PRICE = "this model has no price for a cache, so it costs what plain input costs"
UNPRICED = "nobody knows this model's price"
RECORDED = "as the session has it, at the prices of its day"

Count = Callable[[str], int]
Price = Callable[[Usage], Cost | None]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply. `cached` are the tokens that a prompt cache could have held."""

    usage: Usage
    cached: int
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    `tokens` says where their numbers are from: `stored` in the session, `counted` here, or `now`,
    as a service says now. `cost` is None where nobody knows; `assumptions` explain the figures.
    """

    model: str
    tokens: str
    cache: str
    usage: Usage
    cost: Cost | None
    assumptions: tuple[str, ...]


def exchanges(records: Iterable[Record], count: Count, *, stored: bool = True) -> list[Exchange]:
    """Return the session's requests in order.

    Args:
        records: the session's.
        count: counts tokens, for what no service counted.
        stored: go by what the services counted; otherwise all is counted here, but for requests
            that the session does not know the size of.
    """
    found: list[Exchange] = []
    asked, began = 0, 0
    before, ended = 0, 0
    by_hand = False
    for record in records:
        event = record.event
        if isinstance(event, StepStarted):
            asked, began = event.estimated_tokens, record.at
            by_hand = event.provider == PERSON
        elif isinstance(event, ContextCompacted):
            if event.provider:
                found.append(
                    Exchange(event.usage, min(before, event.usage.input_tokens), event.cost)
                )
            if not event.problem:
                before = 0  # the beginning is another one now
        elif isinstance(event, MessageFinished) and not by_hand:
            usage = _usage(event, asked, count, stored=stored)
            warm = began - ended < KEPT_SECONDS * 1000
            cached = min(before, usage.input_tokens) if warm else 0
            found.append(Exchange(usage, cached, event.cost))
            before, ended = usage.input_tokens + usage.output_tokens, record.at
    return found


def _usage(event: MessageFinished, asked: int, count: Count, *, stored: bool) -> Usage:
    """Return the stored usage, with what is missing in it counted."""
    usage = event.usage if stored or not asked else Usage()
    said = sum(count(_text(part)) for part in event.parts)
    missing_input = not usage.input_tokens and asked > 0
    missing_output = not usage.output_tokens and said > 0
    if not missing_input and not missing_output:
        return Usage(usage.input_tokens, usage.output_tokens, estimated=usage.estimated)
    return Usage(
        asked if missing_input else usage.input_tokens,
        said if missing_output else usage.output_tokens,
        estimated=True,
    )


def _text(part: object) -> str:
    match part:
        case Text(text=text) | Reasoning(text=text):
            return text
        case ToolCall():
            return render_call(part)
        case _:
            return ""


def as_it_was(model: str, found: Sequence[Exchange]) -> Row:
    """Return what the session cost by its own records."""
    usage = sum((exchange.usage for exchange in found), Usage())
    cost: Cost | None = Cost()
    for exchange in found:
        cost = None if cost is None or exchange.cost is None else cost + exchange.cost
    why = RECORDED if cost is not None else "some of its messages have no price"
    return Row(model, "stored", "as it was", usage, cost, (_origin(found), why))


def as_asked(model: str, said: Sequence[tuple[Usage, Cost | None]], steps: int) -> Row:
    """Return what asking a model again came to.

    Args:
        model: its name in the table.
        said: usage and cost of each request, as its service says now.
        steps: how many requests the session has.
    """
    usage = sum((used for used, _ in said), Usage())
    known = [cost for _, cost in said if cost is not None]
    why = [ASKED.format(len(said), steps)]
    why += [UNPRICED] if len(known) < len(said) else []
    cost = sum(known, Cost()) if said and len(known) == len(said) else None
    return Row(model, "now", "as it was", usage, cost, tuple(why))


def what_if(
    model: str, found: Sequence[Exchange], price: Price, *, counted: bool = False
) -> tuple[Row, Row]:
    """Return what the same requests would cost on `model`, without a prompt cache and with one.

    Args:
        model: its name in the table.
        found: the requests.
        price: what a request costs on that model; None where nobody knows.
        counted: whether they are those of `exchanges` with `stored=False`.
    """
    plain = [exchange.usage for exchange in found]
    cached = [_with_cache(exchange) for exchange in found]
    tokens, said = ("counted", COUNTED) if counted else ("stored", _origin(found))
    return (
        _row(Row(model, tokens, "without", Usage(), None, (said, PLAIN)), plain, price),
        _row(Row(model, tokens, "with", Usage(), None, (said, CACHED)), cached, price),
    )


def _with_cache(exchange: Exchange) -> Usage:
    usage = exchange.usage
    return Usage(
        usage.input_tokens,
        usage.output_tokens,
        cache_read=exchange.cached,
        cache_write=usage.input_tokens - exchange.cached,
        estimated=usage.estimated,
    )


def _row(row: Row, usages: Sequence[Usage], price: Price) -> Row:
    """Return the row with its figures, and with what the prices assume."""
    total: Cost | None = Cost()
    prices = []
    for usage in usages:
        cost = price(usage)
        total = None if cost is None or total is None else total + cost
        if cost is not None and cost.price is not None:
            prices.append(cost.price)
    said = list(row.assumptions)
    if row.cache == "with" and prices and all(known.cache_read is None for known in prices):
        said.append(NO_CACHE_PRICE)
    said += list(dict.fromkeys(f"prices: {known.source}" for known in prices if known.source))
    said += [UNPRICED] if total is None else []
    return replace(row, usage=sum(usages, Usage()), cost=total, assumptions=tuple(said))


def _origin(found: Sequence[Exchange]) -> str:
    counted = {exchange.usage.estimated for exchange in found}
    return MIXED if len(counted) > 1 else RECOUNTED if True in counted else STORED
