"""The process of a browser session: the full screen for a page, not for a terminal.

It is the front end `page`, which the server starts. The server is told which session is open, so
that a page can come back to it.
"""

from __future__ import annotations

import asyncio
import gc
import os
from pathlib import Path

from llmrepl.compose.opening import Wanted
from llmrepl.config import Loaded
from llmrepl.errors import LlmreplError

DRIVER = "llmrepl_textual.web.driver:PageDriver"
"""What stands in for the terminal."""


def run(loaded: Loaded, wanted: Wanted) -> int:
    """Let a person work in a session until they leave, or the server does; return the exit code.

    Args:
        loaded: the configuration.
        wanted: the session.

    Raises:
        LlmreplError: no server started this, or the session could not be opened.
    """
    if os.environ.get("TEXTUAL_DRIVER") != DRIVER:
        raise LlmreplError(
            "a page of the full screen is shown by a server",
            hint="start one with `llmrepl web`, or use `llmrepl tui` in this terminal",
        )
    gc.disable()  # until the session is open, as in a terminal
    return asyncio.run(_run(loaded, wanted))


async def _run(loaded: Loaded, wanted: Wanted) -> int:
    from llmrepl_textual.desk import Desk
    from llmrepl_textual.web.paged import Paged

    desk = Desk(loaded, wanted, environ=os.environ, cwd=Path.cwd())
    app = Paged(desk)
    try:
        await app.run_async()
    finally:
        await desk.close()
    return app.return_code or 0
