"""Whom `auto:fastest` asks goes by what messages took, in earlier sessions too."""

import asyncio
import threading
import time

from llmrepl.accounting.charges import Charge
from llmrepl.accounting.database import UsageError
from llmrepl.accounting.ledger import Ledger, Spender
from llmrepl.compose.measures import Measures
from llmrepl.config.paths import usage_database
from llmrepl.events import ModelChosen
from llmrepl.testing import ModelServer, Reply
from tests.compose.chains import CHAIN, Person, asked, of


def kept(place, **times):
    """Keep calls of an earlier session, by their providers' names, in milliseconds."""
    ledger = Ledger(usage_database({"HOME": str(place / "home")}))
    now = time.time_ns() // 1_000_000
    models = dict(name.split("/") for name in CHAIN)
    charges = [
        Charge(seq, now - 1000 + seq, provider, models[provider], ms=ms)
        for provider, found in times.items()
        for seq, ms in enumerate(found, 1)
    ]
    for number, charge in enumerate(charges):
        ledger.add(Spender(f"earlier-{number}"), [charge])
    ledger.close()


def test_the_quickest_in_earlier_sessions_is_asked_at_once(tmp_path):
    kept(tmp_path, groq=[900.0, 800.0, 2.0], openai=[100.0])
    with ModelServer(["a"]) as first, ModelServer(["b"]) as second:
        person = Person(tmp_path, "auto:fastest", groq=first.url, openai=second.url)
        person.models["pool"] = CHAIN
        (chosen,) = of(person.ask("1"), ModelChosen)
        assert not first.requests
    assert chosen.reason == "auto:fastest: local, 100 ms per message"


def test_equals_that_were_measured_before_need_not_be_tried_out(tmp_path):
    kept(tmp_path, groq=[900.0], openai=[100.0])
    with ModelServer(["a"]) as first, ModelServer(["b", "c"]) as second:
        person = Person(tmp_path, [CHAIN], groq=first.url, openai=second.url)
        assert asked(person.ask("1", "2")) == ["openai/second"] * 2
        assert not first.requests


def test_what_a_session_has_measured_is_there_for_the_next(tmp_path):
    with ModelServer([Reply("a", delay=0.5)]) as first, ModelServer(["b"] * 2) as second:
        person = Person(tmp_path, [CHAIN], groq=first.url, openai=second.url)
        person.ask("1", "2")
        assert asked(person.ask("3")) == ["openai/second"]


def test_what_is_measured_now_counts_on_top():
    measures = Measures(lambda: {"a/1": (100.0,) * 20})
    assert measures.of("a/1") is None
    asyncio.run(measures.ready())
    assert measures.of("a/1") == 100.0
    for _ in range(11):
        measures.add("a/1", 500.0)
    assert measures.of("a/1") == 500.0  # of the last 20, these are more than half
    assert measures.of("b/2") is None


def test_nobody_waits_for_a_slow_disk_and_what_it_holds_is_there_later():
    read = threading.Event()

    def slow():
        read.wait()
        return {"a/1": (100.0,)}

    async def story():
        measures = Measures(slow)
        await measures.ready()
        before = measures.of("a/1")
        read.set()
        await measures.close()
        return before, measures.of("a/1")

    assert asyncio.run(story()) == (None, 100.0)


def test_a_database_that_cannot_be_read_says_nothing():
    def broken():
        raise UsageError("it is broken")

    measures = Measures(broken)
    asyncio.run(measures.ready())
    assert measures.of("a/1") is None
    measures.add("a/1", 5.0)
    assert measures.of("a/1") == 5.0


def test_nothing_is_read_where_nobody_goes_by_it(tmp_path):
    with ModelServer(["a"]) as first:
        person = Person(tmp_path, ["groq/first"], groq=first.url)
        person.ask("1")
    assert person.assembly.routes._measures._reading is None
