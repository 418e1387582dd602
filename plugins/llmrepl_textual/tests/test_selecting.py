"""Text that is selected with the mouse and copied, wherever something is drawn row by row."""

import asyncio

from llmrepl_textual.tests.host import full_screen, lines, until
from llmrepl_textual.tests.sessions import eventful, saved
from llmrepl_textual.widgets.rows import Rows
from llmrepl_textual.widgets.sheet import Sheet


async def dragged(pilot, widget, begin, end):
    """Select from one cell of a widget to another."""
    await pilot.mouse_down(widget, offset=begin)
    await pilot.hover(widget, offset=end)
    await pilot.mouse_up(widget, offset=end)


def place_of(pilot, widget, words):
    """Return where words stand in a widget."""
    top = widget.content_region.y
    shown = [line[widget.content_region.x :] for line in lines(pilot)][top:]
    row, line = next((at, line) for at, line in enumerate(shown) if words in line)
    left = widget.content_region.x - widget.region.x
    return left + line.index(words), row + widget.content_region.y - widget.region.y


def test_what_the_inspector_says_is_selected_and_copied(machine):
    async def play():
        desk = machine.desk(session=saved(machine, eventful()))
        async with full_screen(desk, size=(100, 30)) as pilot:
            await pilot.press("f4", "end")
            await until(pilot, lambda: any('"type"' in line for line in lines(pilot)))
            sheet = pilot.app.screen.query_one(Sheet)
            column, row = place_of(pilot, sheet, '"type"')
            await dragged(pilot, sheet, (column, row), (column + 5, row))
            await pilot.press("ctrl+c")
            assert pilot.app.clipboard == '"type"'
            await dragged(pilot, sheet, (column, row), (column + 5, row + 1))
            await pilot.press("ctrl+c")
            assert pilot.app.clipboard.count("\n") == 1

    asyncio.run(play())


def test_a_row_of_a_list_is_selected_and_copied_and_keys_stay_where_they_were(machine):
    async def play():
        saved(machine, eventful(), "one")
        desk = machine.desk(session=saved(machine, eventful(), "two"))
        async with full_screen(desk, size=(100, 30)) as pilot:
            await pilot.press("f5")
            rows = pilot.app.screen.query_one(Rows)
            await until(pilot, lambda: rows.count == 2)
            await until(pilot, lambda: any("What is in" in line for line in lines(pilot)))
            column, row = place_of(pilot, rows, "What is in")
            await dragged(pilot, rows, (column, row + 1), (column + 9, row + 1))
            assert rows.at == 0
            await pilot.press("ctrl+c")
            assert pilot.app.clipboard == "What is in"
            await pilot.click(rows, offset=(column, row + 1))
            assert rows.at == 1

    asyncio.run(play())
