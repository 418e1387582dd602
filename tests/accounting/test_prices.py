from __future__ import annotations

import asyncio
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrepl.accounting import Meter, Prices
from llmrepl.errors import ConfigError
from llmrepl.usage import FREE, Cost, Price, Usage, cost_of, decode_cost, encode_cost


@dataclass
class Named:
    """As much of a provider as a meter looks at."""

    name: str
    local: bool = False


def cost(provider: Named, model: str, usage: Usage, **options) -> Cost | None:
    return asyncio.run(Meter(**options).cost(provider, model, usage))


MILLIONS = Usage(input_tokens=2_000_000, output_tokens=1_000_000)
CACHED = Usage(input_tokens=1_000_000, output_tokens=0, cache_read=400_000)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "dollars"),
    [
        ("groq", "llama-3.1-8b-instant", MILLIONS, "0.18"),
        ("groq", "llama-3.3-70b-versatile", MILLIONS, "1.97"),
        ("groq", "openai/gpt-oss-120b", MILLIONS, "0.90"),
        ("groq", "openai/gpt-oss-120b", CACHED, "0.12"),
        ("openai", "gpt-4o-mini", MILLIONS, "0.90"),
        ("openai", "gpt-4o-mini", CACHED, "0.12"),
        ("openai", "gpt-4.1", MILLIONS, "12"),
        ("openai", "gpt-5", CACHED, "0.80"),
    ],
)
def test_known_models_cost_what_the_table_says(provider, model, usage, dollars):
    found = cost(Named(provider), model, usage)
    assert found is not None
    assert found.total == Decimal(dollars)
    assert found == cost_of(usage, found.price)


def test_the_price_says_where_it_comes_from():
    found = cost(Named("groq"), "llama-3.1-8b-instant", Usage(1, 1))
    assert found.price == Price(
        Decimal("0.05"), Decimal("0.08"), source="genai-prices 0.2.3 groq/llama-3.1-8b-instant"
    )


@pytest.mark.parametrize(("sent", "rate"), [(272_000, "2.5"), (272_001, "5")])
def test_a_request_over_a_tier_pays_the_tiers_price_for_all_of_it(sent, rate):
    usage = Usage(input_tokens=sent, output_tokens=1000)
    found = cost(Named("openai"), "gpt-5.4", usage)
    assert found.price.input == Decimal(rate)
    assert found.input == sent * Decimal(rate) / 1_000_000


PRICED = [
    ("openai", "gpt-5.4"),
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-pro"),
    ("groq", "moonshotai/kimi-k2-instruct"),
    ("perplexity", "sonar"),
]


@given(
    st.sampled_from(PRICED),
    st.tuples(*[st.integers(0, 600_000)] * 3),
    st.integers(0, 100_000),
)
def test_the_parts_sum_to_the_total_of_genai_prices(named, sent, said):
    import genai_prices

    _, read, write = sent
    usage = Usage(sum(sent), said, read, write)
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=sum(sent),
            output_tokens=said,
            cache_read_tokens=read,
            cache_write_tokens=write,
        ),
        named[1],
        provider_id=named[0],
    )
    ours = Prices().cost(*named, usage)
    assert ours.total == theirs.total_price
    assert min(ours.input, ours.output, ours.cache_read, ours.cache_write) >= 0
    assert decode_cost(encode_cost(ours)) == ours


def test_a_fee_per_request_is_part_of_the_input():
    found = cost(Named("perplexity"), "sonar", Usage(1_000_000, 0))
    assert found.total > cost_of(Usage(1_000_000, 0), found.price).total


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("groq", "a-model-of-next-year"),
        ("nobody", "gpt-4o"),
        ("groq", "whisper-large-v3"),
        ("openai", "text-embedding-3-small"),
    ],
)
def test_an_unknown_price_is_none_and_not_zero(provider, model):
    assert cost(Named(provider), model, Usage(1000, 1000)) is None
    nothing = cost(Named(provider), model, Usage())
    assert nothing is not None
    assert nothing.total == 0


@pytest.mark.parametrize("options", [{}, {"prices": {"openai/gpt-5": {"input": 2, "output": 9}}}])
def test_what_a_service_counts_beside_what_is_sent_costs_something(options):
    odd, even = Usage(10, 5, cache_read=5000, reasoning_tokens=70), Usage(5010, 75, 5000, 0, 70)
    found = cost(Named("openai"), "gpt-5", odd, **options)
    assert found == cost(Named("openai"), "gpt-5", even, **options)
    assert found.total > 0


def test_local_models_are_free():
    found = cost(Named("ollama", local=True), "llama3.2", Usage(1000, 1000))
    assert found.total == 0
    assert found.price == FREE


def test_the_price_table_is_not_loaded_for_local_models():
    meter = Meter()
    asyncio.run(meter.cost(Named("demo", local=True), "assistant", Usage(1, 1)))
    assert not meter.prices.loaded


OWN = {
    "groq/llama-3.1-8b-instant": {"input": 1, "output": 2.5},
    "openai/house-model": {"input": "0.1", "output": 0, "cache_read": 0.01, "cache_write": 0.2},
    "ollama/llama3.2": {"input": 0.003, "output": 0.003},
}


@pytest.mark.parametrize(
    ("provider", "model", "usage", "dollars"),
    [
        (Named("groq"), "llama-3.1-8b-instant", MILLIONS, "4.5"),
        (Named("openai"), "house-model", Usage(3_000_000, 9, 1_000_000, 1_000_000), "0.31"),
        (Named("ollama", local=True), "llama3.2", MILLIONS, "0.009"),
    ],
)
def test_the_persons_own_prices_override(provider, model, usage, dollars):
    found = cost(provider, model, usage, prices=OWN)
    assert found.total == Decimal(dollars)
    assert found.price.source == "configuration"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"input": 1}, "output"),
        ({"input": 1, "output": 1, "cached": 1}, "cached"),
        ({"input": -1, "output": 1}, "-1"),
        ({"input": 1, "output": "cheap"}, "cheap"),
        ({"input": 1, "output": float("nan")}, "nan"),
        ({"input": True, "output": 1}, "True"),
        (0.5, "0.5"),
    ],
)
def test_a_wrong_price_of_the_persons_own_is_explained(row, said):
    with pytest.raises(ConfigError, match=said) as caught:
        Prices({"groq/x": row})
    assert "groq/x" in str(caught.value)
    assert "per million tokens" in caught.value.hint


def test_an_estimated_usage_has_an_estimated_cost():
    usage = Usage(1000, 1000, estimated=True)
    assert cost(Named("groq"), "llama-3.1-8b-instant", usage).estimated


def test_the_table_is_loaded_beside_the_event_loop():
    meter = Meter()

    async def both() -> int:
        asking = asyncio.ensure_future(
            meter.cost(Named("groq"), "llama-3.1-8b-instant", Usage(1, 1))
        )
        turns = 0
        while not asking.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(both()) > 1
    assert meter.prices.loaded


SPENT = Usage(100_000, 10_000, cache_read=40_000, cache_write=20_000, reasoning_tokens=5_000)
"""40,000 plain, 40,000 read, 20,000 written, 10,000 received: below every tier."""

BATCH = {"processing": "batch"}


GOLDEN = tomllib.loads((Path(__file__).parent / "golden.toml").read_text())
ROWS = [
    (vendor, model, terms, row)
    for vendor, found in GOLDEN.items()
    for terms, rows in ((None, found), (BATCH, found.get("batch", {})))
    for model, row in rows.items()
    if isinstance(row, list)
]


@pytest.mark.parametrize(("provider", "model", "terms", "row"), ROWS)
def test_golden_sums_by_the_vendors_published_prices(provider, model, terms, row):
    plain, read, written, said = map(Decimal, row)
    found = Prices().cost(provider, model, SPENT, terms)
    golden = 40_000 * plain + 40_000 * read + 20_000 * written + 10_000 * said
    assert found.total == golden / 1_000_000


@pytest.mark.parametrize("vendor", GOLDEN)
def test_the_table_has_read_the_pages_that_the_golden_prices_are_from(vendor):
    from genai_prices import data_snapshot

    (found,) = [each for each in data_snapshot.get_snapshot().providers if each.id == vendor]
    assert GOLDEN[vendor]["page"] in found.pricing_urls


def test_reasoning_has_its_own_price_where_the_vendor_has_one():
    usage = Usage(0, 100_000, reasoning_tokens=50_000)
    found = Prices().cost("perplexity", "sonar-deep-research", usage)
    assert found.output == Decimal("0.55")  # 50,000 at $8 and 50,000 at $3
    assert decode_cost(encode_cost(found)) == found


def test_the_terms_of_a_provider_decide_its_prices():
    prices = Prices(terms={"openai": {"service_tier": "flex"}})
    assert prices.cost("openai", "gpt-5", MILLIONS).total == Decimal("6.25")
    assert prices.cost("openai", "gpt-5", MILLIONS, BATCH).total == Decimal("6.25")
    assert Prices().cost("openai", "gpt-5", MILLIONS).total == Decimal("12.5")


def test_the_table_says_how_old_it_is():
    about = Prices().about()
    assert about["source"].startswith("genai-prices ")
    assert "2026-10-01" <= about["newest"] <= "2100"
