"""The runtime makes no call that the accounts do not allow, and tells what they have to say."""

import asyncio
from decimal import Decimal

from llmrepl.conversation import Phase
from llmrepl.errors import BudgetExceeded, ConfigError, ProviderBusy
from llmrepl.events import ErrorRaised, ModelChosen, NoteAdded, RequestFailed, StepStarted
from llmrepl.loop import Limits
from llmrepl.parts import Text
from llmrepl.runtime.straight import Straight
from tests.core.running import ANSWER, BLOCK, FOREVER, events_of, make
from tests.core.test_attempts import GONE, Chain, speaker
from tests.core.test_compacting import make as make_tight
from tests.core.test_compacting import talk


class Purse:
    """Accounts that allow so many calls, of some models none, and say something after each."""

    def __init__(self, calls, says=(), waits=0.0, dear=()):
        self.calls = calls
        self.dear = dear
        self.says = list(says)
        self.waits = waits
        self.done = []
        self.asked = asyncio.Event()

    async def reserve(self, choice, request, state):
        self.done.append(f"hold {choice.name} {request.purpose}")
        self.asked.set()
        await asyncio.sleep(self.waits)
        if choice.name in self.dear:
            raise BudgetExceeded(f"{choice.name} is too dear", hint="earn more")
        if self.calls == 0:
            raise BudgetExceeded("nothing is left", hint="earn more")
        self.calls -= 1

    async def settle(self, state):
        self.done.append("settle")
        return [self.says.pop(0)] if self.says else []


def spend(runtime, purse):
    runtime.edges.accounts = purse
    return asyncio.run(runtime.turn((Text("hello"),)))


def test_a_call_without_room_is_not_made_and_the_turn_ends():
    runtime = make(BLOCK, ANSWER)
    purse = Purse(1)
    assert spend(runtime, purse) == "budget"
    events = events_of(runtime)
    (error,) = [event for event in events if isinstance(event, ErrorRaised)]
    assert (error.kind, error.message, error.hint) == (
        "BudgetExceeded", "nothing is left", "earn more",
    )  # fmt: skip
    assert sum(isinstance(event, StepStarted) for event in events) == 1
    assert purse.done == ["hold speaker/m main", "settle", "hold speaker/m main", "settle"]


def test_what_the_accounts_say_is_told_after_the_call():
    runtime = make(ANSWER)
    assert spend(runtime, Purse(1, says=["half of it is spent"])) == "end_turn"
    notes = [event.text for event in events_of(runtime) if isinstance(event, NoteAdded)]
    assert notes == ["half of it is spent"]


def test_a_person_can_end_the_wait_for_room():
    async def interrupted():
        runtime = make(ANSWER)
        runtime.edges.accounts = Purse(1, waits=FOREVER)
        turn = asyncio.ensure_future(runtime.turn((Text("hello"),)))
        await runtime.edges.accounts.asked.wait()
        runtime.cancel()
        return await turn, runtime

    reason, runtime = asyncio.run(interrupted())
    assert reason == "cancelled"
    assert not runtime.edges.provider.requests


class Patient(Straight):
    """Waits for a model that is busy."""

    patience = 10.0


def test_a_request_that_is_made_again_is_held_for_again():
    runtime = make([ProviderBusy("full", retry_after=0.0)], ANSWER)
    runtime.edges.router = Patient(runtime.edges)
    purse = Purse(1)
    assert spend(runtime, purse) == "budget"
    held, let_go = "hold speaker/m main", "settle"
    assert purse.done == [held, let_go, let_go, held, let_go]  # before it waits, and at the end


def chained(*speakers, dear=(), calls=9):
    runtime = make()
    runtime.edges.router = Chain(*speakers)
    runtime.edges.accounts = Purse(calls, dear=dear)
    return runtime


def told(runtime, kind):
    return [event for event in events_of(runtime) if isinstance(event, kind)]


def test_whom_the_budget_refuses_gives_way_to_the_next_that_fits_and_it_is_told_why():
    a, b, c = speaker("a", BLOCK), speaker("b"), speaker("c", BLOCK, ANSWER)
    runtime = chained(a, b, c, dear=("a/m", "b/m"))
    runtime.edges.router.passed = ("x/m: it failed",)
    assert asyncio.run(runtime.turn((Text("hello"),))) == "end_turn"
    assert (len(a.requests), len(b.requests), len(c.requests)) == (0, 0, 2)
    (chosen,) = told(runtime, ModelChosen)  # once, though both steps are asked of it
    assert (chosen.provider, chosen.reason) == ("c", "")
    assert chosen.passed == ("x/m: it failed", "a/m: a/m is too dear", "b/m: b/m is too dear")
    assert not told(runtime, ErrorRaised)


def test_where_no_model_fits_the_turn_ends_with_the_first_one_s_error():
    a, b = speaker("a"), speaker("b")
    runtime = chained(a, b, dear=("a/m", "b/m"))
    assert asyncio.run(runtime.turn((Text("hello"),))) == "budget"
    (error,) = told(runtime, ErrorRaised)
    assert error.message == "a/m is too dear; nor can b/m be asked"
    assert not told(runtime, StepStarted)
    assert not told(runtime, ModelChosen)


def test_whom_the_budget_refuses_after_a_failure_gives_way_too():
    a, b, c = speaker("a", [GONE]), speaker("b"), speaker("c", ANSWER)
    runtime = chained(a, b, c, dear=("b/m",))
    assert asyncio.run(runtime.turn((Text("hello"),))) == "end_turn"
    (failed,) = told(runtime, RequestFailed)
    assert failed.next == "b/m"
    (chosen,) = told(runtime, ModelChosen)
    assert (chosen.provider, chosen.passed) == ("c", ("b/m: b/m is too dear",))
    assert runtime.state.step == 1


def test_where_the_budget_refuses_all_that_are_left_after_a_failure_the_turn_ends():
    a, b = speaker("a", [GONE]), speaker("b")
    runtime = chained(a, b, dear=("b/m",))
    assert asyncio.run(runtime.turn((Text("hello"),))) == "budget"
    assert told(runtime, ErrorRaised)[0].message == "b/m is too dear"
    assert runtime.state.phase is Phase.IDLE


def test_with_accounts_a_session_s_budget_that_is_spent_leaves_the_models_that_cost_nothing():
    runtime = chained(speaker("a"), speaker("b", ANSWER), dear=("a/m",))
    runtime.limits = Limits(budget=Decimal(0))
    assert asyncio.run(runtime.turn((Text("hello"),))) == "end_turn"
    assert told(runtime, StepStarted)[0].provider == "b"


def test_where_nobody_may_be_asked_the_turn_ends_and_says_why():
    class Closed(Straight):
        async def choices(self, request, without=()):
            raise ConfigError("no model may be asked", hint="allow one")

    runtime = make()
    runtime.edges.router = Closed(runtime.edges)
    assert asyncio.run(runtime.turn((Text("hello"),))) == "error"
    (error,) = told(runtime, ErrorRaised)
    assert (error.kind, error.message, error.hint) == (
        "ConfigError", "no model may be asked", "allow one",
    )  # fmt: skip


def test_a_person_can_end_the_search_for_a_model():
    class Slow(Straight):
        async def choices(self, request, without=()):
            runtime.cancel()
            await asyncio.sleep(FOREVER)

    runtime = make()
    runtime.edges.router = Slow(runtime.edges)
    assert asyncio.run(runtime.turn((Text("hello"),))) == "cancelled"
    assert not told(runtime, ErrorRaised)


def test_what_is_ended_before_a_model_is_looked_for_asks_nobody():
    runtime = make()
    context = runtime.edges.context

    class Ending:
        def request(self, conversation):
            runtime.cancel()
            return context.request(conversation)

    runtime.edges.context = Ending()
    assert asyncio.run(runtime.turn((Text("hello"),))) == "cancelled"
    assert not told(runtime, StepStarted)


def test_what_is_ended_while_room_is_looked_for_asks_nobody():
    class Ending(Purse):
        def reserve(self, choice, request, state):
            runtime.cancel()
            return super().reserve(choice, request, state)

    runtime = make()
    runtime.edges.accounts = Ending(1)
    assert asyncio.run(runtime.turn((Text("hello"),))) == "cancelled"
    assert not told(runtime, StepStarted)


def summing(router):
    """Ask for a summary of three answers; return the event, and the notes."""
    runtime = make_tight("one " * 99, "two " * 99, "three " * 99, window=None)
    talk(runtime, "a", "b", "c")
    runtime.edges.router = router(runtime) if callable(router) else router
    event = asyncio.run(runtime.compact())
    return event, told(runtime, NoteAdded)


def test_a_summary_that_the_budget_refuses_one_model_is_written_by_the_next():
    def router(runtime):
        runtime.edges.accounts = Purse(9, dear=("a/m",))
        return Chain(speaker("a"), speaker("b", "Numbers."))

    event, notes = summing(router)
    assert (event.provider, event.problem) == ("b", "")
    assert notes[-1].text == "Not asked for a summary: a/m: a/m is too dear (earn more)"


def test_where_nobody_may_be_asked_for_a_summary_that_is_the_problem():
    class Closed(Straight):
        async def choices(self, request, without=()):
            raise ConfigError("no model may be asked", hint="allow one")

    event, _ = summing(lambda runtime: Closed(runtime.edges))
    assert event.problem == "no model may be asked (allow one)"


def test_a_person_can_end_the_search_for_who_writes_a_summary():
    def router(runtime):
        class Ending(Straight):
            def choices(self, request, without=()):
                runtime.cancel()
                return super().choices(request, without)

        return Ending(runtime.edges)

    event, _ = summing(router)
    assert event.problem == "interrupted"


def test_a_summary_without_room_is_not_asked_for():
    runtime = make_tight("one " * 99, "two " * 99, "three " * 99, window=None)
    talk(runtime, "a", "b", "c")
    runtime.edges.accounts = Purse(0)
    event = asyncio.run(runtime.compact())
    assert event.problem == "nothing is left (earn more)"
    assert len(runtime.edges.provider.requests) == 3


def test_a_summary_with_room_is_asked_for():
    runtime = make_tight("one " * 99, "two " * 99, "three " * 99, "Numbers.", window=None)
    talk(runtime, "a", "b", "c")
    runtime.edges.accounts = purse = Purse(1)
    assert not asyncio.run(runtime.compact()).problem
    assert purse.done == ["settle", "hold speaker/m compact", "settle"]
