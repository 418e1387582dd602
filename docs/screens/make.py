"""Draw chats that stand in the documentation: python -m docs.screens.make [PAGE…].

A chat below a mark `<!-- screen: NAME -->` is held again in a terminal, after all the commands that
stand before it on its page, and what the terminal shows becomes docs/screens/NAME.svg.
"""

from __future__ import annotations

import re
import shutil
import sys
from io import StringIO
from pathlib import Path

import click
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tests.docs.console import COLUMNS, ROOT, Command, Shell, commands
from tests.docs.test_commands import NOT_RUN

SCREENS = Path(__file__).parent
HOME = Path("/tmp/ann")  # noqa: S108 - it is in the pictures, and a chat in a terminal has no other
PAGES = (ROOT / "README.md", ROOT / "docs/tutorial.md")
TITLE = "llmrepl"

THEME = TerminalTheme(
    (250, 250, 248),
    (40, 44, 52),
    [
        (40, 44, 52),
        (190, 50, 50),
        (40, 125, 60),
        (150, 100, 0),
        (40, 90, 190),
        (140, 60, 150),
        (0, 115, 130),
        (200, 200, 200),
    ],
)
"""Background, text and the eight colours; each but white has a contrast of at least 4.8."""

TEMPLATE = """\
<svg viewBox="0 0 {width} {height}" xml:space="preserve" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 16px; font-family: sans-serif; }}
{styles}
</style>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""What rich fills in. Unlike its own, this loads no font from anywhere."""


def draw(page: Path) -> None:
    """Hold the chats of a page, and draw those that are to be pictures."""
    HOME.mkdir()
    shell = Shell(HOME / "tea", HOME)
    try:
        for command in commands(page):
            if command.text in NOT_RUN:
                continue
            if command.is_chat:
                _draw_chat(shell, command)
            else:
                shell.run(command.text)
    finally:
        shell.close()
        shutil.rmtree(HOME)


def _draw_chat(shell: Shell, command: Command) -> None:
    with shell.chat(command.text) as terminal:
        *lines, last = command.typed
        for line in lines:
            terminal.type(line)
        if command.screen:
            picture = SCREENS / f"{command.screen}.svg"
            picture.write_text(svg(cropped(terminal.rows())), "utf-8")
            click.echo(picture)
        terminal.type(last)


def cropped(rows: list[str]) -> list[str]:
    """Return the rows without the empty ones between the prompt and the status line."""
    *above, status = rows
    while above and not above[-1]:
        above.pop()
    return [*above, status]


def svg(rows: list[str], *, width: int = COLUMNS, name: str | None = None) -> str:
    """Return a picture of a terminal's rows, which hold escape sequences for colours.

    Its styles are called by `name`, or else by what is in it.
    """
    console = Console(width=width, record=True, file=StringIO())
    console.print(Text.from_ansi("\n".join(rows)))
    drawn = console.export_svg(title=TITLE, theme=THEME, code_format=TEMPLATE, unique_id=name)
    # Cut to its line, as rich has it, a text of this font loses what hangs below.
    return re.sub(r' clip-path="url\(#[\w-]+-line-\d+\)"', "", drawn)


if __name__ == "__main__":
    for name in sys.argv[1:] or PAGES:
        draw(ROOT / name)
