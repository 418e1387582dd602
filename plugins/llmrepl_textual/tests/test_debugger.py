"""The debugger: a turn pauses before what it does, and what a person changes of it is what happens.

Everything is real but the model: the sandbox runs what was edited, and the log says so.
"""

import asyncio
import os
import re
import time

import pytest
from textual.widgets import OptionList

from llmrepl.compose.sent import sent
from llmrepl.compose.verifying import verify_session
from llmrepl.config import load
from llmrepl.conversing.guard import GRACE
from llmrepl.events import (
    PERSON,
    ApprovalDecided,
    Custom,
    MessageFinished,
    NoteAdded,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import text_of
from llmrepl.stepping import BY_HAND, STEERED, WRITTEN
from llmrepl_textual.debugging.stepper import Pace
from llmrepl_textual.debugging.words import title
from llmrepl_textual.debugging.writing import Writing
from llmrepl_textual.question import Question
from llmrepl_textual.screens.chat import Chat
from llmrepl_textual.screens.debugger import Debugger
from llmrepl_textual.screens.inspector import Inspector
from llmrepl_textual.status import Status
from llmrepl_textual.tests.host import events, full_screen, lines, text, typed, until
from llmrepl_textual.tests.panes import FILES, SIZES, configured
from llmrepl_textual.widgets.dialogs import Ask, Pick

BLOCK = "Let me see.\n\n<helpers>\nprint(6 * 7)\n</helpers>"
BROKEN = "<helpers>\nraise ValueError('no tea')\n</helpers>"
ASK = "ask the model"
PATIENCE = 20.0
RUN = "run python 1.1.1"


def play(desk, plays, size=(100, 30)):
    """Run `plays(pilot, desk, screen)` on the debugger's screen."""

    async def run():
        async with full_screen(desk, size=size) as pilot:
            await asyncio.wait_for(desk.assembly.warming, 60)
            await pilot.press("f7")
            screen = pilot.app.screen
            assert isinstance(screen, Debugger)
            await until(pilot, lambda: screen.stepper is not None)
            await plays(pilot, desk, screen)

    asyncio.run(run())


async def pauses(pilot, screen, what):
    """Wait until the turn is paused before an action."""
    await until(pilot, lambda: screen.waits and title(screen.waits.action) == what)
    await until(pilot, lambda: not screen.is_current or f"paused before: {what}" in text(pilot))


async def presses(pilot, *keys):
    """Press keys, the next only when what the one before began is there."""
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def above(pilot, kind):
    """Wait until there is a question above the screen, and return it."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_mounted)
    await pilot.pause()
    return pilot.app.screen


async def wrote(pilot, words, key="ctrl+s"):
    """Write into what asks for a text."""
    writing = await above(pilot, Writing)
    writing.area.text = words
    await pilot.press(key)
    await until(pilot, lambda: pilot.app.screen is not writing)


async def asked(pilot, words):
    """Answer what asks for a line."""
    asking = await above(pilot, Ask)
    asking.query_one("Input").value = words
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.screen is not asking)


async def breaks(pilot, screen, *watches):
    """Add breakpoints."""
    for watch in watches:
        before = len(screen.stepper.watches)
        await pilot.press("b")
        await asked(pilot, watch)
        await until(pilot, lambda before=before: len(screen.stepper.watches) > before)


def notices(pilot):
    """Return what was said beside the screens."""
    told = pilot.app._notifications
    return "\n".join(f"{notice.title} {notice.message}" for notice in told)


async def over(pilot, desk):
    await until(pilot, lambda: not desk.work.busy)
    await pilot.pause()


def verified(machine, desk):
    """Verify the desk's session, and return what came of each call."""
    (path,) = machine.sessions.glob(f"{desk.assembly.session_id}.jsonl")
    config = load({}, os.environ, machine.project).config
    report = asyncio.run(verify_session(path, config, os.environ))
    assert report.passed, report
    return [(checked.outcome, checked.why) for checked in report.calls]


def told(desk, step):
    """Return what the model was told in a step."""
    return "\n".join(message.told for message in sent([*desk.records], step).messages)


async def to_the_block(pilot, desk, screen):
    """Ask, and step to the block, looking at what is shown of the request."""
    await pilot.press("p")
    assert screen.stepper.pace is Pace.STEP
    desk.work.enter("What is 6 times 7?")
    await pauses(pilot, screen, ASK)
    shown = text(pilot)
    for words in ("CallModel", "the turn has begun", "the request", "system", "step 0 of 50"):
        assert words in shown
    assert any(section.text == "What is 6 times 7?" for section in screen.sections)
    assert not events(desk, StepStarted)
    await pilot.press("s")
    await pauses(pilot, screen, RUN)
    assert "print(6 * 7)" in text(pilot)
    assert "1.1 ask the model" in text(pilot)
    assert "→ tool_calls ↑" in text(pilot)


async def inspected(pilot, desk):
    """Look at what the inspector says of the call."""
    (seq,) = (record.seq for record in desk.records if isinstance(record.event, ToolFinished))
    pilot.app.screen.jump("inspector", seq)
    await until(pilot, lambda: isinstance(pilot.app.screen, Inspector))
    await until(pilot, lambda: "as a person changed it" in text(pilot))


def test_a_block_that_is_edited_while_the_turn_is_paused_is_what_runs(machine):
    desk = machine.desk(machine.script(BLOCK, "It is 48."))

    async def plays(pilot, desk, screen):
        assert "nothing runs · runs to the next breakpoint" in text(pilot)
        assert "pauses before each action once p" in " ".join(text(pilot).split())
        await to_the_block(pilot, desk, screen)
        await pilot.press("e")
        writing = await above(pilot, Writing)
        assert writing.area.text == "print(6 * 7)"
        await wrote(pilot, "print(6 * 8)")
        await until(pilot, lambda: "you edited 1.1.1, and now" in text(pilot))
        assert "it is approved, as a person changed it" in text(pilot)
        assert not events(desk, ToolStarted)
        await pilot.press("s")
        await pauses(pilot, screen, "finish the step")
        assert "48" in text(pilot)
        await pilot.press("u")
        await pauses(pilot, screen, "finish the turn: end_turn")
        assert "It is 48." in text(pilot)
        await pilot.press("c")
        await over(pilot, desk)
        await until(pilot, lambda: "nothing runs" in text(pilot))
        (decided,), (ended,) = events(desk, ApprovalDecided), events(desk, ToolFinished)
        assert (decided.decision, decided.by) == ("edit", PERSON)
        assert decided.arguments == {"code": "print(6 * 8)"}
        assert (ended.parts[0].text.strip(), ended.by) == ("48", "")
        looked = [e.data["before"] for e in events(desk, Custom) if e.name == "paused"]
        assert looked == [ASK, RUN, RUN, "finish the step", "finish the turn: end_turn"]
        await inspected(pilot, desk)

    play(desk, plays)
    assert verified(machine, desk) == [("same", "")]


async def answers(pilot, desk, screen):
    """Answer in the model's stead, with a block."""
    await pilot.press("i")
    await wrote(pilot, BLOCK)
    await pauses(pilot, screen, RUN)
    (began,), (message,) = events(desk, StepStarted), events(desk, MessageFinished)
    assert (began.provider, began.model) == (PERSON, BY_HAND)
    assert (message.usage.input_tokens, message.cost.total) == (0, 0)
    assert "you answered in the model's stead, and now" in text(pilot)


async def gives(pilot, desk, screen):
    """Give the block's result."""
    await pilot.press("i")
    pick = await above(pilot, Pick)
    assert pick.query_one(OptionList).option_count == 6
    await pilot.press("enter")
    await wrote(pilot, "43")
    await pauses(pilot, screen, "finish the step")
    (given,) = events(desk, ToolFinished)
    assert (given.by, given.status, given.parts[0].text) == (PERSON, "ok", "43")


async def tells(pilot, desk, screen):
    """Tell the model something with the results, and beside them."""
    await pilot.press("m")
    await wrote(pilot, "Be brief.")
    await until(pilot, lambda: "you told the model something, and now" in text(pilot))
    await pilot.press("s")
    await pauses(pilot, screen, ASK)
    await pilot.press("m")
    await wrote(pilot, "In hexadecimal.")
    await until(pilot, lambda: "In hexadecimal." in "".join(s.text for s in screen.sections))
    assert [note.text for note in events(desk, NoteAdded)] == [
        WRITTEN,
        STEERED + "Be brief.",
        STEERED + "In hexadecimal.",
    ]


async def refuses(pilot, desk, screen):
    """Go on to the next block, and refuse it."""
    await breaks(pilot, screen, "tool pyth*")
    await pilot.press("c")
    await pauses(pilot, screen, "run python 1.2.1")
    assert "paused: tool python" in text(pilot)
    assert "● tool pyth* 1×" in text(pilot)
    await pilot.press("n")
    await asked(pilot, "not this one")
    await pauses(pilot, screen, "end python 1.2.1: denied")
    await pilot.press("c")
    await over(pilot, desk)
    assert events(desk, ToolFinished)[-1].reason == "not this one"


def test_what_a_person_gives_in_a_calls_or_the_models_stead_is_theirs_in_the_log(machine):
    desk = machine.desk(machine.script("Not asked for.", BLOCK, "It is 43."))

    async def plays(pilot, desk, screen):
        await pilot.press("p")
        desk.work.enter("What is 6 times 7?")
        await pauses(pilot, screen, ASK)
        for does in (answers, gives, tells, refuses):
            await does(pilot, desk, screen)
        request = told(desk, "1.2")
        assert request.index("43") < request.index("Be brief.") < request.index("In hexadecimal.")
        assert "given by" not in request  # it is what-if: the model is not told
        assert "not this one" in told(desk, "1.3")
        assert not events(desk, ToolStarted)
        await pilot.press("f2")
        await until(pilot, lambda: "given by a person: it did not run" in text(pilot))

    play(desk, plays, (100, 40))
    assert verified(machine, desk) == [
        ("not run", "it never ran: a person gave its result"),
        ("not run", "it never ran: denied by person"),
    ]
    again = machine.desk("", session=desk.assembly.session_id)

    async def goes_on(pilot, desk, screen):
        assert desk.assembly.model == f"scripted/{machine.project / 'script.txt'}"

    play(again, goes_on)


async def mistyped(pilot, screen):
    """Type what is no breakpoint, and give it up."""
    await pilot.press("b")
    asking = await above(pilot, Ask)
    asking.query_one("Input").value = "pattern ("
    await pilot.press("enter")
    await until(pilot, lambda: "this is no regular expression" in text(pilot))
    await pilot.press("escape")
    await until(pilot, lambda: pilot.app.screen is screen)


def test_breakpoints_on_status_cost_and_pattern_pause_a_turn_and_can_be_switched(machine):
    script = machine.script("usage: 1000000/0\n\n" + BROKEN, "usage: 1000000/0\n\nNo tea here.")
    configured(machine, f'[prices."{script}"]\ninput = 1.0\noutput = 1.0\n')
    desk = machine.desk(script)

    async def plays(pilot, desk, screen):
        watches = ("status !ok", "cost turn > 1.5", r"pattern no\s+tea", "action turn")
        await breaks(pilot, screen, *watches)
        await mistyped(pilot, screen)
        assert [str(watch.breakpoint) for watch in screen.stepper.watches] == [*watches]
        desk.work.enter("Tea?")
        await pauses(pilot, screen, RUN)
        assert "pattern no\\s+tea in the code of 1.1.1" in screen.waits.why
        await pilot.press("c")
        await pauses(pilot, screen, "finish the step")
        assert screen.waits.why.startswith("status error · pattern")
        assert "ValueError" in text(pilot)
        await pilot.press("tab", "tab", "home", "down", "down")
        await pilot.press("space")
        assert [watch.on for watch in screen.stepper.watches] == [True, True, False, True]
        assert "○ pattern" in text(pilot)
        await pilot.press("c")
        await until(pilot, lambda: screen.waits and screen.waits.state.step == 2)
        assert screen.waits.why == "the turn has cost $2.00"
        await pilot.press("up", "delete")
        assert [str(w.breakpoint) for w in screen.stepper.watches] == [*watches[:1], *watches[2:]]
        await pilot.press("c")
        await pauses(pilot, screen, "finish the turn: end_turn")
        await pilot.press("d", "d", "d", "d")
        assert screen.stepper.watches == []
        await pilot.press("c")
        await over(pilot, desk)
        assert [e.reason for e in events(desk, TurnFinished)] == ["end_turn"]

    play(desk, plays, (120, 40))


async def ends(pilot, desk, screen):
    """End turns that are paused, with every key that does."""
    desk.work.enter("Again.")
    await pauses(pilot, screen, ASK)
    for key in ("ctrl+c", "x"):
        await pilot.press(key)
        await over(pilot, desk)
        assert events(desk, TurnFinished)[-1].reason == "cancelled"
        desk.work.enter("Again.")
        await pauses(pilot, screen, ASK)
    await pilot.press("x")
    await over(pilot, desk)


def test_steps_over_and_to_the_end_and_what_can_be_done_is_shown_and_can_be_clicked(machine):
    desk = machine.desk(machine.script(BLOCK, BLOCK, "Done."))

    async def plays(pilot, desk, screen):
        can = screen.query_one("#can")
        assert "p\xa0pause" in str(can.content)
        assert "s\xa0step" not in str(can.content)
        await pilot.click("#can", offset=(2, 0))
        assert screen.stepper.pace is Pace.STEP
        await pilot.press("p")
        assert screen.stepper.pace is Pace.RUN
        await pilot.press("p")
        desk.work.enter("Go.")
        await pauses(pilot, screen, ASK)
        for words in ("s\xa0step", "e\xa0edit", "i\xa0inject", "m\xa0message", "x\xa0stop"):
            assert words in str(can.content)
        assert "n\xa0refuse" not in str(can.content)
        await pilot.click("#can", offset=(2, 0))
        await pauses(pilot, screen, RUN)
        assert "n\xa0refuse" in str(can.content)
        await pilot.press("o")
        await pauses(pilot, screen, ASK)
        assert screen.waits.why == "the step is over"
        assert screen.waits.state.step == 1
        await pilot.press("u")
        await pauses(pilot, screen, "finish the turn: end_turn")
        assert [done.step for done in screen.stepper.history] == [
            *["1.1"] * 3,
            *["1.2"] * 3,
            *["1.3"] * 2,
        ]
        assert "m\xa0message" not in str(can.content)
        assert "e\xa0edit" not in str(can.content)
        await presses(pilot, "e", "i", "m", "n")
        assert pilot.app.screen is screen
        await pilot.press("s")
        await over(pilot, desk)
        assert screen.stepper.pace is Pace.STEP
        await ends(pilot, desk, screen)

    play(desk, plays)


def test_the_prompt_of_a_turn_that_has_just_begun_is_asked_in_other_words(machine):
    desk = machine.desk(machine.script("Good."))

    async def plays(pilot, desk, screen):
        await pilot.press("p")
        desk.work.enter("Waht?")
        await pauses(pilot, screen, ASK)
        before = desk.assembly.session_id
        await pilot.press("e")
        await wrote(pilot, "Waht?")  # as it was: nothing happens
        await pauses(pilot, screen, ASK)
        await pilot.press("e")
        await wrote(pilot, "What?", key="f10")
        await until(pilot, lambda: desk.assembly.session_id != before)
        await pauses(pilot, screen, ASK)
        assert [text_of(e.prompt) for e in events(desk, TurnStarted)] == ["What?"]
        assert any(section.text == "What?" for section in screen.sections)
        await pilot.press("s")
        await pauses(pilot, screen, "finish the step")
        await pilot.press("c")
        await over(pilot, desk)
        assert [e.reason for e in events(desk, TurnFinished)] == ["end_turn"]
        await pilot.press("f2")
        await until(pilot, lambda: "Asking in other words, in place of turn 1." in text(pilot))

    play(desk, plays)


async def waits_in_the_chat(pilot, desk, screen):
    """Ask from the chat, which says that the turn is paused; queue and steer meanwhile."""
    await pilot.press("p", "f2")
    await typed(pilot, "What?")
    await pilot.press("enter")
    await until(pilot, lambda: "paused before: ask the model · F7" in lines(pilot)[-2])
    await until(pilot, lambda: "The turn is paused" in notices(pilot))
    await typed(pilot, "and why?")
    await pilot.press("enter")
    await until(pilot, lambda: desk.work.queued)
    await typed(pilot, "quickly")
    await pilot.press("ctrl+s")
    assert desk.assembly.runtime.steering == ("quickly",)
    await pilot.press("f7")
    await until(pilot, lambda: "waits for the model: quickly" in text(pilot))
    assert notices(pilot) == ""  # it is where it called to
    await pilot.press("o")
    await until(pilot, lambda: screen.waits and screen.waits.state.step == 1)
    assert [note.text for note in events(desk, NoteAdded)] == [STEERED + "quickly"]
    await pilot.press("f2")


def test_a_pause_is_seen_in_the_chat_which_ends_it_or_leaves_with_it(machine):
    desk = machine.desk(machine.script(BLOCK, *["It is 42."] * 4))

    async def plays(pilot, desk, screen):
        await waits_in_the_chat(pilot, desk, screen)
        chat = pilot.app.screen
        assert isinstance(chat, Chat)
        await pilot.press("escape")
        await over(pilot, desk)
        assert events(desk, TurnFinished)[-1].reason == "cancelled"
        assert "paused" not in str(chat.query_one(Status).content)
        assert chat.prompt.text == "and why?"  # what waited is back
        chat.prompt.put("")
        await pilot.press("f7", "p", "f2")
        desk.work.enter("Once more.")
        await until(pilot, lambda: screen.waits)
        await typed(pilot, "/quit")
        await pilot.press("enter")
        await until(pilot, lambda: desk.work.leaving)

    play(desk, plays)
    again = machine.desk("", session=desk.assembly.session_id)

    async def goes_on(pilot, desk, screen):
        assert not desk.assembly.unfinished
        before = len(events(desk, TurnFinished))
        desk.work.enter("And now?")
        await until(pilot, lambda: len(events(desk, TurnFinished)) > before)
        assert events(desk, TurnFinished)[-1].reason == "end_turn"

    play(again, goes_on)


def test_a_session_whose_process_ended_while_it_was_paused_goes_on_with_the_same_action(machine):
    desk = machine.desk(machine.script(BLOCK, "It is 42."))
    found = []

    async def plays(pilot, desk, screen):
        await breaks(pilot, screen, "action tools")
        desk.work.enter("What?")
        await pauses(pilot, screen, RUN)
        file = machine.sessions / f"{desk.assembly.session_id}.jsonl"
        found.append((file, file.read_bytes()))

    play(desk, plays)
    file, content = found[0]
    file.write_bytes(content)  # as if nothing had followed
    again = machine.desk("", session=file.stem)

    async def goes_on(pilot, desk, screen):
        await until(pilot, lambda: events(desk, TurnFinished))
        assert [e.status for e in events(desk, ToolFinished)] == ["ok"]
        assert events(desk, TurnFinished)[-1].reason == "end_turn"

    play(again, goes_on)


def test_an_edit_that_a_rule_is_about_is_asked_about_and_one_it_forbids_does_not_run(machine):
    rules = machine.home / ".config" / "llmrepl" / "rules"
    bash = '<helpers lang="bash">\necho one\n</helpers>'
    desk = machine.desk(machine.script(bash, bash, "Done."))

    async def plays(pilot, desk, screen):
        from llmrepl.conversing.commands.permissions import add

        await add(desk.assembly, "ask bash: echo two", always=False)
        await add(desk.assembly, "deny bash: echo three", always=False)
        await breaks(pilot, screen, "tool bash")
        desk.work.enter("Go.")
        await pauses(pilot, screen, "run bash 1.1.1")
        await pilot.press("e")
        await wrote(pilot, "echo two")
        await above(pilot, Question)
        assert not events(desk, ToolStarted)
        await asyncio.sleep(2 * GRACE)
        await pilot.press("y")
        await until(pilot, lambda: screen.waits and screen.waits.state.calls)
        assert screen.waits.state.calls[0].edited
        await pilot.press("c")
        await pauses(pilot, screen, "run bash 1.2.1")
        assert events(desk, ToolFinished)[0].parts[0].text == "two\n"
        await pilot.press("e")
        await wrote(pilot, "echo three")
        await pauses(pilot, screen, "end bash 1.2.1: denied")
        await pilot.press("c")
        await over(pilot, desk)
        assert [e.status for e in events(desk, ToolFinished)] == ["ok", "denied"]
        assert events(desk, ApprovalDecided)[-1].by == "rule"
        assert not rules.exists()

    play(desk, plays)


def test_a_text_is_written_in_the_persons_own_editor(machine, monkeypatch):
    monkeypatch.setenv("EDITOR", "true")
    desk = machine.desk(machine.script("Good."))

    async def plays(pilot, desk, screen):
        await pilot.press("p")
        desk.work.enter("What?")
        await pauses(pilot, screen, ASK)
        await pilot.press("m", "ctrl+o")
        writing = await above(pilot, Writing)
        await until(pilot, lambda: "this terminal cannot be lent" in notices(pilot))
        monkeypatch.setenv("EDITOR", "")
        monkeypatch.setenv("PATH", "")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: "there is no editor" in notices(pilot))
        assert writing.area.text == ""
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert not events(desk, NoteAdded)
        await pilot.press("x")
        await over(pilot, desk)

    play(desk, plays)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_screens_of_the_debugger_are_those_on_file(machine, size):
    machine.script(BLOCK, "It is 42.")
    desk = machine.desk("scripted/script.txt", **{"sandbox.project": "read-only"})

    async def plays(pilot, desk, screen):
        await looks(pilot, "debugger-idle")
        await breaks(pilot, screen, "tool python", r"pattern 6\s*\*", "cost turn > 0.05")
        await pilot.press("p")
        desk.work.enter("What is 6 times 7?")
        await pauses(pilot, screen, ASK)
        await looks(pilot, "debugger-model")
        await pilot.press("s")
        await pauses(pilot, screen, RUN)
        await looks(pilot, "debugger-code")
        await pilot.press("e")
        await above(pilot, Writing)
        await looks(pilot, "debugger-edit")
        await pilot.press("escape", "b")
        await above(pilot, Ask)
        await looks(pilot, "debugger-breakpoint")
        await pilot.press("escape", "x")
        await over(pilot, desk)

    play(desk, plays, size)


async def looks(pilot, name):
    """Wait until the screen is as it is on file, but for times and the folder's name."""
    columns, rows = pilot.app.size
    file = FILES / f"{name}-{columns}x{rows}.txt"

    def shown():
        shown = re.sub(r"\d+(\.\d+)? ms", "# ms", "\n".join([*lines(pilot)[:-1], ""]))
        return re.sub(r"\d{3,}(?= tokens)|(?<=↑)\d{3,}", "###", shown)

    if os.environ.get("UPDATE_SCREENS"):
        await pilot.pause(1)
        file.write_text(shown())
    deadline = time.monotonic() + PATIENCE
    while shown() != file.read_text() and time.monotonic() < deadline:
        await pilot.pause(0.05)
    assert shown() == file.read_text()
