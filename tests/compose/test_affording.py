"""A call that no budget allows is made of the next model of the chain that fits, and it is told."""

from decimal import Decimal

from llmrepl.events import (
    ContextCompacted,
    ErrorRaised,
    MessageFinished,
    ModelChosen,
    NoteAdded,
    RequestFailed,
)
from llmrepl.testing import ModelServer, Refused, Reply
from llmrepl.usage import Usage
from tests.compose.chains import CHAIN, NOBODY, Person, asked, of

DEAR = '[prices."groq/first"]\ninput = 1000\noutput = 1000\n'
CHEAP = '[prices."groq/small"]\ninput = 0.01\noutput = 0.01\n'


def test_the_next_that_fits_is_asked_and_it_is_told_why(tmp_path):
    with ModelServer(["a"]) as first, ModelServer(["b", "c"]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        person.more = f"{DEAR}[budgets]\nturn = 0.01\n"
        events = person.ask("1", "2")
        assert not first.requests
    assert person.answers == ["end_turn"] * 2
    assert asked(events) == ["openai/second"] * 2  # it is on this machine, so it is free
    (chosen,) = of(events, ModelChosen)
    (passed,) = chosen.passed
    assert passed.startswith("groq/first: the budget of $0.0100 for this turn has $0.0100 left")
    assert not of(events, ErrorRaised)


def test_a_cheaper_one_of_the_same_service_is_asked_with_the_money_that_is_left(tmp_path):
    usages = Usage(15_000, 10), Usage(1000, 10)
    with ModelServer([Reply("Yes.", usage=usage) for usage in usages]) as first:
        person = Person(tmp_path, ["groq/first", "groq/small"], groq=first.url)
        person.more = f"{DEAR}{CHEAP}[limits]\nbudget = 20\n"
        events = person.ask("1", "2")
    assert asked(events) == ["groq/first", "groq/small"]
    costs = [message.cost.total for message in of(events, MessageFinished)]
    assert costs == [Decimal("15.01"), Decimal("0.0000101")]


def test_a_session_s_budget_that_is_all_spent_leaves_the_models_that_cost_nothing(tmp_path):
    spent = Reply("a", usage=Usage(25_000, 10))
    with ModelServer([spent]) as first, ModelServer(["b"]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        person.more = f"{DEAR}[limits]\nbudget = 20\n"
        events = person.ask("1", "2")
    assert person.answers == ["end_turn"] * 2
    assert asked(events) == CHAIN


def test_whose_price_nobody_knows_gives_way_too(tmp_path):
    with ModelServer(["a"]) as first, ModelServer(["b"]) as second:
        person = Person(tmp_path, groq=first.url, openai=second.url)
        person.more = "[budgets]\nturn = 0.01\n"
        events = person.ask("1")
        assert not first.requests
    assert "nobody knows what groq/first costs" in of(events, ModelChosen)[0].passed[0]


def test_where_none_fits_the_turn_ends_with_the_budget_s_error(tmp_path):
    with ModelServer(["a"]) as first:
        person = Person(tmp_path, ["groq/first", "groq/other"], groq=first.url)
        person.more = f"{DEAR}[budgets]\nturn = 0.01\n"
        events = person.ask("1")
        assert not first.requests
    assert person.answers == ["budget"]
    (error,) = of(events, ErrorRaised)
    assert error.kind == "BudgetExceeded"
    assert "the next call to groq/first can cost" in error.message
    assert error.message.endswith("; nor can groq/other be asked")


def test_whom_a_failure_leads_to_is_passed_over_where_it_does_not_fit(tmp_path):
    with ModelServer(["b"]) as second:
        person = Person(tmp_path, ["ollama/tea", "groq/first", "openai/second"], openai=second.url)
        person.urls["ollama"] = NOBODY
        person.more = f"{DEAR}[budgets]\nturn = 0.01\n"
        events = person.ask("1")
    assert asked(events) == ["ollama/tea", "openai/second"]
    assert of(events, RequestFailed)[0].next == "groq/first"
    assert of(events, ModelChosen)[-1].model == "second"


def test_nobody_is_asked_again_whom_the_budget_refused_in_the_same_step(tmp_path):
    with ModelServer([Refused(500)]) as second:
        person = Person(tmp_path, openai=second.url)
        person.more = f"{DEAR}[budgets]\nturn = 0.01\n"
        events = person.ask("1")
    assert person.answers == ["error"]
    assert of(events, ErrorRaised)[0].kind == "ProviderError"


def test_a_summary_is_written_by_the_next_that_fits(tmp_path):
    long = "one sheep and " * 400

    async def compacted(assembly):
        return await assembly.runtime.compact()

    with ModelServer(["a", "b", "c", "They count sheep."]) as second:
        person = Person(tmp_path, ["openai/second"], openai=second.url)
        person.models["compact"] = CHAIN
        person.more = f"{DEAR}[budgets]\nturn = 0.01\n"
        events = person.ask(long, long, long, after=compacted)
    (event,) = of(events, ContextCompacted)
    assert (event.provider, event.summary) == ("openai", "They count sheep.")
    assert of(events, NoteAdded)[0].text.startswith(
        "Not asked for a summary: groq/first: the budget of $0.0100 for this turn"
    )
