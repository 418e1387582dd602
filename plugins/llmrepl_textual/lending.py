"""The terminal, lent to the person's own editor while the application waits."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

from textual.app import App, SuspendNotSupported

from llmrepl.conversing.drafting import external
from llmrepl.errors import LlmreplError

T = TypeVar("T")


async def lent(app: App[None], work: Callable[[], T]) -> T:
    """Give the terminal to `work`, which runs in a thread, and return what it returns.

    What goes on meanwhile goes on, and is drawn when that has ended.

    Raises:
        LlmreplError: there is no terminal that could be lent, such as in a browser.
    """
    stdout = sys.stdout
    try:
        with app.suspend(), app.batch_update():
            return await asyncio.to_thread(work)
    except SuspendNotSupported:
        raise LlmreplError("this terminal cannot be lent to an editor") from None
    finally:
        sys.stdout = stdout


async def changed(app: App[None], environ: Mapping[str, str], text: str, name: str) -> str:
    """Return what becomes of a text in the person's editor.

    Args:
        app: has the terminal.
        environ: the environment variables, of which VISUAL and EDITOR count.
        text: what to begin with; what no file can hold stands there as `?`.
        name: the file's, by which editors know the language.

    Raises:
        LlmreplError: there is no editor, or it did not work, or there is no terminal for it.
    """
    editor = external.editor_of(environ)
    if not editor:
        raise LlmreplError("there is no editor", hint="set VISUAL or EDITOR")
    written = text.encode(errors="replace").decode()
    return await lent(app, lambda: external.in_editor(written, name, editor))
