"""A meter that learns is told what services count, and what it says reaches the person."""

import asyncio

import pytest

from llmrepl.content import IMAGE_TOKENS, MESSAGE_TOKENS, Content
from llmrepl.events import NoteAdded
from llmrepl.parts import Text
from llmrepl.ports import Calibrated, Finish
from llmrepl.runtime import Edges, Runtime
from llmrepl.testing.approver import ScriptedApprover
from llmrepl.testing.clock import FakeClock
from llmrepl.testing.executor import FakeExecutor
from llmrepl.testing.store import MemoryStore
from llmrepl.usage import Usage
from tests.core.running import PlainMeter, Speaker, events_of
from tests.core.test_compacting import SUMMARY, Tight

SPENT = Usage(70, 3)


class Learner(PlainMeter):
    """A meter that keeps what it is told, and says so."""

    def __init__(self):
        self.told = []

    def content(self, text):
        return Content(self.count(text))

    def size(self, content):
        return content.total

    def estimate(self, content, lineage):
        return content.total

    def learn(self, provider, request, usage):
        self.told.append((provider, request.purpose, usage))
        return f"{usage.input_tokens} is little" if usage.input_tokens < 50 else ""


def runtime(*replies):
    edges = Edges(
        Speaker(*replies),
        FakeExecutor({}),
        ScriptedApprover(),
        Tight(None),
        Learner(),
        MemoryStore(),
        FakeClock(tick=0.001),
    )
    assert isinstance(edges.meter, Calibrated)
    return Runtime(edges)


def notes(made):
    return [event.text for event in events_of(made) if isinstance(event, NoteAdded)]


def test_what_a_service_counted_is_learnt():
    made = runtime(["Yes.", Finish(usage=SPENT)])
    asyncio.run(made.turn((Text("hi"),)))
    assert made.edges.meter.told == [("speaker", "main", SPENT)]
    assert notes(made) == []


def test_what_the_meter_has_to_say_is_a_note():
    made = runtime(["Yes.", Finish(usage=Usage(7, 3))])
    asyncio.run(made.turn((Text("hi"),)))
    assert notes(made) == ["7 is little"]


def test_what_the_service_has_told_itself_is_not_told_again():
    made = runtime(["Yes.", Finish(usage=Usage(7, 3), note="It was cut.")])
    asyncio.run(made.turn((Text("hi"),)))
    assert notes(made) == ["It was cut."]


def test_what_a_summary_took_is_learnt_too():
    made = runtime("One.", "Two.", [SUMMARY, Finish(usage=SPENT)])

    async def told():
        for prompt in ("first " * 40, "second " * 40):
            await made.turn((Text(prompt),))
        return await made.compact("")

    assert asyncio.run(told()).usage == SPENT
    assert made.edges.meter.told[-1] == ("speaker", "compact", SPENT)


@pytest.mark.parametrize("left", [(), (1, 2)])
@pytest.mark.parametrize("right", [(), (3, 4)])
def test_contents_add_up(left, right):
    both = Content(5, left, 1, 2) + Content(7, right, 3)
    assert both.total == 12 + 4 * MESSAGE_TOKENS + 2 * IMAGE_TOKENS
    assert (
        both.kinds
        == {(0, 0): (), (2, 0): (1, 2), (0, 2): (3, 4), (2, 2): (4, 6)}[len(left), len(right)]
    )
    assert (both - Content(7, right, 3)).total == Content(5, left, 1, 2).total
