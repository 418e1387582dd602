"""The person's own editor. Blocking: the editor has the terminal."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from llmrepl.errors import LlmreplError
from llmrepl.sanitise import clean

USUAL = ("editor", "nano", "vi")
"""What is tried where no editor is chosen."""


def editor_of(environ: Mapping[str, str]) -> str:
    """Return the command of the person's editor; empty where there is none."""
    chosen = environ.get("VISUAL") or environ.get("EDITOR")
    return chosen or next((name for name in USUAL if shutil.which(name)), "")


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
        return in_editor(text, "prompt.md", editor).removesuffix("\n")
    except LlmreplError as error:
        sys.stdout.write(f"{clean(error.message)}\n")
        return None


def in_editor(text: str, name: str, editor: str) -> str:
    """Return what becomes of a text in an editor, when that has ended.

    Args:
        text: what to begin with.
        name: the file's, by which editors know the language.
        editor: the command.

    Raises:
        LlmreplError: it did not work.
    """
    try:
        with TemporaryDirectory(prefix="llmrepl-") as folder:
            path = Path(folder, name)
            path.write_text(text, encoding="utf-8")
            subprocess.run([*shlex.split(editor), str(path)], check=True)  # noqa: S603 - theirs
            return path.read_text(encoding="utf-8")
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise LlmreplError(
            f"the editor {editor} did not work: {error}", hint="VISUAL or EDITOR names another"
        ) from error
