"""A long conversation is counted in the background, and what is counted is the same."""

import asyncio
from threading import Event

from llmrepl.accounting import Meter
from llmrepl.compose.counting import FEW, Counting
from llmrepl.context.window import Window
from llmrepl.conversation import Conversation, evolve
from llmrepl.ports import Tool
from llmrepl.testing.builders import Step, turn

TOOL = Tool("python", "Runs Python.", {"type": "object"})


def conversation(turns, word="hello"):
    state = Conversation()
    for number in range(turns):
        for event in turn(f"{word} {number}", [Step(f"answer *{number}*")], number=number + 1):
            state = evolve(state, event)
    return state


def begun(state, play):
    """Run `play(counting, window)` once counting has begun, where there is anything to count."""
    meter = Meter()
    window = Window("m", "be brief", meter, tools=[TOOL])
    held = [state]
    counting = Counting(meter.tokens, window, lambda: held[0])

    async def run():
        counting.begin()
        await play(counting, window, held)
        await counting.close()

    asyncio.run(run())
    return meter


def directly(meter, state):
    return Window("m", "be brief", meter, tools=[TOOL]).tokens(state)


def test_a_long_conversation_is_counted_in_the_background():
    state = conversation(FEW)

    async def play(counting, window, _):
        assert not counting.near
        await counting.done()
        assert counting.near
        assert window.behind(state) == 0
        counted.append((window.tokens(state), window.request(state)))

    counted = []
    meter = begun(state, play)
    assert meter.tokens.exact
    ((tokens, request),) = counted
    assert tokens == directly(meter, state)
    anew = Window("m", "be brief", meter, tools=[TOOL]).request(state)
    assert [*request.messages] == [*anew.messages]
    assert (request.content, request.answered) == (anew.content, anew.answered)


def test_a_short_one_is_counted_when_somebody_asks():
    state = conversation(FEW // 2)

    async def play(counting, window, _):
        assert counting.near
        await counting.done()
        assert window.behind(state) == FEW

    assert not begun(state, play).tokens.exact


def test_another_conversation_is_counted_in_its_stead():
    other = conversation(FEW, "other")

    async def play(counting, window, held):
        held[0] = other
        counting.again()
        await counting.done()
        assert window.behind(other) == 0

    begun(conversation(FEW), play)


def test_what_came_meanwhile_is_counted_when_somebody_asks():
    state = conversation(FEW)
    after = state
    for event in turn("and this", number=FEW + 1):
        after = evolve(after, event)

    async def play(counting, window, held):
        await asyncio.sleep(0)  # the first messages are being counted
        held[0] = after
        await counting.done()
        assert 0 < window.behind(after) < FEW
        assert window.tokens(after) == directly(window._meter, after)

    begun(state, play)


def test_a_count_with_other_tools_is_not_taken():
    state = conversation(FEW)

    async def play(counting, window, _):
        await asyncio.sleep(0)
        window.native = True
        await counting.done()
        assert window.behind(state) == len(state.messages)

    begun(state, play)


def test_nothing_is_counted_once_it_is_closed():
    window = Window("m", "", Meter())
    counting = Counting(Meter().tokens, window, lambda: conversation(FEW))

    async def run():
        counting.again()  # nobody has begun
        await counting.done()
        await counting.close()

    asyncio.run(run())
    assert window.behind(conversation(FEW)) == 2 * FEW


def test_a_tally_ends_after_the_message_that_was_enough():
    state, ended = conversation(3), Event()
    tally = Window("m", "", Meter()).tally()
    ended.set()
    tally.take_in(state.messages, ended.is_set)
    assert tally.behind(state.messages) == 5
    tally.take_in(state.messages)
    assert tally.behind(state.messages) == 0
