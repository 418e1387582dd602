"""A reply that is not wanted any more ends at once, and the chat goes on meanwhile.

The times that a person would notice are compared with how long the same work takes undisturbed, so
that they hold on a slow machine, too.
"""

import asyncio
import os
import signal
import time

import pytest
from tiny_models import WORDS, recite

from llmrepl.ports import ChatMessage, Request
from llmrepl_local.child import GRACE
from llmrepl_local.provider import Local

LONG = "x" * 6000
"""Each letter is a token, so that reading this takes a second or more."""


ALONE = {"n_threads": 1, "n_threads_batch": 1}
"""Two threads that wait for each other on a busy machine make its times a matter of luck."""


@pytest.fixture
def local(llama, tmp_path):
    file = recite(tmp_path / "it.gguf", *WORDS, endless=True, context=8192)
    local = Local(directory=tmp_path / "shelf", options=ALONE)
    local.add(str(file))
    return local


def asked(text, **fields):
    return Request("it", "", [ChatMessage("user", text)], **fields)


async def all_of(stream):
    return [chunk async for chunk in stream]


async def seconds_of(awaited):
    began = time.perf_counter()
    await awaited
    return time.perf_counter() - began


async def settled(child):
    """Wait until the process has said that it does nothing any more."""
    while child._settled < child._asked:  # noqa: ASYNC110 - nothing else says so
        await asyncio.sleep(0.001)


def test_reading_a_long_conversation_stops_at_once(local):
    async def ask():
        await all_of(local.stream(asked("Hi", max_tokens=1)))
        child = (await local._seats.get()).child
        reading = await seconds_of(all_of(local.stream(asked("y" + LONG, max_tokens=1))))
        stream = asyncio.ensure_future(all_of(local.stream(asked("z" + LONG, max_tokens=1))))
        await asyncio.sleep(reading / 4)
        stream.cancel()
        told = await seconds_of(asyncio.wait([stream]))
        stopped = await seconds_of(settled(child))
        same = (await local._seats.get()).child is child and child.alive
        again = await all_of(local.stream(asked("Hi", max_tokens=2)))
        await local.close()
        return reading, told, stopped, same, again

    reading, told, stopped, same, again = asyncio.run(ask())
    # Three quarters of the work were left.
    assert told < reading / 4
    assert stopped < reading / 4
    assert same
    assert [chunk.text for chunk in again[:-1]] == WORDS[:2]


def test_writing_stops_at_once_and_the_next_reply_is_not_mixed_with_it(local):
    async def ask():
        stream = local.stream(asked("Hi"))
        said = [(await anext(stream)).text for _ in range(3)]
        await stream.aclose()
        again = await all_of(local.stream(asked("Hi", max_tokens=3)))
        await local.close()
        return said, again

    said, again = asyncio.run(ask())
    assert said == WORDS[:3]
    assert [chunk.text for chunk in again[:-1]] == WORDS[:3]


def test_what_was_read_before_an_interrupt_is_not_read_again(local):
    async def ask():
        stream = local.stream(asked(LONG))
        await anext(stream)
        await stream.aclose()
        chunks = await all_of(local.stream(asked(LONG, max_tokens=1)))
        await local.close()
        return chunks[-1].usage

    usage = asyncio.run(ask())
    assert usage.cache_read == usage.input_tokens


def test_the_event_loop_turns_while_a_model_reads_and_writes(local):
    async def ask():
        turns = 0

        async def turn():
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        turning = asyncio.ensure_future(turn())
        await all_of(local.stream(asked("Hi", max_tokens=1)))
        before = turns
        await all_of(local.stream(asked(LONG, max_tokens=1)))
        turning.cancel()
        await local.close()
        return turns - before

    assert asyncio.run(ask()) > 100


def test_a_model_that_does_not_stop_is_killed_and_started_again(local):
    async def ask():
        stream = local.stream(asked("Hi"))
        await anext(stream)
        child = (await local._seats.get()).child
        os.kill(child._process.pid, signal.SIGSTOP)
        told = await seconds_of(stream.aclose())
        await child._process.wait()
        again = await all_of(local.stream(asked("Hi", max_tokens=2)))
        await local.close()
        return told, child._process.returncode, again

    told, code, again = asyncio.run(ask())
    assert told < GRACE  # it did not wait for that
    assert code == -signal.SIGKILL
    assert [chunk.text for chunk in again[:-1]] == WORDS[:2]


def test_a_model_that_is_still_being_loaded_is_let_go(local):
    async def ask():
        stream = asyncio.ensure_future(all_of(local.stream(asked("Hi"))))
        await asyncio.sleep(0.1)
        stream.cancel()
        await asyncio.wait([stream])
        again = await all_of(local.stream(asked("Hi", max_tokens=2)))
        await local.close()
        return stream.cancelled(), again

    cancelled, again = asyncio.run(ask())
    assert cancelled
    assert [chunk.text for chunk in again[:-1]] == WORDS[:2]


def test_two_requests_at_a_time_are_answered_one_after_the_other(local):
    async def ask():
        both = [all_of(local.stream(asked(text, max_tokens=4))) for text in ("Hi", "You")]
        found = await asyncio.gather(*both)
        await local.close()
        return found

    for chunks in asyncio.run(ask()):
        assert [chunk.text for chunk in chunks[:-1]] == WORDS[:4]
