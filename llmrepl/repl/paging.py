"""The chat as commands see it: what is long goes through the person's pager."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import partial

from prompt_toolkit.application import run_in_terminal

from llmrepl.compose.front import Printing
from llmrepl.repl.keys import lent
from llmrepl.sanitise import clean


class Paging(Printing):
    """Writes to the terminal (`llmrepl.compose.front.Front`)."""

    async def read(self, text: str) -> None:
        """Write a text, or give it to the pager where it is higher than the screen."""
        pager = _pager(text, os.environ)
        if pager is None:
            await super().read(text)
        else:
            # A prompt that is there meanwhile makes room, and reads no keys.
            await run_in_terminal(partial(_page, pager, text), in_executor=True)


def _pager(text: str, environ: Mapping[str, str]) -> list[str] | None:
    """Return the pager's command, if one is configured and the text is higher than the screen."""
    command = shlex.split(environ.get("PAGER", ""))
    columns, rows = shutil.get_terminal_size()
    taken = sum(1 + len(line) // columns for line in text.split("\n"))
    return command if command and shutil.which(command[0]) and taken >= rows else None


def _page(pager: list[str], text: str) -> None:
    terminal = sys.__stdout__
    with lent(sys.stdin):
        done = subprocess.run(  # noqa: S603 - the person's own pager
            pager, input=clean(text) + "\n", text=True, stdout=terminal, check=False
        )
    if done.returncode:
        sys.stdout.write(f"{pager[0]} ended with exit code {done.returncode}\n")
