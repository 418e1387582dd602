"""How a chat stands is told as it is, and costs the same however long the session is."""

import asyncio
import time
from pathlib import Path

import pytest

from llmrepl.compose import assemble
from llmrepl.compose.counting import FEW
from llmrepl.compose.standing import filling_of, standing_of
from llmrepl.config import load
from llmrepl.parts import Text


@pytest.fixture
def assembled(tmp_path, monkeypatch):
    """Run a coroutine function with an assembly of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    project = tmp_path / "code" / "tea"
    project.mkdir(parents=True)
    replies = tmp_path / "replies.txt"
    replies.write_text("====\n" + "====\n".join("Hello.\n" for _ in range(300)))

    def run(work, **settings):
        environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        config = load(settings, environ, project).config

        async def go():
            assembly = await assemble(config, environ=environ, cwd=project)
            try:
                return await work(assembly)
            finally:
                await assembly.close()

        return asyncio.run(go())

    run.model = f"scripted/{replies}"
    return run


async def said(assembly, times=1):
    for _ in range(times):
        await assembly.runtime.turn((Text("hello"),))
    return standing_of(assembly)


def test_a_new_chat_stands_at_nothing(assembled):
    async def look(assembly):
        return standing_of(assembly)

    standing = assembled(look, model="demo/assistant", approval="deny")
    assert (standing.mode, standing.model) == ("deny", "demo/assistant")
    assert standing.remark.startswith("not a language model")
    assert (standing.sandbox, standing.alarm) == ("full sandbox", "")
    assert standing.cwd == "~/code/tea"
    assert (standing.context, standing.room, standing.budget) == (None, None, None)


def test_after_a_turn_it_has_tokens_and_the_budget(assembled):
    standing = assembled(said, model=assembled.model, **{"limits.budget": "1.5"})
    assert standing.remark == ""
    assert standing.context > 500
    assert standing.session.usage.output_tokens
    assert standing.session == standing.turn
    assert str(standing.budget) == "1.5"


def test_what_is_opened_for_blocks_is_told_in_a_word(assembled):
    async def look(assembly):
        return standing_of(assembly).sandbox

    model = {"model": assembled.model}
    assert assembled(look, **model, **{"sandbox.net": ["example.org"]}) == "full sandbox +net"
    written = Path.home() / "code" / "tea" / "out"
    written.mkdir()
    assert assembled(look, **model, **{"sandbox.write": [str(written)]}) == "full sandbox +write"
    closed = assembled(look, **model, **{"sandbox.project": "read-only"})
    assert closed == "full sandbox, read-only"
    assert assembled(look, **model, **{"sandbox.tier": "reduced"}) == "REDUCED sandbox, read-only"


def test_a_missing_sandbox_is_an_alarm_that_says_where_the_reason_is(assembled):
    async def look(assembly):
        assembly.sandbox_missing = True
        return standing_of(assembly)

    standing = assembled(look, model=assembled.model)
    assert (standing.sandbox, standing.alarm) == ("NO SANDBOX", "missing")
    assert standing.policy == "/check says why"


def test_no_sandbox_by_a_persons_word_is_an_alarm(assembled):
    async def look(assembly):
        return standing_of(assembly)

    standing = assembled(look, model=assembled.model, **{"sandbox.tier": "off"})
    assert (standing.sandbox, standing.alarm) == ("NO SANDBOX", "off")
    assert standing.policy == "blocks can do whatever you can"


def test_a_directory_beside_the_home_is_told_whole(assembled, monkeypatch, tmp_path):
    async def look(assembly):
        return standing_of(assembly).cwd

    monkeypatch.setenv("HOME", "/nonexistent")
    assert assembled(look, model=assembled.model) == str(tmp_path / "code" / "tea")


def test_what_fills_the_context_adds_up_to_the_next_request(assembled):
    async def look(assembly):
        await said(assembly, 3)
        estimate = assembly.edges.context.request(assembly.runtime.state).estimated_tokens
        return filling_of(assembly), estimate, standing_of(assembly).context

    filling, estimate, context = assembled(look, model=assembled.model)
    assert filling.total == estimate == context


def test_a_context_that_is_being_counted_is_not_told(assembled):
    async def look(assembly):
        await said(assembly, FEW)
        assembly.window.native = True  # which is counted anew
        before = standing_of(assembly).context
        assembly.counting.begin()
        await assembly.counting.done()
        return before, standing_of(assembly).context, filling_of(assembly).total

    before, context, filling = assembled(look, model=assembled.model)
    assert before is None
    assert context == filling


def test_it_costs_no_more_after_many_turns(assembled):
    async def timed(assembly):
        took = []
        for turns in (2, 200):
            await said(assembly, turns)
            best = min(_seconds(assembly) for _ in range(5))
            took.append(best)
        return took

    few, many = assembled(timed, model=assembled.model, **{"sessions.save": False})
    assert many < 5 * few + 0.001


def _seconds(assembly):
    began = time.perf_counter()
    for _ in range(100):
        standing_of(assembly)
    return (time.perf_counter() - began) / 100
