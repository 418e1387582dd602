"""prompt-toolkit's renderer, with rows on top of the prompt that change without drawing it anew.

What draws the prompt is kept as the text that the terminal is sent, until prompt-toolkit draws it
again. Laying it out costs twenty times what writing it does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout import Layout, Window
from prompt_toolkit.layout.screen import Char, Screen
from prompt_toolkit.renderer import Renderer
from prompt_toolkit.styles import BaseStyle

from llmrepl.repl.output import Output
from llmrepl.repl.sgr import rewritten

UNKNOWN = Char("?", "class:unknown")
"""What a cell is taken to hold that was not drawn by prompt-toolkit: it differs from any other."""


class PanelRenderer(Renderer):
    """Draws an application, and between its drawings the rows of its topmost window.

    Args:
        style: the application's.
        output: where it is drawn.
        above: the window of the rows.
    """

    output: Output

    def __init__(self, style: BaseStyle, output: Output, above: Window) -> None:
        self._above = above
        self._top = 0  # rows of the window on the screen
        self._below: str | None = None  # what draws everything else
        self._tight = False  # nothing is higher than it has to be
        super().__init__(style, output)

    def render(self, app: Application[Any], layout: Layout, is_done: bool = False) -> None:
        """Draw all of an application."""
        self._tight = self._last_screen is None  # else it is as high as it was, at the least
        self._below = None
        super().render(app, layout, is_done)
        screen = self._last_screen
        place = screen and screen.visible_windows_to_write_positions.get(self._above)
        self._top = place.height if place else 0

    def rewrite(self, app: Application[Any], before: Sequence[str], after: Sequence[str]) -> bool:
        """Change rows where they stand, if they are as many; return whether it could be done.

        Args:
            app: the application.
            before: the rows on the screen; each is narrower than it, as are the others.
            after: what they become.
        """
        if not self._holds(app) or not len(before) == len(after) == self._top:
            return False
        self.output.write_raw(rewritten(before, after, self._cursor_pos))
        return True

    def replace(self, app: Application[Any], lines: str, rows: Sequence[str]) -> bool:
        """Print lines above the rows, and put others in their place; return whether it was done.

        Args:
            app: the application.
            lines: text with a newline at its end, or none.
            rows: each narrower than the screen.
        """
        screen, output = self._last_screen, self.output
        if screen is None or not self._tight or not self._holds(app):
            return False
        height = screen.height - self._top
        if len(rows) + height > output.get_size().rows:
            return False
        if self._below is None:
            self._below = self._draws(app, screen)
        cursor, down = self._cursor_pos, len(rows) - self._top
        output.hide_cursor()
        output.write_raw("\r")
        output.cursor_up(cursor.y)
        output.erase_down()
        output.write_raw(lines)
        output.write_raw("".join(f"{row}\x1b[0m\r\n" for row in rows))
        output.write_raw(self._below)
        self._cursor_pos = Point(cursor.x, cursor.y + down)
        output.cursor_up(screen.height - 1 - cursor.y)
        output.cursor_forward(cursor.x)
        if screen.show_cursor:
            output.show_cursor()
        self._move(screen, down)
        return True

    def _holds(self, app: Application[Any]) -> bool:
        """Return whether the prompt would be drawn as it was."""
        return (
            self._last_screen is not None
            and self._last_size == self.output.get_size()
            and self._last_style_hash == self.style.invalidation_hash()
            and self._last_color_depth == app.color_depth
            and self._last_transformation_hash == app.style_transformation.invalidation_hash()
        )

    def _draws(self, app: Application[Any], screen: Screen) -> str:
        """Return what draws the rows of `screen` below the window; the cursor ends in the last."""
        attributes, styled = self._attrs_for_style, self._style_string_has_style
        assert attributes is not None
        assert styled is not None
        output, depth = self.output, app.color_depth
        with output.aside() as written:
            output.disable_autowrap()
            for y in range(self._top, screen.height):
                row, style = screen.data_buffer[y], None
                used = (x for x, cell in row.items() if cell.char != " " or styled[cell.style])
                end = min(max(used, default=-1), output.get_size().columns - 1)
                x = 0
                while x <= end:
                    cell = row[x]
                    if cell.style != style:
                        style = cell.style
                        output.set_attributes(attributes[style], depth)
                    output.write(cell.char)
                    x += cell.width or 1
                output.reset_attributes()
                output.write_raw("\r\n" if y < screen.height - 1 else "\r")
            output.enable_autowrap()
        return "".join(written)

    def _move(self, screen: Screen, down: int) -> None:
        """Let `screen` be what the terminal shows when the prompt has moved `down`."""
        buffer, last = screen.data_buffer, self.output.get_size().columns - 1
        rows = {y + down: buffer[y] for y in range(self._top, screen.height)}
        self._top += down
        screen.height += down
        buffer.clear()
        buffer.update(rows)
        for y in range(self._top):
            buffer[y] = defaultdict(lambda: UNKNOWN, {last: UNKNOWN})
