"""Token and money arithmetic. Prices come in as data; nothing here looks one up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more model requests.

    `input_tokens` is everything sent, cached tokens included; `cache_read` and `cache_write` are
    named parts of it. `output_tokens` includes `reasoning_tokens`. `estimated` is true when any
    of the numbers is ours rather than the provider's (shown with a `~`).
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.reasoning_tokens + other.reasoning_tokens,
            self.estimated or other.estimated,
        )


def whole(usage: Usage) -> Usage:
    """Return `usage` with its parts in their wholes.

    Some services count what is cached beside what is sent, and reasoning beside the answer; where
    a part is larger than its whole, that is what they have done.
    """
    cached = usage.cache_read + usage.cache_write
    beside = cached if cached > usage.input_tokens else 0
    thought = usage.reasoning_tokens if usage.reasoning_tokens > usage.output_tokens else 0
    if not (beside or thought):
        return usage
    return replace(
        usage,
        input_tokens=usage.input_tokens + beside,
        output_tokens=usage.output_tokens + thought,
    )


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, with where and when they were read.

    A missing cache price means cached tokens cost what plain input costs, a missing price of
    reasoning that it costs what other output costs.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    source: str = ""
    reasoning: Decimal | None = None


FREE = Price(Decimal(0), Decimal(0), source="local")
"""The price of a model that runs on the person's own machine."""


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars by kind of token; `price` is what it was computed with (None for a sum)."""

    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)
    cache_read: Decimal = Decimal(0)
    cache_write: Decimal = Decimal(0)
    estimated: bool = False
    price: Price | None = None

    @property
    def total(self) -> Decimal:
        """The sum of the parts, in US dollars."""
        return self.input + self.output + self.cache_read + self.cache_write

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.input + other.input,
            self.output + other.output,
            self.cache_read + other.cache_read,
            self.cache_write + other.cache_write,
            self.estimated or other.estimated,
        )


def cost_of(usage: Usage, price: Price) -> Cost:
    """Return what `usage` costs at `price`, exact to the last digit."""
    plain = usage.input_tokens - usage.cache_read - usage.cache_write
    read = price.input if price.cache_read is None else price.cache_read
    write = price.input if price.cache_write is None else price.cache_write
    thought = usage.reasoning_tokens if price.reasoning is not None else 0
    said = (usage.output_tokens - thought) * price.output + thought * (price.reasoning or 0)
    return Cost(
        plain * price.input / MILLION,
        said / MILLION,
        usage.cache_read * read / MILLION,
        usage.cache_write * write / MILLION,
        usage.estimated,
        price,
    )


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Return `usage` as JSON-ready data."""
    return {name: getattr(usage, name) for name in Usage.__dataclass_fields__}


def decode_usage(data: Mapping[str, Any]) -> Usage:
    """Return the usage that `encode_usage` made `data` from."""
    return Usage(**{k: v for k, v in data.items() if k in Usage.__dataclass_fields__})


def encode_cost(cost: Cost) -> dict[str, Any]:
    """Return `cost` as JSON-ready data; dollar amounts are decimal strings."""
    data: dict[str, Any] = {
        "input": str(cost.input),
        "output": str(cost.output),
        "cache_read": str(cost.cache_read),
        "cache_write": str(cost.cache_write),
        "estimated": cost.estimated,
    }
    if cost.price is not None:
        price = cost.price
        data["price"] = {
            "input": str(price.input),
            "output": str(price.output),
            "cache_read": None if price.cache_read is None else str(price.cache_read),
            "cache_write": None if price.cache_write is None else str(price.cache_write),
            "source": price.source,
        }
        if price.reasoning is not None:
            data["price"]["reasoning"] = str(price.reasoning)
    return data


_amount = lru_cache(maxsize=1024)(Decimal)
"""Returns an amount; most of a session are alike, and one of each is enough to keep."""


def decode_cost(data: Mapping[str, Any]) -> Cost:
    """Return the cost that `encode_cost` made `data` from."""
    price = data.get("price")
    return Cost(
        _amount(data["input"]),
        _amount(data["output"]),
        _amount(data["cache_read"]),
        _amount(data["cache_write"]),
        data["estimated"],
        None if price is None else decode_price(price),
    )


def decode_price(data: Mapping[str, Any]) -> Price:
    """Return the price that is part of what `encode_cost` has made."""
    optional = {
        name: None if data.get(name) is None else _amount(data[name])
        for name in ("cache_read", "cache_write", "reasoning")
    }
    return Price(_amount(data["input"]), _amount(data["output"]), **optional, source=data["source"])
