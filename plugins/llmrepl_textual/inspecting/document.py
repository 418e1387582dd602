"""Sections as lines to look at, and as text to copy or to open in an editor."""

from __future__ import annotations

from collections.abc import Sequence

from llmrepl.sanitise import clean
from llmrepl_textual.inspecting.facets import DIFF, WORDS, Section
from llmrepl_timeline.blocks import Page
from llmrepl_timeline.lines import Line, Span, line
from llmrepl_timeline.results import rows

SUFFIXES = {
    "python": ".py",
    "bash": ".sh",
    "json": ".json",
    "markdown": ".md",
    DIFF: ".diff",
}
"""What a file is called that an editor is to know the language of."""


LONGEST = 100_000
"""Characters of a text that is drawn whole."""

REST = "copy it, or open it in an editor, to read all of it"


def drawn(sections: Sequence[Section], width: int) -> list[Line]:
    """Return sections as lines of a width."""
    page, lines = Page(width, links=True), list[Line]()
    for section in sections:
        if section.title:
            lines += [*([()] if lines else []), *page.text(section.title, "title")]
        elif lines:
            lines.append(())
        lines += _drawn(section, page)
    return lines or [line("nothing", "dim")]


def _drawn(section: Section, page: Page) -> list[Line]:
    text = section.text.rstrip("\n")
    if not text:
        return [(Span("(empty)", "dim"),)]
    if len(text) > LONGEST:
        note = page.text(f"… {len(text) - LONGEST} characters more: {REST}", "warn")
        return [*_drawn(section._replace(text=text[:LONGEST]), page), *note]
    match section.language:
        case "markdown":
            return page.markdown(text)
        case language if language == WORDS:
            return page.text(text)
        case "":
            return rows(clean(text).split("\n"), "", page)
        case language if language == DIFF:
            return rows(clean(text).split("\n"), "diff", page)
        case language:
            return page.code(text, language)


def written(sections: Sequence[Section]) -> str:
    """Return sections as text: one as it is, several with their titles."""
    if len(sections) == 1:
        return sections[0].text
    told = (f"── {each.title} ──\n{each.text}" if each.title else each.text for each in sections)
    return "\n\n".join(text.rstrip("\n") for text in told) + "\n"


def suffix_of(sections: Sequence[Section]) -> str:
    """Return what the name of a file with these sections ends with."""
    return SUFFIXES.get(sections[0].language, ".txt") if len(sections) == 1 else ".txt"
