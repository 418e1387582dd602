"""The person's own editor, for a whole prompt; it comes back without being sent."""

from __future__ import annotations

import os
from collections.abc import Callable

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from llmrepl.conversing.drafting.external import edited_text


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
