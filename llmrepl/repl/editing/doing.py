"""What the editor's own actions do. Those about turns are done by others, by the same names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit import search
from prompt_toolkit.application.current import get_app
from prompt_toolkit.filters import Condition, is_searching
from prompt_toolkit.key_binding import KeyPressEvent
from prompt_toolkit.utils import suspend_to_background_supported

from llmrepl.conversing.work import EDITOR
from llmrepl.repl.editing.keys import Does, Doing, editing

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer

_WORD = re.compile(r"\s*\S+|\s+")


def _suggested() -> bool:
    buffer = get_app().current_buffer
    return (
        bool(buffer.suggestion and buffer.suggestion.text) and buffer.document.is_cursor_at_the_end
    )


def _empty() -> bool:
    return not get_app().current_buffer.text


def _new_line(event: KeyPressEvent) -> None:
    event.current_buffer.insert_text("\n")


def _clear(event: KeyPressEvent) -> None:
    if event.current_buffer.text:
        event.current_buffer.reset()
    else:
        event.app.exit(exception=KeyboardInterrupt())


def _leave(event: KeyPressEvent) -> None:
    event.app.exit(exception=EOFError())


def _suspend(event: KeyPressEvent) -> None:
    event.app.suspend_to_background()


def _complete(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    if buffer.complete_state:
        buffer.complete_next()
    else:
        buffer.start_completion(insert_common_part=True)


def _complete_back(event: KeyPressEvent) -> None:
    if event.current_buffer.complete_state:
        event.current_buffer.complete_previous()


def _search(event: KeyPressEvent) -> None:
    if is_searching():
        search.do_incremental_search(search.SearchDirection.BACKWARD, count=event.arg)
    else:
        search.start_search(direction=search.SearchDirection.BACKWARD)


def _back(event: KeyPressEvent) -> None:
    event.current_buffer.auto_up(count=event.arg)


def _forward(event: KeyPressEvent) -> None:
    event.current_buffer.auto_down(count=event.arg)


def _suggestion(event: KeyPressEvent) -> None:
    _take(event.current_buffer, whole=True)


def _suggestion_word(event: KeyPressEvent) -> None:
    _take(event.current_buffer, whole=False)


def _take(buffer: Buffer, *, whole: bool) -> None:
    text = buffer.suggestion.text if buffer.suggestion else ""
    word = _WORD.match(text)
    buffer.insert_text(text if whole or word is None else word[0])


def _clear_screen(event: KeyPressEvent) -> None:
    event.app.renderer.clear()


def doing(expand: Callable[[str], str]) -> Doing:
    """Return what does each of them.

    Args:
        expand: returns a text with its placeholders replaced.
    """

    def send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None  # its text is in the prompt already
        elif command := EDITOR.match(buffer.text):
            buffer.text = buffer.text[command.end() :]
            editor(event)
        else:
            buffer.validate_and_handle()

    def editor(event: KeyPressEvent) -> None:
        from llmrepl.repl.editing.external import edit_in_editor

        event.app.create_background_task(edit_in_editor(event.current_buffer, expand))

    return {**_DOING, "send": editing(send), "editor": editing(editor)}


_DOING: Doing = {
    "new_line": editing(_new_line),
    "clear": editing(_clear),
    "leave": editing(_leave, when=Condition(_empty)),
    "suspend": Does(_suspend, Condition(suspend_to_background_supported)),
    "complete": editing(_complete),
    "complete_back": editing(_complete_back),
    "history_search": Does(_search),
    "history_back": editing(_back),
    "history_forward": editing(_forward),
    "suggestion": editing(_suggestion, when=Condition(_suggested)),
    "suggestion_word": editing(_suggestion_word, when=Condition(_suggested)),
    "clear_screen": Does(_clear_screen),
}
