"""What a person is asked before a block runs, and what their keys do."""

import asyncio

import pytest
from textual.widgets import Input

from llmrepl.conversing.guard import GRACE
from llmrepl.events import ApprovalDecided, ApprovalRequested, ToolFinished, TurnFinished
from llmrepl_textual.question import Question
from llmrepl_textual.tests.host import events, full_screen, text, typed, until

BLOCK = 'Look.\n\n<helpers lang="bash">\ngetent passwd root; echo it has run\n</helpers>\n'
"""It starts a program of which nothing is known."""


@pytest.fixture
def ask(machine):
    """Have a model send such a block, and give the pilot when the person is asked."""

    def run(play):
        async def talk():
            desk = machine.desk(machine.script(BLOCK, "Done."), **{"sandbox.net": ["example.org"]})
            async with full_screen(desk, size=(100, 30)) as pilot:
                desk.work.enter("go")
                await until(pilot, lambda: isinstance(pilot.app.screen, Question))
                await until(pilot, lambda: "Run this bash block?" in text(pilot))
                await asyncio.sleep(2 * GRACE)
                await play(pilot, desk)
                await until(pilot, lambda: not desk.work.busy)

        asyncio.run(talk())

    return run


def decisions(desk):
    return [event.decision for event in events(desk, ApprovalDecided)]


def results(desk):
    return [event.status for event in events(desk, ToolFinished)]


async def is_over(pilot, desk):
    await until(pilot, lambda: not desk.work.busy)
    assert not isinstance(pilot.app.screen, Question)


def test_everything_stands_there_that_the_line_repl_says(ask):
    async def play(pilot, desk):
        shown = text(pilot)
        (asked,) = events(desk, ApprovalRequested)
        assert "getent passwd root" in shown
        assert asked.question in " ".join(shown.split())
        assert "Run this bash block?" in shown
        for words in ("yes, once", "yes, this session", "always", "never", "edit", "say why"):
            assert words in shown
        await pilot.press("y")

    ask(play)


@pytest.mark.parametrize(
    ("key", "decision", "status"),
    [("y", "once", "ok"), ("s", "session", "ok"), ("n", "deny", "denied")],
)
def test_a_key_answers(ask, key, decision, status):
    async def play(pilot, desk):
        await pilot.press(key)
        await is_over(pilot, desk)
        assert (decisions(desk), results(desk)) == ([decision], [status])

    ask(play)


def test_nothing_is_put_above_it(ask):
    async def play(pilot, desk):
        await pilot.press("f9", "f1")
        assert isinstance(pilot.app.screen, Question)
        await asyncio.sleep(2 * GRACE)
        await pilot.press("n")
        await is_over(pilot, desk)

    ask(play)


@pytest.mark.parametrize("size", [(30, 8), (40, 10), (60, 12)])
def test_every_answer_is_there_where_there_is_little_room(ask, size):
    async def play(pilot, desk):
        await pilot.resize_terminal(*size)
        await until(pilot, lambda: "say why" in text(pilot))
        shown = text(pilot)
        for words in ("Run this bash", "y yes", "s yes", "a always", "v never", "e edit", "n no"):
            assert words in shown
        screen = pilot.app.screen
        choices = screen.query_one("#choices")
        (place,) = [each for each in screen._choices.places if each.answer == "deny"]
        await pilot.click(choices, offset=(place.columns.start, place.row))
        await is_over(pilot, desk)
        assert decisions(desk) == ["deny"]

    ask(play)


def test_a_choice_is_clicked(ask):
    async def play(pilot, desk):
        choices = pilot.app.screen.query_one("#choices")
        await pilot.click(choices, offset=(2, 0))  # the question itself is none
        assert isinstance(pilot.app.screen, Question)
        names = [*pilot.app.screen._options.values()]
        await pilot.click(choices, offset=(4, 1 + names.index("deny")))
        await is_over(pilot, desk)
        assert (decisions(desk), results(desk)) == (["deny"], ["denied"])

    ask(play)


def test_always_lets_the_rule_be_changed_and_keeps_it(ask):
    async def play(pilot, desk):
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press("enter")
        await is_over(pilot, desk)
        (decided,) = events(desk, ApprovalDecided)
        assert decided.decision == "always"
        assert decided.rules
        assert [str(rule) for rule in desk.assembly.gate.book.rules] == [*decided.rules]

    ask(play)


def test_a_rule_that_is_none_is_said_and_asked_again(ask):
    async def play(pilot, desk):
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await pilot.press("ctrl+u")
        await typed(pilot, "nonsense")
        await pilot.press("enter")
        await until(pilot, lambda: "this is no rule" in text(pilot))
        await pilot.press("ctrl+u", "enter")
        await is_over(pilot, desk)
        assert decisions(desk) == ["deny"]

    ask(play)


def test_a_no_says_why(ask):
    async def play(pilot, desk):
        await pilot.press("r")
        await until(pilot, lambda: "why not: " in text(pilot))
        await typed(pilot, "use id")
        await pilot.press("enter")
        await is_over(pilot, desk)
        (decided,) = events(desk, ApprovalDecided)
        assert (decided.decision, decided.reason) == ("deny", "use id")

    ask(play)


def test_a_block_is_edited_and_asked_about_again(ask):
    async def play(pilot, desk):
        await pilot.press("e")
        await until(pilot, lambda: "takes the change" in text(pilot))
        area = pilot.app.screen.query_one("#code")
        await pilot.press("ctrl+x", "ctrl+e")
        await until(pilot, lambda: "this terminal cannot be lent to an editor" in text(pilot))
        area.text = "getent group root; echo another"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Run this bash block?" in text(pilot))
        await until(pilot, lambda: "getent group root" in text(pilot))
        await asyncio.sleep(2 * GRACE)
        await pilot.press("y")
        await is_over(pilot, desk)
        (decided,) = events(desk, ApprovalDecided)
        assert decided.arguments["code"].startswith("getent group")

    ask(play)


def test_escape_goes_back_to_the_choices(ask):
    async def play(pilot, desk):
        await pilot.press("r")
        await until(pilot, lambda: "why not: " in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "Run this bash block?" in text(pilot))
        await asyncio.sleep(2 * GRACE)
        await pilot.press("y")
        await is_over(pilot, desk)
        assert decisions(desk) == ["once"]

    ask(play)


def test_ctrl_c_ends_the_whole_turn(ask):
    async def play(pilot, desk):
        await pilot.press("ctrl+c")
        await is_over(pilot, desk)
        assert [event.reason for event in events(desk, TurnFinished)] == ["cancelled"]
        assert results(desk) == ["cancelled"]

    ask(play)


def test_keys_that_come_right_behind_each_other_answer_nothing(ask):
    async def play(pilot, desk):
        pilot.app.screen.on_key(_key("y"))
        pilot.app.screen.on_key(_key("e"))
        await asyncio.sleep(2 * GRACE)
        assert isinstance(pilot.app.screen, Question)
        await pilot.press("n")
        await is_over(pilot, desk)
        assert decisions(desk) == ["deny"]

    ask(play)


def _key(letter):
    from textual.events import Key

    return Key(letter, letter)
