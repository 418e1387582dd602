"""The one place where the prompt's line editor is made."""

from __future__ import annotations

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import AnyFormattedText
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindingsBase, merge_key_bindings
from prompt_toolkit.output import Output

from llmrepl.repl.keys import bindings

PROMPT = "❯ "
CONTINUATION = "… "

ESCAPE = 0.1
"""Seconds after which Esc is a key of its own, and not the beginning of another."""

SEQUENCE = 0.2
"""Seconds after which Esc is not the beginning of Alt and a key."""


def prompt_session(
    *,
    history: History,
    keys: KeyBindingsBase,
    status: AnyFormattedText,
    vi: bool,
    output: Output | None,
) -> PromptSession[str]:
    """Return the line editor.

    Args:
        history: what was typed before.
        keys: bindings that come before those of editing.
        status: the line below the prompt.
        vi: edit as in vi instead of as in emacs.
        output: where to draw; None for a terminal that cannot redraw lines.
    """
    session: PromptSession[str] = PromptSession(
        PROMPT,
        history=history,
        multiline=True,
        key_bindings=merge_key_bindings([bindings(), keys]),
        prompt_continuation=CONTINUATION,
        bottom_toolbar=status,
        vi_mode=vi,
        enable_suspend=True,
        erase_when_done=True,
        output=output,
    )
    session.app.ttimeoutlen, session.app.timeoutlen = ESCAPE, SEQUENCE
    return session
