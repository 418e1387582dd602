"""Draw the full screen for the documentation: python -m docs.screens.full_screen.

A conversation is held with a scripted model, and what the screens show becomes
docs/screens/full-screen/NAME.svg.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from docs.screens.make import TEMPLATE, THEME

PICTURES = Path(__file__).with_name("full-screen")
HOME = Path("/tmp/ann")  # noqa: S108 - it is in the pictures
SIZE = (100, 34)
PATIENCE = 60.0

SCRIPT = """\
=======
usage: 912/71

I count them.

<helpers>
from collections import Counter
from pathlib import Path
words = Path("tea.txt").read_text().lower().split()
for word, times in Counter(words).most_common(4):
    print(times, word)
</helpers>
=======
usage: 1130/86

The most frequent word is **tea**:

| word | times |
|---|---|
| tea | 4 |
| the | 3 |
| green | 2 |

```python
Counter(words).most_common(4)
```
=======
usage: 1300/40

I look up who you are.

<helpers lang="bash">
getent passwd ann
</helpers>
=======
Done.
"""
TEA = "The green tea and the black tea\nTea is made of leaves\nOf the green leaves of tea\n"


async def _until(pilot: Any, true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await pilot.pause(0.05)


def draw(app: Any, name: str) -> None:
    """Save what the screen shows."""
    columns, rows = app.size
    console = Console(
        width=columns,
        height=rows,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
    )
    strips = app.screen._compositor.render_update(  # noqa: SLF001 - as App.export_screenshot does
        full=True, screen_stack=app.screen_stack[:-1], simplify=True
    )
    console.print(strips)
    picture = console.export_svg(title="llmrepl tui", theme=THEME, code_format=TEMPLATE)
    PICTURES.mkdir(exist_ok=True)
    text = "\n".join(line.rstrip() for line in picture.splitlines())
    (PICTURES / f"{name}.svg").write_text(text + "\n")


async def _hold() -> None:
    from llmrepl.compose.opening import Wanted
    from llmrepl.config import load
    from llmrepl_textual.app import FullScreen
    from llmrepl_textual.desk import Desk
    from llmrepl_textual.prompt.menu import Menu
    from llmrepl_textual.question import Question

    settings = {"model": "scripted/tea.script", "ui.theme": "light", "sandbox.net": ["example.org"]}
    loaded = load(settings, os.environ, Path.cwd())
    desk = Desk(loaded, Wanted(session="tea"), environ=os.environ, cwd=Path.cwd())
    app = FullScreen(desk)
    async with app.run_test(size=SIZE) as pilot:
        assembly = await desk.ready()
        assert assembly.warming is not None
        await assembly.warming
        desk.work.enter("Which words are in tea.txt most often?")
        await _until(pilot, lambda: isinstance(app.screen, Question) or not desk.work.busy)
        if isinstance(app.screen, Question):
            await asyncio.sleep(1)
            await pilot.press("y")
        await _until(pilot, lambda: not desk.work.busy)
        await pilot.pause(1)
        draw(app, "chat")
        await pilot.press("slash", "m", "o")
        await _until(pilot, lambda: app.screen.query_one(Menu).is_open)
        await pilot.pause(0.5)
        draw(app, "menu")
        await pilot.press("ctrl+c")
        desk.work.enter("Who am I?")
        await _until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.pause(1)
        draw(app, "question")
        await pilot.press("n")
        await _until(pilot, lambda: not desk.work.busy)
        await pilot.press("f9")
        await pilot.pause(1)
        draw(app, "palette")
        await pilot.press("escape", "f1")
        await pilot.pause(1)
        draw(app, "help")
    await desk.close()


def main() -> None:
    """Draw all pictures."""
    project = HOME / "tea"
    project.mkdir(parents=True)
    try:
        (project / ".git").mkdir()
        (project / "tea.txt").write_text(TEA)
        (project / "tea.script").write_text(SCRIPT)
        os.environ.update(HOME=str(HOME), OLLAMA_HOST="http://127.0.0.1:1")
        os.chdir(project)
        asyncio.run(_hold())
    finally:
        shutil.rmtree(HOME)


if __name__ == "__main__":
    sys.exit(main())
