"""Makes the line editor of the chat. What the first prompt does not need is loaded later."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, ThreadedAutoSuggest
from prompt_toolkit.cursor_shapes import ModalCursorShapeConfig
from prompt_toolkit.filters import (
    Always,
    Condition,
    Filter,
    Never,
    emacs_mode,
    has_completions,
)
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import (
    KeyBindings,
    KeyBindingsBase,
    KeyPressEvent,
    merge_key_bindings,
)
from prompt_toolkit.keys import Keys

from llmrepl.conversing.drafting.draft import Drafts
from llmrepl.conversing.drafting.offers import Offers, worth_completing
from llmrepl.conversing.sent import Sent
from llmrepl.repl.editing.completing import Completions
from llmrepl.repl.editing.doing import doing
from llmrepl.repl.editing.keys import Doing, bound
from llmrepl.repl.history import History

if TYPE_CHECKING:
    from llmrepl.config import Config

ESCAPE = 0.05
"""Seconds in which a terminal sends the rest of a key that begins with Escape."""

SEQUENCE = 0.5
"""Seconds that a person has for the next key of several."""


ALONE = 0.2
"""Seconds after which Escape is a key of its own, where it interrupts something."""


class Editor(PromptSession[str]):
    """The line editor. What it returns has placeholders for large pastes; see `drafts`."""

    drafts: Drafts


def prompt_session(
    config: Config,
    *,
    history: Path | None = None,
    redact: Callable[[str], str] = str,
    keys: KeyBindingsBase | None = None,
    others: Doing | None = None,
    known: Mapping[str, Callable[[], Iterable[tuple[str, str]]]] | None = None,
    **options: Any,
) -> Editor:
    """Return the line editor.

    Args:
        config: how keys edit, and what they do; where completions are looked for.
        history: where what was sent is kept; None keeps it in memory.
        redact: takes secrets out of what is kept there.
        keys: bindings that come before all others.
        others: what does further actions of `llmrepl.config.actions`, or does them instead.
        known: what placeholders in commands' arguments stand for, where only others know it.
        options: what else a `PromptSession` takes: message, bottom_toolbar, input, output …
    """
    drafts, mode = Drafts(Path.cwd()), config.ui.editing_mode
    does = {**doing(drafts.expand), **(others or {})}
    ours = [bound(mode, config.keys._asdict(), does), _typing(drafts)]
    kept = history and History(Sent(history, redact, drafts.expand))
    editor = Editor(
        history=kept or InMemoryHistory(),
        multiline=True,
        key_bindings=merge_key_bindings([*ours, keys] if keys else ours),
        vi_mode=mode == "vi",
        cursor=ModalCursorShapeConfig() if mode == "vi" else None,
        completer=Completions(Offers(config, os.environ, drafts.directory, known)),
        complete_while_typing=Condition(_worth_completing),
        auto_suggest=ThreadedAutoSuggest(AutoSuggestFromHistory()),
        search_ignore_case=True,
        **options,
    )
    editor.drafts = drafts
    # As an option, this would turn completion off while somebody types.
    editor.default_buffer.enable_history_search = Always()
    editor.app.ttimeoutlen, editor.app.timeoutlen = ESCAPE, SEQUENCE
    urgent = does["interrupt"].when if "interrupt" in does else Never()
    editor.app.key_processor.after_key_press += lambda _: _hurry(editor, urgent)
    return editor


def _typing(drafts: Drafts) -> KeyBindings:
    """Return the bindings that are no actions."""
    keys = KeyBindings()

    @keys.add(Keys.BracketedPaste)
    def _paste(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(drafts.pasted(event.data))

    @keys.add("escape", filter=has_completions & emacs_mode, eager=True)
    def _close_menu(event: KeyPressEvent) -> None:
        event.current_buffer.cancel_completion()

    return keys


def _hurry(editor: Editor, urgent: Filter) -> None:
    """Wait less for a key behind Escape where Escape alone interrupts something."""
    pressed = [press.key for press in editor.app.key_processor.key_buffer]
    alone = pressed == [Keys.Escape] and urgent()
    editor.app.timeoutlen = ALONE if alone else SEQUENCE


def _worth_completing() -> bool:
    return worth_completing(get_app().current_buffer.document.text_before_cursor)
