"""Begins and ends the full screen; it is the front end `tui` of the group `llmrepl.frontends`.

Textual is imported when it is called, and by nothing before.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

from llmrepl.compose.opening import Wanted
from llmrepl.config import Loaded


def run(loaded: Loaded, wanted: Wanted) -> int:
    """Let a person work in a session until they leave; return the exit code.

    Args:
        loaded: the configuration.
        wanted: the session.

    Raises:
        LlmreplError: the session could not be opened.
    """
    gc.disable()  # until the session is open: what is loaded stays, and is large
    return asyncio.run(_run(loaded, wanted))


async def _run(loaded: Loaded, wanted: Wanted) -> int:
    from llmrepl_textual.app import FullScreen
    from llmrepl_textual.desk import Desk
    from llmrepl_textual.farewell import farewell

    stdout = sys.stdout
    desk = Desk(loaded, wanted, environ=os.environ, cwd=Path.cwd())
    app = FullScreen(desk)
    try:
        await app.run_async()
    finally:
        sys.stdout = stdout
        await desk.close()
        farewell(desk, stdout)
    if desk.failure is not None:
        raise desk.failure
    return app.return_code or 0
