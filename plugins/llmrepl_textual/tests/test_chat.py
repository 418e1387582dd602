"""A person talks on the full screen: what they type, what happens, what they see."""

import asyncio

import pytest
from textual.events import Key

from llmrepl.events import MessageFinished, NoteAdded, ToolFinished, TurnFinished, TurnStarted
from llmrepl.parts import text_of
from llmrepl.sessions.lock import lock
from llmrepl_textual.prompt.menu import Menu
from llmrepl_textual.prompt.widget import Prompt
from llmrepl_textual.tests.host import events, full_screen, line_with, said, text, typed, until
from llmrepl_textual.widgets.reading import Reading

BLOCK = "Let me **see**.\n\n<helpers>\nprint(6 * 7)\n</helpers>"
SLOW = "rate: 30\n\n" + "word " * 300


def chat(play, desk, **options):
    """Run `play` with the pilot and the desk."""

    async def run():
        async with full_screen(desk, **options) as pilot:
            await play(pilot, desk)

    asyncio.run(run())


def prompts(desk):
    return [text_of(event.prompt) for event in events(desk, TurnStarted)]


def stops(desk):
    return [event.reason for event in events(desk, TurnFinished)]


def test_a_turn_with_a_block_is_typed_seen_and_recorded(machine):
    async def play(pilot, desk):
        await typed(pilot, "compute")
        await pilot.press("enter")
        await until(pilot, lambda: stops(desk) == ["end_turn"])
        await until(pilot, lambda: "It is 42." in text(pilot))
        assert prompts(desk) == ["compute"]
        (result,) = events(desk, ToolFinished)
        assert result.status == "ok"
        shown = text(pilot)
        for part in ("❯ compute", "Let me see.", "│ print(6 * 7)", "✓ ok"):
            assert part in shown
        assert pilot.app.screen.query_one(Prompt).text == ""

    chat(play, machine.desk(machine.script(BLOCK, "It is **42**.")))


def test_an_answer_is_seen_while_it_is_written(machine):
    async def play(pilot, desk):
        desk.work.enter("go")
        await until(pilot, lambda: "word word" in text(pilot) and "Composing" in text(pilot))
        assert not events(desk, MessageFinished)
        await pilot.press("escape")
        await until(pilot, lambda: not desk.work.busy)
        assert stops(desk) == ["cancelled"]
        await until(pilot, lambda: "Composing" not in text(pilot))
        assert "stopped: a person interrupted" in text(pilot)

    chat(play, machine.desk(machine.script(SLOW)))


def test_ctrl_c_interrupts_then_clears_then_says_how_to_leave(machine):
    async def play(pilot, desk):
        await typed(pilot, "go")
        await pilot.press("enter")
        await until(pilot, lambda: "word word" in text(pilot))
        await typed(pilot, "next")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not desk.work.busy)
        assert stops(desk) == ["cancelled"]
        prompt = pilot.app.screen.query_one(Prompt)
        assert prompt.text == "next"
        await pilot.press("ctrl+c")
        assert prompt.text == ""
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "Ctrl-D or /quit leaves." in text(pilot))

    chat(play, machine.desk(machine.script(SLOW)))


def test_what_is_entered_meanwhile_waits_and_is_taken_back(machine):
    async def play(pilot, desk):
        await said_at_once(pilot, "go")
        await until(pilot, lambda: "word word" in text(pilot))
        await said_at_once(pilot, "second")
        await said_at_once(pilot, "third")
        await until(pilot, lambda: "2 queued" in text(pilot))
        await pilot.press("up")
        assert pilot.app.screen.query_one(Prompt).text == "third"
        await until(pilot, lambda: "1 queued" in text(pilot))
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not desk.work.busy)
        assert pilot.app.screen.query_one(Prompt).text == "second\nthird"
        assert prompts(desk) == ["go"]

    chat(play, machine.desk(machine.script(SLOW)))


def test_ctrl_s_steers_a_turn(machine):
    block = "rate: 2\n\nHm, let me see what there is.\n\n<helpers>\nprint(1)\n</helpers>"

    async def play(pilot, desk):
        await said_at_once(pilot, "go")
        await until(pilot, lambda: desk.assembly.runtime.state.phase.value != "idle")
        await typed(pilot, "hurry up")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: not desk.work.busy)
        (note,) = events(desk, NoteAdded)
        assert note.text.endswith("hurry up")
        await until(pilot, lambda: "hurry up" in text(pilot))

    chat(play, machine.desk(machine.script(block, "Done.")))


async def said_at_once(pilot, words):
    await typed(pilot, words)
    await pilot.press("enter")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("/cost", "session    ↑"),
        ("/usage", "step  model"),
        ("/context", "system prompt"),
        ("/sessions", "go"),
        ("/permissions", "There are no rules."),
        ("/nonsense", "there is no command /nonsense"),
        ("!echo from the shell", "from the shell"),
    ],
)
def test_commands_answer_in_the_transcript(machine, command, answer):
    async def play(pilot, desk):
        await said(pilot, "go")
        await said(pilot, command)
        await until(pilot, lambda: answer in text(pilot))
        assert command in text(pilot)

    chat(play, machine.desk(machine.script("Hello.")), size=(120, 40))


def test_all_of_an_output_is_read_on_a_screen_of_its_own(machine):
    block = "<helpers>\nfor n in range(100): print('row', n)\n</helpers>"

    async def play(pilot, desk):
        await said(pilot, "go")
        await until(pilot, lambda: "lines more" in text(pilot))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reading))
        await until(pilot, lambda: "row 15" in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Reading))

    chat(play, machine.desk(machine.script(block, "Done.")))


def test_undo_takes_the_turn_out_of_the_transcript_and_offers_its_prompt(machine):
    async def play(pilot, desk):
        await said(pilot, "first thing")
        await said(pilot, "second thing")
        await until(pilot, lambda: "Two." in text(pilot))
        await said(pilot, "/undo")
        await until(pilot, lambda: "Two." not in text(pilot))
        assert "One." in text(pilot)
        assert pilot.app.screen.query_one(Prompt).text == "second thing"
        assert prompts(desk) == ["first thing"]

    chat(play, machine.desk(machine.script("One.", "Two.")))


def test_a_command_is_completed(machine):
    async def play(pilot, desk):
        await typed(pilot, "/mod")
        menu = pilot.app.screen.query_one(Menu)
        await until(pilot, lambda: menu.is_open)
        assert "/models" in text(pilot)
        assert "show or change the model" in text(pilot)
        await pilot.press("tab")
        assert pilot.app.screen.query_one(Prompt).text == "/model"
        await pilot.press("tab")
        assert pilot.app.screen.query_one(Prompt).text == "/models"
        await pilot.press("shift+tab", "enter")
        assert not menu.is_open
        assert pilot.app.screen.query_one(Prompt).text == "/model"

    chat(play, machine.desk())


def test_a_file_is_completed_and_attached(machine):
    (machine.project / "notes.txt").write_text("buy milk\n")

    async def play(pilot, desk):
        await typed(pilot, "see @no")
        await until(pilot, lambda: pilot.app.screen.query_one(Menu).is_open)
        await pilot.press("tab", "enter", "enter")
        await until(pilot, lambda: stops(desk) == ["end_turn"])
        (started,) = events(desk, TurnStarted)
        assert "buy milk" in "".join(part.text for part in started.prompt)
        await until(pilot, lambda: "attached notes.txt (1 line)" in text(pilot))

    chat(play, machine.desk(machine.script("I see.")))


def test_what_was_sent_comes_back_in_this_chat_and_in_the_next(machine):
    async def play(pilot, desk):
        await said_at_once(pilot, "one thing")
        await until(pilot, lambda: stops(desk) == ["end_turn"])
        await said_at_once(pilot, "other thing")
        await until(pilot, lambda: len(stops(desk)) == 2)
        prompt = pilot.app.screen.query_one(Prompt)
        await pilot.press("up", "up")
        assert prompt.text == "one thing"
        await pilot.press("down")
        assert prompt.text == "other thing"

    async def later(pilot, desk):
        prompt = pilot.app.screen.query_one(Prompt)
        await typed(pilot, "one")
        await until(pilot, lambda: prompt.suggestion == " thing")
        await pilot.press("right")
        assert prompt.text == "one thing"

    model = machine.script("One.", "Two.")
    chat(play, machine.desk(model))
    chat(later, machine.desk(model))


def test_a_large_paste_is_one_line_until_it_is_sent(machine):
    pasted = "\n".join(f"row {number}" for number in range(50))

    async def play(pilot, desk):
        prompt = pilot.app.screen.query_one(Prompt)
        from textual.events import Paste

        prompt.post_message(Paste(pasted))
        await until(pilot, lambda: prompt.text == "[Pasted text #1: 50 lines]")
        await pilot.press("enter")
        await until(pilot, lambda: stops(desk) == ["end_turn"])
        assert prompts(desk) == [pasted]

    chat(play, machine.desk(machine.script("I see.")))


def test_alt_enter_begins_a_line_and_the_prompt_grows(machine):
    async def play(pilot, desk):
        await typed(pilot, "one")
        await pilot.press("ctrl+j")
        await typed(pilot, "two")
        prompt = pilot.app.screen.query_one(Prompt)
        assert prompt.text == "one\ntwo"
        await pilot.pause()
        assert prompt.size.height == 2
        await pilot.press("enter")
        await until(pilot, lambda: prompts(desk) == ["one\ntwo"])

    chat(play, machine.desk(machine.script("Hello.")))


def test_a_saved_session_goes_on_where_it_was(machine):
    async def begin(pilot, desk):
        await said(pilot, "remember me")
        names.append(desk.assembly.session_id)

    async def later(pilot, desk):
        await until(pilot, lambda: "remember me" in text(pilot))
        assert "Hello again." in text(pilot)
        await said(pilot, "and now")
        assert prompts(desk) == ["remember me", "and now"]

    names = []
    model = machine.script("Hello again.", "Yes.")
    chat(begin, machine.desk(model))
    chat(later, machine.desk(model, session=names[0]))


def test_a_session_that_is_not_there_is_said(machine):
    async def play(pilot, _):
        await until(pilot, lambda: "there is no session" in text(pilot))

    async def run():
        async with full_screen(machine.desk(session="nothing"), ready=False) as pilot:
            await play(pilot, None)

    asyncio.run(run())


def test_the_theme_changes_by_the_command(machine):
    async def play(pilot, desk):
        await said(pilot, "/theme light")
        assert pilot.app.theme == "light"
        assert "theme: light" in line_with(pilot, "theme: light")

    chat(play, machine.desk())


def test_a_line_that_is_hostile_commands_nothing(machine):
    block = "<helpers>\nprint('\\x1b[2J\\x1b]0;owned\\x07[bold]not markup[/bold]')\n</helpers>"

    async def play(pilot, desk):
        await said(pilot, "go")
        await until(pilot, lambda: "[bold]not markup[/bold]" in text(pilot))
        assert "\x1b" not in text(pilot)

    chat(play, machine.desk(machine.script(block, "Done.")))


def burst(pilot, *keys):
    """Press keys so fast that all of them are there before anything is done about the first."""
    for key in keys:
        character = key if len(key) == 1 else None
        pilot.app.post_message(Key(key, character))


def test_keys_that_come_at_once_are_done_in_their_order(machine):
    async def play(pilot, desk):
        prompt = pilot.app.screen.prompt
        burst(pilot, "a", "b", "backspace", "c", "left", "d", "ctrl+u", "e", "home", "f")
        await until(pilot, lambda: prompt.text == "fec")

    chat(play, machine.desk(machine.script("Hello.")))


def test_keys_behind_ctrl_t_are_about_blocks(machine):
    async def play(pilot, desk):
        await said(pilot, "first")
        await said(pilot, "second")
        transcript, prompt = pilot.app.screen.transcript, pilot.app.screen.prompt
        burst(pilot, "ctrl+t", "up", "up")
        await until(pilot, lambda: 0 <= transcript.chosen < len(transcript.rows) - 1)
        assert prompt.text == ""

    chat(play, machine.desk(machine.script("One.", "Two.")))


def test_a_control_character_stays_in_the_text_and_is_not_drawn(machine):
    async def play(pilot, desk):
        prompt = pilot.app.screen.prompt
        prompt.put("a\x1b[31mb\x07\x9bc\td")
        await until(pilot, lambda: "[31mb" in text(pilot))
        assert not {"\x1b", "\x07", "\x9b"} & {*text(pilot)}
        assert prompt.text == "a\x1b[31mb\x07\x9bc\td"

    chat(play, machine.desk(machine.script("Hello.")))


def test_a_session_that_cannot_be_opened_goes_on_when_it_can(machine):
    script = machine.script("One.", "Two.")

    async def before(pilot, desk):
        await said(pilot, "a question")

    chat(before, machine.desk(script))
    (path,) = machine.sessions.glob("*.jsonl")
    away = path.rename(machine.root / path.name)
    chat(before, machine.desk(script))

    async def play(pilot, desk):
        await until(pilot, lambda: "there is no session" in text(pilot))
        await until(pilot, lambda: "no session is open" in text(pilot))
        assert desk.failure is not None
        await pilot.press("f5")
        await until(pilot, lambda: "a question" in text(pilot))
        await pilot.press("f4", "f2")
        away.rename(path)
        desk.work.enter("second")
        await until(pilot, lambda: "Two." in text(pilot))
        assert desk.failure is None
        await until(pilot, lambda: not desk.work.busy)
        await pilot.press("f4")
        await until(pilot, lambda: "Answer" in text(pilot))

    chat(play, machine.desk(script, session=path.stem), ready=False)


def test_a_turn_that_was_broken_off_waits_for_nothing_where_it_cannot_go_on(machine):
    async def before(pilot, desk):
        desk.work.enter("go")
        await until(pilot, lambda: "word word" in text(pilot))

    script = machine.script(SLOW)
    chat(before, machine.desk(script))
    (path,) = machine.sessions.glob("*.jsonl")
    begun = path.read_text().splitlines(keepends=True)[:4]
    assert "step.started" in begun[3]
    path.write_text("".join(begun))

    async def play(pilot, desk):
        await until(pilot, lambda: "is being written" in text(pilot))
        assert "❯ go" in text(pilot)
        assert "Waiting" not in text(pilot)

    with path.open("ab") as held:
        lock(held.fileno(), path)
        chat(play, machine.desk(script, session=path.stem), ready=False)


def test_what_is_entered_before_the_session_is_open_comes_after_a_turn_that_was_broken_off(machine):
    async def before(pilot, desk):
        desk.work.enter("go")
        await until(pilot, lambda: "word word" in text(pilot))

    script = machine.script(SLOW, "Next.")
    chat(before, machine.desk(script))
    (path,) = machine.sessions.glob("*.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    machine.script("Whole.", "Next.")

    async def play(pilot, desk):
        desk.work.enter("next")
        await until(pilot, lambda: stops(desk) == ["end_turn", "end_turn"])
        await until(pilot, lambda: not desk.work.busy)
        assert prompts(desk) == ["go", "next"]
        assert "error" not in text(pilot)
        assert text(pilot).count("the last turn was not finished") == 1

    chat(play, machine.desk(script, session=path.stem), ready=False)
