"""What every provider, executor and display has to keep, as checks that a plugin's tests can call.

A check returns where the contract is kept and raises an `AssertionError` that names the clause.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast, get_args

from llmrepl.errors import ProviderError
from llmrepl.events import NetworkRequested, ToolFinished, ToolOutput, ToolRequested
from llmrepl.parts import Status
from llmrepl.ports import (
    CallChunk,
    Chunk,
    Display,
    Executor,
    Finish,
    ModelInfo,
    Provider,
    ReasoningChunk,
    Request,
    TextChunk,
)
from llmrepl.providers.script import pieces
from llmrepl.record import Record
from llmrepl.testing.builders import Step, one_of_each, records, turn

STOPS = ("end_turn", "max_tokens", "refusal")
DELTAS = 10_000
PARAGRAPH = "Some *words* and `code` for a display to lay out, line after line.\n\n"


async def check_provider(
    provider: Provider, request: Request, *, refused: Request | None = None
) -> Finish:
    """Check that `provider` keeps the contract of its port, and close it.

    Args:
        provider: the provider; a server behind it must answer `request` three times.
        request: a request that it answers with some text.
        refused: a request that it cannot fulfil, if there is one.

    Returns:
        The `Finish` of the first reply.

    Raises:
        AssertionError: a clause is not kept.
    """
    assert isinstance(provider.name, str), "name is a str"
    assert provider.name, "name is not empty"
    assert isinstance(provider.local, bool), "local is a bool"
    chunks = [chunk async for chunk in provider.stream(request)]
    finish = _check_chunks(chunks)
    for taken in (1, 0):
        # Left early, and not even begun: both end the request and spoil nothing.
        async with aclosing(cast("Any", provider.stream(request))) as stream:
            for _ in range(taken):
                first = await anext(stream)
                assert not isinstance(first, Finish), "some text comes before Finish"
    _check_chunks([chunk async for chunk in provider.stream(request)])
    if refused is not None:
        await _check_refusal(provider.stream(refused))
    models = await provider.models()
    assert isinstance(models, Sequence), "models() returns a sequence"
    assert all(isinstance(model, ModelInfo) for model in models), "of ModelInfo"
    await provider.close()
    await provider.close()
    return finish


def _check_chunks(chunks: Sequence[object]) -> Finish:
    kinds = (TextChunk, ReasoningChunk, CallChunk, Finish)
    strange = [chunk for chunk in chunks if not isinstance(chunk, kinds)]
    names = ", ".join(kind.__name__ for kind in kinds)
    assert not strange, f"a stream gives {names}, not {strange[0]!r}"
    ends = [index for index, chunk in enumerate(chunks) if isinstance(chunk, Finish)]
    assert ends == [len(chunks) - 1], "one Finish comes, and nothing after it"
    empty = (TextChunk(""), ReasoningChunk(""))
    assert not any(chunk in empty for chunk in chunks), "no chunk is empty"
    finish = chunks[-1]
    assert isinstance(finish, Finish)
    assert finish.stop in STOPS, f"stop is one of {', '.join(STOPS)}, not {finish.stop!r}"
    usage = finish.usage
    if usage is not None:
        assert usage.input_tokens >= usage.cache_read + usage.cache_write >= 0, (
            "input_tokens holds the cached ones"
        )
        assert usage.output_tokens >= usage.reasoning_tokens >= 0, (
            "output_tokens holds the reasoning"
        )
    return finish


async def _check_refusal(stream: AsyncGenerator[Chunk, None]) -> None:
    refusal: Exception | None = None
    try:
        async for _ in stream:
            pass
    except Exception as error:  # noqa: BLE001 - which one came is what is checked
        refusal = error
    assert isinstance(refusal, ProviderError), f"a failure is a ProviderError, not {refusal!r}"
    assert "\n" not in refusal.message, "an error's message is one line"


async def check_executor(
    executor: Executor, *, quick: ToolRequested, slow: ToolRequested, seconds: float = 10.0
) -> ToolFinished:
    """Check that `executor` keeps the contract of its port, and close it.

    Args:
        executor: the executor, not started yet.
        quick: a call that ends well by itself.
        slow: one that would run for longer than the check takes.
        seconds: within which an interrupt must have ended `slow`.

    Returns:
        What came of `quick`.

    Raises:
        AssertionError: a clause is not kept.
    """
    assert executor.name, "name is not empty"
    assert isinstance(executor.policy, str), "policy says in words what calls may touch"
    await executor.start()
    await executor.start()
    await executor.interrupt()  # nothing runs, so nothing happens
    finished = await _check_run(executor, quick)
    assert finished.status == "ok", f"{quick.call_id} ends with status ok, not {finished.status}"
    running = asyncio.ensure_future(_check_run(executor, slow))
    done, _ = await asyncio.wait({running}, timeout=0.2)
    assert not done, "the slow call runs until it is interrupted"
    await executor.interrupt()
    try:
        interrupted = await asyncio.wait_for(running, seconds)
    except TimeoutError:
        raise AssertionError(f"an interrupt ends a call within {seconds:g} s") from None
    assert interrupted.status == "cancelled", "what was interrupted is cancelled"
    again = await _check_run(executor, quick)
    assert again.status == "ok", "after an interrupt the next call runs"
    await executor.close()
    await executor.close()
    return finished


async def _check_run(executor: Executor, request: ToolRequested) -> ToolFinished:
    events = [event async for event in executor.run(request)]
    last = events[-1] if events else None
    assert isinstance(last, ToolFinished), "a run ends with ToolFinished"
    before = (ToolOutput, NetworkRequested)
    assert all(isinstance(event, before) for event in events[:-1]), (
        "after only ToolOutput and NetworkRequested"
    )
    ids = {
        event.call_id
        for event in events
        if event.call_id or not isinstance(event, NetworkRequested)  # one made between two calls
    }
    assert ids == {request.call_id}, "all carry the call's id"
    assert last.status in get_args(Status), f"{last.status!r} is no status"
    assert last.ms >= 0, "times are not negative"
    return last


def check_display(display: Display, *, seconds: float = 10.0) -> float:
    """Check that `display` can show whatever comes, and in time.

    It is shown a complete turn, one event of every type in no sensible order, one of an unknown
    type, and a reply of ten thousand pieces.

    Args:
        display: the display.
        seconds: how long it may take for the long reply.

    Returns:
        How many seconds the long reply took.

    Raises:
        AssertionError: it raised, or took too long.
    """
    whole = records(turn())
    for record in whole:
        _show(display, record)
    for event in one_of_each():
        _show(display, replace(whole[-1], seq=0, event=event))
    long = turn("Write a book.", [Step(PARAGRAPH * (DELTAS // len(pieces(PARAGRAPH)) + 1))])
    reply = records(long)
    began = time.perf_counter()
    for record in reply:
        _show(display, record)
    took = time.perf_counter() - began
    assert took <= seconds, f"{len(reply)} records took {took:.1f} s, not {seconds:g} s"
    return took


def _show(display: Display, record: Record) -> None:
    try:
        display.show(record)
    except Exception as error:
        raise AssertionError(f"show() raised at {record.event!r}: {error!r}") from error
