"""Saved sessions are listed, found, opened, marked, forked, tagged, exported and deleted."""

import asyncio

import pytest
from textual.widgets import Input

from llmrepl.compose.exporting import exported
from llmrepl.redaction import NOTHING
from llmrepl.sessions.branching.contrast import contrast
from llmrepl.sessions.catalog import ids
from llmrepl.sessions.finding import records_of
from llmrepl.sessions.keeping.tags import tag, tags_of
from llmrepl.sessions.listing import sessions
from llmrepl.sessions.lock import holder
from llmrepl_textual.screens.sessions import Sessions
from llmrepl_textual.studying.compare import Compare
from llmrepl_textual.studying.shelf import AT_ONCE
from llmrepl_textual.studying.shown import Forest, Hits, Listed
from llmrepl_textual.tests.host import full_screen, lines, said, text, until
from llmrepl_textual.tests.shelf import listen, many, noted, saved
from llmrepl_textual.widgets.dialogs import Ask, Confirm, Pick

NAMES = ("several-steps", "is-a-fork", "forked-here", "draws-a-plot", "bash-pipeline")


def study(machine, play, *, names=NAMES, model="Hello there.", **options):
    """Run `play` on the sessions screen, once it lists what there is."""
    saved(machine, *names)

    async def run():
        desk = machine.desk(machine.script(model))
        async with full_screen(desk, **options) as pilot:
            listen(pilot)
            await pilot.press("f5")
            view = pilot.app.screen
            assert isinstance(view, Sessions)
            await until(pilot, lambda: len(view.shown) == len(names))
            await play(pilot, view)

    asyncio.run(run())


def listed(view):
    return [view.shown.session(at) for at in range(len(view.shown))]


async def chosen(pilot, view, name):
    """Let keys be about a session."""
    view.rows.at = await until(pilot, lambda: name in listed(view)) and listed(view).index(name)


async def looked(pilot, view, query, kind):
    """Search, and wait for what comes of it."""
    before = view.shown
    view.query_one(Input).value = query
    await until(pilot, lambda: view.shown is not before and isinstance(view.shown, kind))


async def asked(pilot, kind):
    """Wait for a dialog, and return it."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_attached)
    await pilot.pause()
    return pilot.app.screen


def test_sessions_are_listed_the_one_used_last_first(machine):
    async def play(pilot, view):
        assert listed(view) == [*NAMES]
        assert view.here == ""
        await until(pilot, lambda: "several-steps · 23 records" in text(pilot))
        await pilot.press("down", "down")
        await until(pilot, lambda: "forked-here · 22 records · 2 turns" in text(pilot))
        await pilot.press("f2")
        await said(pilot, "hi")
        await pilot.press("f5")  # what has changed meanwhile is read
        await until(pilot, lambda: listed(view)[:1] == [view.here])
        assert view._chosen == "forked-here"

    study(machine, play)


def test_of_many_sessions_those_are_read_that_somebody_looks_at(machine):
    many(machine, 400)

    async def run():
        desk = machine.desk()
        async with full_screen(desk) as pilot:
            await pilot.press("f5")
            view = pilot.app.screen
            await until(pilot, lambda: len(view.shown))
            await until(pilot, lambda: not view._reading.locked())
            assert len(view.shown) == AT_ONCE
            assert "64 of 400 sessions read" in text(pilot)
            assert listed(view)[0] == "s00399"
            await pilot.press("end")
            await until(pilot, lambda: len(view.shown) >= 2 * AT_ONCE)
            while not view._ended:
                await pilot.press("end")
            await until(pilot, lambda: "400 sessions" in text(pilot))
            assert listed(view) == [f"s{number:05}" for number in range(399, -1, -1)]

    asyncio.run(run())


def test_words_tags_and_models_are_searched_for(machine):
    async def play(pilot, view):
        directory = machine.sessions
        tag(directory, "forked-here", ["Keep"])
        await looked(pilot, view, "lines", Hits)
        assert {*listed(view)} == {"forked-here", "is-a-fork"}
        assert "How many lines?" in text(pilot)
        await looked(pilot, view, "lines #keep", Hits)
        assert {*listed(view)} == {"forked-here"}
        await until(pilot, lambda: " 1 record" in lines(pilot))
        await looked(pilot, view, "#keep", Listed)
        assert listed(view) == ["forked-here"]
        await looked(pilot, view, "model:PLOT", Listed)
        assert listed(view) == ["draws-a-plot"]
        await looked(pilot, view, '"no such words" #keep', Hits)
        assert listed(view) == []
        await pilot.press("slash", "escape", "escape")
        await until(pilot, lambda: len(view.shown) == len(NAMES))
        assert view.query_one(Input).value == ""

    study(machine, play)


def test_a_search_that_cannot_be_is_said(machine):
    async def play(pilot, view):
        view.query_one(Input).value = "!!!"
        await until(pilot, lambda: noted(pilot, "there is no word to search for"))
        assert len(view.shown) == len(NAMES)

    study(machine, play)


def test_a_session_is_opened_in_the_chat(machine):
    async def play(pilot, view):
        await chosen(pilot, view, "bash-pipeline")
        await pilot.press("enter")
        await until(pilot, lambda: view.here == "bash-pipeline")
        assert pilot.app.current_mode == "chat"
        await until(pilot, lambda: "resumed session bash-pipeline" in text(pilot))
        assert holder(machine.sessions / "bash-pipeline.jsonl")

    study(machine, play)


def test_trees_of_forks_are_drawn_and_a_branch_is_opened(machine):
    async def play(pilot, view):
        await pilot.press("t")
        await until(pilot, lambda: isinstance(view.shown, Forest))
        assert listed(view) == ["forked-here", "is-a-fork"]
        assert "└─ ○ is-a-fork  turn 1" in text(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: view.here == "is-a-fork")
        await pilot.press("f5")
        await until(pilot, lambda: "└─ ● is-a-fork" in text(pilot))
        await pilot.press("t")
        await until(pilot, lambda: isinstance(view.shown, Listed))

    study(machine, play)


def test_what_a_tree_leaves_out_is_shown_on_demand(machine):
    from llmrepl.sessions.branching.forking import fork

    async def play(pilot, view):
        for number in range(30):
            fork(machine.sessions, "several-steps", 5, name=f"b{number:02}")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(view.shown, Forest))
        gaps = [at for at, name in enumerate(listed(view)) if not name]
        assert gaps
        assert view.shown.left_out(gaps[0]) is not None
        view.rows.at = gaps[0]
        await pilot.press("enter")
        await until(pilot, lambda: "b17" in listed(view) and "" not in listed(view))
        assert len(view.shown) == 31 + 2

    study(machine, play)


def test_two_sessions_are_compared_side_by_side(machine):
    async def play(pilot, view):
        await pilot.press("c")
        await until(pilot, lambda: noted(pilot, "Space marks a session"))
        await chosen(pilot, view, "forked-here")
        await pilot.press("space")
        assert view.marked == "forked-here"
        await chosen(pilot, view, "is-a-fork")
        await pilot.press("c")
        compare = pilot.app.screen
        assert isinstance(compare, Compare)
        found = await until(pilot, lambda: compare.found)
        left, right = (
            records_of(machine.sessions / f"{name}.jsonl")[1]
            for name in ("forked-here", "is-a-fork")
        )
        assert found == contrast(left, right)
        assert found.common == 11
        await until(pilot, lambda: "common: 11 records" in text(pilot))
        await pilot.press("s")
        assert compare.names == ("is-a-fork", "forked-here")
        assert compare.found.left == found.right
        await pilot.press("escape")
        assert pilot.app.screen is view

    study(machine, play)


def test_a_session_is_forked_at_a_record_that_was_found(machine):
    async def play(pilot, view):
        await looked(pilot, view, "bytes", Hits)
        seq = view.shown.record(len(view.shown) - 1)
        view.rows.at = len(view.shown) - 1
        await pilot.press("f")
        question = await asked(pilot, Ask)
        line = question.query_one(Input)
        assert line.value == f"at {seq}"
        line.value = f"mine at {seq}"
        await pilot.press("enter")
        await until(pilot, lambda: "mine" in ids(machine.sessions))
        _, records = records_of(machine.sessions / "mine.jsonl")
        assert len(records) == seq
        await until(pilot, lambda: pilot.popped)
        (told,) = pilot.popped
        assert told.startswith(f"session mine: {seq} of ")

    study(machine, play)


def test_a_place_that_is_none_forks_nothing(machine):
    async def play(pilot, view):
        await pilot.press("f")
        question = await asked(pilot, Ask)
        question.query_one(Input).value = "turn 99"
        await pilot.press("enter")
        await until(pilot, lambda: noted(pilot, "there is no turn 99"))
        await pilot.press("f")
        await asked(pilot, Ask)
        await pilot.press("escape")
        assert {*ids(machine.sessions)} == {*NAMES}

    study(machine, play)


def test_tags_are_given_and_taken(machine):
    async def play(pilot, view):
        path = machine.sessions / "draws-a-plot.jsonl"
        tag(machine.sessions, "draws-a-plot", ["old", "plot"])
        await chosen(pilot, view, "draws-a-plot")
        await pilot.press("g")
        question = await asked(pilot, Ask)
        assert question.query_one(Input).value == "old plot"
        question.query_one(Input).value = "plot keep"
        await pilot.press("enter")
        await until(pilot, lambda: "#plot  #keep" in text(pilot))
        assert tags_of(records_of(path)[1]) == ("plot", "keep")
        await pilot.press("f2")
        await said(pilot, "hi")
        await pilot.press("f5")
        await until(pilot, lambda: view.here in listed(view))
        await chosen(pilot, view, view.here)
        await pilot.press("g")  # the session that the chat is in, which nobody else may write
        question = await asked(pilot, Ask)
        question.query_one(Input).value = "mine"
        await pilot.press("enter")
        await until(pilot, lambda: tags_of([*view.desk.records]) == ("mine",))

    study(machine, play)


def test_a_session_is_deleted_where_the_person_says_so(machine):
    async def play(pilot, view):
        await chosen(pilot, view, "forked-here")
        await pilot.press("d")
        await asked(pilot, Confirm)
        assert "is-a-fork was forked from forked-here" in text(pilot)
        await pilot.press("escape")
        assert "forked-here" in ids(machine.sessions)
        await pilot.press("d")
        await asked(pilot, Confirm)
        await pilot.press("x", "y")
        await until(pilot, lambda: "forked-here" not in listed(view))
        assert {*ids(machine.sessions)} == {*NAMES} - {"forked-here"}

    study(machine, play)


def test_a_session_is_deleted_with_its_forks(machine):
    async def play(pilot, view):
        await chosen(pilot, view, "forked-here")
        await pilot.press("d")
        await asked(pilot, Confirm)
        await pilot.press("f")
        await until(pilot, lambda: len(view.shown) == len(NAMES) - 2)
        assert {*ids(machine.sessions)} == {*NAMES} - {"forked-here", "is-a-fork"}

    study(machine, play)


def test_the_session_that_the_chat_is_in_is_not_deleted(machine):
    async def play(pilot, view):
        view.desk.work.enter("/resume is-a-fork")
        await until(pilot, lambda: view.here == "is-a-fork")
        await chosen(pilot, view, "is-a-fork")
        await pilot.press("d")
        await until(pilot, lambda: noted(pilot, "the chat is in session is-a-fork"))
        await chosen(pilot, view, "forked-here")
        await pilot.press("d")
        await asked(pilot, Confirm)
        await pilot.press("f")
        await until(pilot, lambda: noted(pilot, "which was forked from forked-here"))
        assert {*ids(machine.sessions)} == {*NAMES}

    study(machine, play)


@pytest.mark.parametrize("name", ["md", "ipynb"])
def test_a_session_is_exported(machine, name):
    async def play(pilot, view):
        await chosen(pilot, view, "bash-pipeline")
        await pilot.press("x")
        pick = await asked(pilot, Pick)
        await pilot.press(*["down"] * [*pick._things].index(name), "enter")
        question = await asked(pilot, Ask)
        file = machine.project / question.query_one(Input).value
        assert file.name == f"bash-pipeline.{name}"
        await pilot.press("enter")
        await until(pilot, file.exists)
        log = machine.sessions / "bash-pipeline.jsonl"
        await until(pilot, lambda: file.read_text() == exported(log, name, NOTHING, "timeline")[0])
        await pilot.press("x")
        await asked(pilot, Pick)
        await pilot.press(*["down"] * [*pick._things].index(name), "enter")
        await asked(pilot, Ask)
        await pilot.press("enter")  # a file that is there stays as it is
        await until(pilot, lambda: noted(pilot, "exists already"))

    study(machine, play)


def test_what_the_system_refuses_is_said(machine):
    async def play(pilot, view):
        await chosen(pilot, view, "bash-pipeline")
        await pilot.press("x")
        await asked(pilot, Pick)
        await pilot.press("enter")
        question = await asked(pilot, Ask)
        question.query_one(Input).value = "n" * 300
        await pilot.press("enter")
        await until(pilot, lambda: noted(pilot, "File name too long"))

        async def refused():
            raise PermissionError(13, "Permission denied", "sessions")

        view.do("errand", refused)
        await until(pilot, lambda: noted(pilot, "Permission denied"))

    study(machine, play)


def test_where_there_are_no_sessions_it_says_so(machine):
    async def play(pilot, view):
        await until(pilot, lambda: "no sessions yet" in text(pilot))
        await pilot.press("enter", "space", "r", "v", "f", "g", "x", "d")
        assert pilot.app.screen is view
        await pilot.press("t")
        await until(pilot, lambda: "no forks yet" in text(pilot))
        assert [*sessions(machine.sessions)] == []

    study(machine, play, names=())
