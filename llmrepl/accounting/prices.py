"""Knows what a model costs: the person's own table first, then the one of genai-prices.

A price nobody knows is None, never zero. Tables are installed files; nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from llmrepl.errors import ConfigError
from llmrepl.usage import Cost, Price, Usage, cost_of, whole

if TYPE_CHECKING:
    from genai_prices import types

KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "reasoning": "output_reasoning_mtok",
}
"""Our kinds of token, and what genai-prices calls their price per million."""

OWN = ("input", "output", "cache_read", "cache_write")
"""The kinds that a person's own table has."""

TERMS = ("service_tier", "processing", "speed")
"""What of a request decides its price besides the tokens, where a service has such terms."""

_ACCEPTED = (
    "accepted are input and output, and where the cache is priced cache_read and cache_write,"
    " each in US dollars per million tokens"
)


class Prices:
    """Prices by provider and model.

    Args:
        own: the person's table: `provider/model` to US dollars per million tokens for `input`,
            `output` and perhaps `cache_read`, `cache_write`. It overrides every other source.
        terms: by provider, the terms that its requests have; see `TERMS`.

    Raises:
        ConfigError: `own` holds something else.
    """

    def __init__(
        self,
        own: Mapping[str, Mapping[str, Any]] | None = None,
        terms: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._terms = terms or {}
        self._own = {name: _own_price(name, row) for name, row in (own or {}).items()}
        self.loaded = False

    def own(self, provider: str, model: str) -> Price | None:
        """Return the person's own price of a model, or None."""
        return self._own.get(f"{provider}/{model}")

    def load(self) -> None:
        """Load the table, which takes about half a second the first time."""
        from genai_prices import data_snapshot

        data_snapshot.get_snapshot()
        self.loaded = True

    def cost(
        self, provider: str, model: str, usage: Usage, terms: Mapping[str, str] | None = None
    ) -> Cost | None:
        """Return what `usage` costs at today's price, or None where nobody knows the price.

        Blocks while the table is loaded for the first time.

        Args:
            provider: the provider's name.
            model: the model's name.
            usage: the tokens.
            terms: of this request, such as `{"processing": "batch"}`; None for the provider's.
        """
        usage = whole(usage)
        own = self.own(provider, model)
        if own is not None:
            return cost_of(usage, own)
        calculation = _calculate(provider, model, usage, terms or self._terms.get(provider))
        return None if calculation is None else _cost(calculation, usage)

    def of_model(self, name: str, usage: Usage) -> Cost | None:
        """Return what `usage` costs on provider/model, as `cost` does."""
        provider, _, model = name.partition("/")
        return self.cost(provider, model, usage)

    def about(self) -> dict[str, str]:
        """Return the `source` of the table, and the date of the `newest` price in it.

        Where no price in it has a date, that is empty.
        """
        import genai_prices
        from genai_prices import data_snapshot

        today = datetime.now().astimezone().date()
        dates = [
            began
            for provider in data_snapshot.get_snapshot().providers
            for model in provider.models
            if isinstance(model.prices, list)
            for each in model.prices
            if (began := getattr(each.constraint, "start_date", None)) and began <= today
        ]
        newest = max(dates).isoformat() if dates else ""
        return {"source": f"genai-prices {genai_prices.__version__}", "newest": newest}

    def context(self, provider: str, model: str) -> int | None:
        """Return how many tokens a model takes at once; None where the table does not say.

        It says nothing before it is loaded.
        """
        if not self.loaded:
            return None
        from genai_prices import data_snapshot

        try:
            found = data_snapshot.get_snapshot().find_provider_model(model, None, provider, None)
        except LookupError:
            return None
        return found[1].context_window or None


def _own_price(name: str, row: Mapping[str, Any]) -> Price:
    if not isinstance(row, Mapping):
        raise ConfigError(f"the price of {name} is {row!r}", hint=_ACCEPTED)
    wrong = [*(set(row) - set(OWN)), *({"input", "output"} - set(row))]
    if wrong:
        raise ConfigError(
            f"the price of {name} has a wrong or missing key: {wrong[0]}", hint=_ACCEPTED
        )
    amounts = {kind: _amount(name, kind, value) for kind, value in row.items()}
    return Price(**amounts, source="configuration")


def _amount(name: str, kind: str, value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ConfigError(f"the {kind} price of {name} is {value!r}", hint=_ACCEPTED)
    return amount


def _calculate(
    provider: str, model: str, usage: Usage, terms: Mapping[str, str] | None
) -> types.PriceCalculation | None:
    """Return genai-prices' own calculation, or None where it has no price for all the tokens."""
    import genai_prices

    tokens = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "output_reasoning_tokens": usage.reasoning_tokens,
    }
    try:
        calculation = genai_prices.calc_price(
            genai_prices.Usage(**tokens), model, provider_id=provider, price_context=terms
        )
    except (LookupError, ValueError):  # not in the table, or not for such tokens
        return None
    prices = calculation.model_price
    if prices.input_mtok is None or (usage.output_tokens and prices.output_mtok is None):
        return None
    return calculation


def _cost(calculation: types.PriceCalculation, usage: Usage) -> Cost:
    """Return the cost with the total of `calculation`.

    The prices are those of the tier the request is in. What is charged beside tokens, such as a
    fee per request, is part of `input`.
    """
    price = _price(calculation, usage)
    cost = cost_of(usage, price)
    beside = calculation.total_price - cost.total
    return Cost(
        cost.input + beside,
        cost.output,
        cost.cache_read,
        cost.cache_write,
        usage.estimated,
        price,
    )


def _price(calculation: types.PriceCalculation, usage: Usage) -> Price:
    """Return the prices per million that hold for a request of this size."""
    import genai_prices
    from genai_prices.types import calc_unit_price

    million = 1_000_000
    rates = {
        kind: calc_unit_price(rate, million, usage.input_tokens, million)
        for kind, name in KINDS.items()
        if (rate := getattr(calculation.model_price, name)) is not None
    }
    where = f"{calculation.provider.id}/{calculation.model.id}"
    return Price(
        rates["input"],
        rates.get("output", Decimal(0)),
        rates.get("cache_read"),
        rates.get("cache_write"),
        reasoning=rates.get("reasoning"),
        source=f"genai-prices {genai_prices.__version__} {where}",
    )
