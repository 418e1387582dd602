"""The person's own editor, for a whole prompt; it comes back without being sent."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from llmrepl.sanitise import clean

USUAL = ("editor", "nano", "vi")
"""What is tried where no editor is chosen."""


def editor_of(environ: Mapping[str, str]) -> str:
    """Return the command of the person's editor; empty where there is none."""
    chosen = environ.get("VISUAL") or environ.get("EDITOR")
    return chosen or next((name for name in USUAL if shutil.which(name)), "")


async def edit_in_editor(buffer: Buffer, expand: Callable[[str], str] = str) -> None:
    """Let the person edit what stands in `buffer`, all of it, in their editor.

    Args:
        buffer: is as it was where the editor did not work.
        expand: returns a text with its placeholders replaced.
    """
    text = expand(buffer.text)
    edited = await run_in_terminal(lambda: edited_text(text, os.environ), in_executor=True)
    if edited is not None:
        buffer.document = Document(edited, len(edited))


def edited_text(text: str, environ: Mapping[str, str]) -> str | None:
    """Return what an editor makes of `text`, without the line end that editors add.

    Returns:
        None where that did not work, which is said then.
    """
    editor = editor_of(environ)
    if not editor:
        sys.stdout.write("there is no editor: set VISUAL or EDITOR\n")
        return None
    try:
        with TemporaryDirectory(prefix="llmrepl-") as folder:
            path = Path(folder, "prompt.md")
            path.write_text(text, encoding="utf-8")
            subprocess.run([*shlex.split(editor), str(path)], check=True)  # noqa: S603 - theirs
            return path.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.stdout.write(f"the editor {clean(editor)} did not work: {clean(str(error))}\n")
        return None
