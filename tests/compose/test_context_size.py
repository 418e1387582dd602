"""How much a model takes at once: configured, else said by its service, else in the price table."""

import asyncio
from decimal import Decimal

import pytest

from llmrepl.accounting import Meter, Prices
from llmrepl.compose.assembly import SystemClock
from llmrepl.compose.context_size import ContextSize
from llmrepl.context.window import Window
from llmrepl.errors import ProviderUnreachable
from llmrepl.events import ToolStarted
from llmrepl.ports import ModelInfo
from llmrepl.providers.registry import open_provider
from llmrepl.runtime import Edges
from llmrepl.testing import FakeExecutor, MemoryStore, Scripted, ScriptedApprover, records, turn

TURN = records(turn())


class Service(Scripted):
    """A provider that says what it offers."""

    def __init__(self, *models, error=None, hangs=False):
        super().__init__([])
        self.name = "groq"
        self.asked = 0
        self._models, self._error, self._hangs = models, error, hangs

    async def models(self):
        self.asked += 1
        if self._hangs:
            await asyncio.sleep(60)
        if self._error:
            raise self._error
        return self._models


@pytest.fixture(scope="module")
def table():
    prices = Prices()
    prices.load()
    return prices


def size_of(provider, *, model="m", prices=None, options=None):
    meter = Meter()
    window = Window(model, "", meter)
    edges = Edges(
        provider, FakeExecutor(), ScriptedApprover(), window, meter, MemoryStore(), SystemClock()
    )
    return ContextSize(lambda _: options or {}, edges, window, prices or Prices())


async def after(size, *some):
    """Return the size after some records, and what came of them."""
    for record in some or TURN:
        size.show(record)
        if size.asking:
            await size._asking
    await size.close()
    return size.tokens


def test_what_is_configured_is_the_size_and_nobody_is_asked(table):
    service = Service(ModelInfo("m", 8192))
    size = size_of(service, options={"num_ctx": 4096}, prices=table)
    assert size.tokens == 4096
    assert asyncio.run(after(size)) == 4096
    assert service.asked == 0


def test_what_a_provider_asks_for_is_the_size_before_it_has_answered():
    assert size_of(open_provider("ollama")).tokens == 8192
    assert size_of(open_provider("ollama", {"options": {"num_ctx": 512}})).tokens == 512
    assert size_of(open_provider("groq")).tokens is None


@pytest.mark.parametrize("wrong", ["many", 0, -1, None, Decimal(1)])
def test_what_is_configured_and_is_no_size_is_none(wrong):
    assert size_of(Service(), options={"num_ctx": wrong}).tokens is None


def test_a_service_is_asked_once_after_its_first_turn():
    service = Service(ModelInfo("other", 1), ModelInfo("m", 8192))
    size = size_of(service)
    assert size.tokens is None
    assert service.asked == 0
    assert asyncio.run(after(size, *TURN, *TURN)) == 8192
    assert asyncio.run(after(size)) == 8192
    assert service.asked == 1


@pytest.mark.parametrize(
    "service",
    [
        Service(),
        Service(ModelInfo("m")),
        Service(error=ProviderUnreachable("gone")),
        Service(error=RuntimeError("a plugin's own")),
    ],
)
def test_a_service_that_does_not_say_is_not_asked_again(service):
    size = size_of(service)
    assert asyncio.run(after(size)) is None
    assert asyncio.run(after(size)) is None
    assert service.asked == 1


def test_a_service_is_asked_while_the_first_call_runs():
    service = Service(ModelInfo("m", 8192))
    call = next(record for record in TURN if record.event.type == "tool.started")
    assert asyncio.run(after(size_of(service), call)) == 8192


def test_one_that_looks_only_in_the_middle_of_turns_does_not_ask_after_them():
    service = Service(ModelInfo("m", 8192))
    size = size_of(service)
    size.asks_after = (ToolStarted,)
    assert asyncio.run(after(size, TURN[-1])) is None
    assert service.asked == 0


def test_a_service_that_hangs_holds_nothing_up():
    async def left():
        size = size_of(Service(hangs=True))
        size.show(TURN[-1])
        await asyncio.sleep(0)
        assert size.asking
        await size.close()
        return size.asking

    assert asyncio.run(left()) is False


def test_the_table_of_prices_knows_sizes_once_it_is_loaded(table):
    service = Service()
    name = "openai/gpt-oss-20b"
    assert size_of(service, model=name).tokens is None
    size = size_of(service, model=name, prices=table)
    assert size.tokens == size.tokens == 131_072
    assert asyncio.run(after(size)) == 131_072
    assert service.asked == 0


def test_what_the_table_does_not_know_is_not_made_up(table):
    assert size_of(Service(), model="nobody-knows-this", prices=table).tokens is None
    assert table.context("nobody", "x") is None
    assert table.context("groq", "llama-3.3-70b-versatile") is None
