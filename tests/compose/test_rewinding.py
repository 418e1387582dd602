"""What goes back with the conversation, and what does not; the chat's part is in tests/repl."""

import asyncio
from decimal import Decimal

import pytest

from llmrepl.compose import assemble
from llmrepl.compose.opening import Wanted
from llmrepl.compose.rewinding import TOLD, go_on_in_fork, go_on_with, records_of, take_back
from llmrepl.config import load
from llmrepl.conversation import Phase
from llmrepl.errors import LlmreplError, SessionError
from llmrepl.events import MessageFinished, StepStarted, TurnStarted
from llmrepl.parts import Text
from llmrepl.record import Record
from llmrepl.runtime import fold
from llmrepl.sessions.reader import LogReader
from llmrepl.usage import Cost, Usage

PRICE = Cost(Decimal("0.25"))


@pytest.fixture
def run(tmp_path):
    """Run a story with an assembly of its own, which talks to nobody and is closed behind it."""

    def run(story, *, session="", save=True, **given):
        environ = {"HOME": str(tmp_path), "SECRET_TOKEN": "hunter2hunter2"}
        settings = {"model": "demo/assistant", "sessions.save": save, **given}
        config = load(settings, environ, tmp_path).config

        async def told():
            assembly = await assemble(
                config, wanted=Wanted(session=session), environ=environ, cwd=tmp_path
            )
            try:
                return await story(assembly)
            finally:
                await assembly.close()

        return asyncio.run(told())

    return run


def spoken(assembly, text, cost=PRICE):
    """Let a turn begin and be answered without anybody; it is left to be finished."""
    record = assembly.runtime.record
    record(TurnStarted(prompt=(Text(text),)))
    record(StepStarted(provider="demo", model="assistant"))
    record(MessageFinished(parts=(Text("Well."),), stop="end_turn", usage=Usage(1, 1), cost=cost))


async def whole(assembly, text):
    spoken(assembly, text)
    await assembly.runtime.resume()


@pytest.mark.parametrize("save", [True, False])
def test_the_state_is_that_before_the_turn_and_the_context_is_made_anew(run, save):
    async def story(assembly):
        await whole(assembly, "one")
        before = assembly.runtime.state
        size = assembly.window.request(before).estimated_tokens
        await whole(assembly, "two " * 99)
        assert assembly.window.request(assembly.runtime.state).estimated_tokens > size
        taken = await take_back(assembly)
        assert (taken.number, taken.ran, taken.commands) == (2, False, 0)
        assert assembly.runtime.state == before
        assert assembly.window.request(assembly.runtime.state).estimated_tokens == size
        assert fold(records_of(assembly)) == before
        await whole(assembly, "three")
        assert assembly.runtime.state.turn == 2
        assert [record.seq for record in records_of(assembly)] == list(range(1, 11))

    run(story, save=save)


def test_a_turn_that_was_left_unfinished_can_be_taken_back(run):
    async def story(assembly):
        await whole(assembly, "one")
        spoken(assembly, "two")
        assert assembly.unfinished
        assert (await take_back(assembly)).prompt == (Text("two"),)
        assert assembly.runtime.state.phase is Phase.IDLE

    run(story)


def test_the_session_that_is_left_stays_as_it_is_and_is_closed(run):
    async def story(assembly):
        left = assembly.opened.log
        await whole(assembly, "one")
        await whole(assembly, "two")
        before = left.path.read_bytes()
        taken = await take_back(assembly)
        assert (taken.left, taken.session) == ("mine", assembly.session_id)
        with pytest.raises(SessionError, match="session mine is closed"):
            left.append(Record(left.seq + 1, 0, 0, 0, StepStarted(provider="p", model="m")))
        assert left.path.read_bytes() == before
        assert LogReader(assembly.opened.log.path).header.forked_from == ("mine", 5)

    run(story, session="mine")


def test_the_budget_is_lowered_by_what_was_taken_back(run):
    async def story(assembly):
        await whole(assembly, "one")
        await whole(assembly, "two")
        await take_back(assembly)
        assert assembly.runtime.state.session_spend.total == Decimal("0.25")
        assert assembly.runtime.limits.budget == Decimal("0.75")
        await take_back(assembly)
        assert assembly.runtime.limits.budget == Decimal("0.5")

    run(story, **{"limits.budget": "1"})


def test_what_reads_the_lines_of_a_session_goes_with_it(run):
    async def story(assembly):
        lines = []
        assembly.opened.log.on_line = lines.append
        await whole(assembly, "one")
        await take_back(assembly)
        lines.clear()
        await whole(assembly, "two")
        assert len(lines) == 5

    run(story)


def test_secrets_do_not_come_back_with_a_session_that_is_older_than_they_are(run, tmp_path):
    async def story(assembly):
        await whole(assembly, "one")
        log = assembly.opened.log
        log.append(Record(log.seq + 1, 0, 2, 0, TurnStarted(prompt=(Text("say hunter2hunter2"),))))
        taken = await take_back(assembly)
        assert taken.prompt == (Text("say [redacted:SECRET_TOKEN]"),)

    run(story)


def test_the_model_is_told_once_that_something_ran(run):
    async def story(assembly):
        for number in (1, 2):
            await whole(assembly, f"turn {number}")
            await assembly.runtime.command("true")
        taken = await take_back(assembly)
        assert (taken.ran, taken.commands) == (True, 1)
        assert assembly.runtime.state.notes == (TOLD,)
        taken = await take_back(assembly)
        assert taken.ran
        assert assembly.runtime.state.notes == (TOLD,)

    run(story)


def test_without_a_turn_there_is_nothing_to_take_back_or_to_fork(run):
    async def story(assembly):
        with pytest.raises(LlmreplError, match="there is no turn to take back"):
            await take_back(assembly)
        with pytest.raises(LlmreplError, match="nothing to fork"):
            go_on_in_fork(assembly)
        with pytest.raises(SessionError, match="there is no session 'other'"):
            await go_on_with(assembly, "other")
        assert assembly.session_id == "mine"

    run(story, session="mine")


def test_another_session_is_shown_without_a_secret_that_is_newer_than_its_log(run, tmp_path):
    async def other(assembly):
        await whole(assembly, "say s3cr3t-s3cr3t")

    async def story(assembly):
        opened = await go_on_with(assembly, "other")
        assert opened.records[0].event.prompt == (Text("say [redacted:redact]"),)

    run(other, session="other")
    run(story, session="mine", redact=["s3cr3t-s3cr3t"])


def test_a_model_that_cannot_be_used_any_more_leaves_the_chat_where_it_is(run):
    async def other(assembly):
        await whole(assembly, "one")
        assembly.runtime.record(TurnStarted(prompt=(Text("two"),)))
        assembly.runtime.record(StepStarted(provider="gone", model="x"))

    async def story(assembly):
        with pytest.raises(LlmreplError, match="there is no provider 'gone'"):
            await go_on_with(assembly, "other")
        assert assembly.session_id == "mine"
        await whole(assembly, "one")

    run(other, session="other")
    run(story, session="mine", model=None)
