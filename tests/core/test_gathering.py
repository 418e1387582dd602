"""Pieces gather where that saves waking up for each, and nothing is lost or held up by it."""

import asyncio
import selectors

import pytest

from llmrepl.events import TextDelta
from llmrepl.ports import Finish, TextChunk
from llmrepl.runtime.gathering import PAUSE, SHORT, gathered
from tests.core.running import FOREVER, make

EVERY = 0.002


class Leaping(selectors.SelectSelector):
    """Waits for no time: the loop's clock leaps to when something is due."""

    now = 0.0

    def select(self, timeout=None):
        self.now += timeout or 0.0
        return super().select(0)


def run(work):
    """Run `work` by a clock that goes on only while all wait; return what came of it."""
    selector = Leaping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(work)


class Wire:
    """Has a piece ready every so often, whether or not one is asked for."""

    def __init__(self, count):
        self.count = count
        self.waits = 0

    async def __aiter__(self):
        clock = asyncio.get_running_loop().time
        for number in range(self.count):
            if (wait := number * EVERY - clock()) > 0:
                self.waits += 1
                await asyncio.sleep(wait)
            yield number


async def taken(wire):
    """Return the pieces, and when the last of them was there."""
    return [piece async for piece in gathered(wire)], asyncio.get_running_loop().time()


def test_of_a_long_message_few_pieces_are_waited_for_and_none_is_lost():
    wire = Wire(1000)
    pieces, ended = run(taken(wire))
    assert pieces == list(range(1000))
    before = SHORT / EVERY
    assert wire.waits < before + (1000 - before) / (PAUSE / EVERY)
    assert ended <= 1000 * EVERY + PAUSE


def test_a_short_message_takes_no_longer():
    count = int(SHORT / EVERY)
    assert run(taken(Wire(count)))[1] == pytest.approx((count - 1) * EVERY)


def test_pieces_that_are_there_are_not_waited_for():
    async def all_there():
        await asyncio.sleep(1)
        return await taken(Wire(100))

    assert run(all_there())[1] == pytest.approx(1)


def test_a_slow_message_is_held_up_by_no_more_than_a_pause():
    class Slow(Wire):
        async def __aiter__(self):
            for number in range(self.count):
                await asyncio.sleep(0.2)
                yield number

    assert run(taken(Slow(5)))[1] < 5 * (0.2 + PAUSE)


def test_a_turn_is_ended_while_pieces_gather():
    said = [EVERY, *["a"] * 3] * 100
    runtime = make([*said, Finish()], [TextChunk("no"), FOREVER])

    class Ends:
        def show(self, record):
            if isinstance(record.event, TextDelta) and asyncio.get_running_loop().time() > SHORT:
                runtime.cancel()

    async def turn():
        runtime.subscribe(Ends())
        return await runtime.turn(())

    assert run(turn()) == "cancelled"
    assert runtime.edges.provider.closed == 1
