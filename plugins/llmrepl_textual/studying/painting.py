"""Styled lines as one text for a widget that shows texts."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from llmrepl.sanitise import clean
from llmrepl_textual.themes import style_of
from llmrepl_timeline.lines import TAB, Line


def painted(lines: Iterable[Line], theme: str) -> Text:
    """Return lines as a text; whatever is in them, it is made safe to show.

    Args:
        lines: each becomes one line, cut where it is too long.
        theme: the name of the theme that holds.
    """
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for number, spans in enumerate(lines):
        if number:
            text.append("\n")
        for told, names, _ in spans:
            safe = clean(told.expandtabs(TAB)).replace("\n", " ")
            text.append(safe, style_of(theme, names))
    return text
