"""Saved sessions and found records, each as one line. Where it is narrow, figures go first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from llmrepl.cells import cells, elided, fit
from llmrepl.figures import counted, money, tokens
from llmrepl.sessions.branching.tree import CLOSED, HERE, OPEN
from llmrepl.sessions.cells import one_line
from llmrepl.sessions.listing import Summary
from llmrepl.sessions.search.index import Hit
from llmrepl.sessions.search.words import excerpt
from llmrepl_timeline.lines import Line, Span, line

MARKED = "◆"
"""Stands before the session that another is to be compared with."""

LEAD = 4
"""Cells before the columns: the mark, and who has the session open."""


class Column(NamedTuple):
    """A column: its title, its cells, and from how many cells of a screen on it is there."""

    title: str
    cells: int
    since: int
    right: bool
    text: Callable[[Summary], str]


def _used(found: Summary) -> str:
    return tokens(found.usage.input_tokens + found.usage.output_tokens)


COLUMNS = (
    Column("last used", 16, 0, False, lambda found: moment(found.updated)),
    Column("turns", 5, 70, True, lambda found: str(found.turns)),
    Column("tokens", 6, 90, True, _used),
    Column("cost", 8, 70, True, lambda found: money(found.cost)),
    Column("model", 24, 110, False, lambda found: one_line(found.model)),
)


def moment(ms: int, *, seconds: bool = False) -> str:
    """Return a Unix time in milliseconds as the person's clock has it."""
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return time.strftime(form, time.localtime(ms / 1000))


def titles(width: int) -> Line:
    """Return the line above sessions."""
    return line(f"{' ' * LEAD}{_columns(lambda column: column.title, width)}first prompt", "dim")


def session(found: Summary, width: int, *, here: bool = False, marked: bool = False) -> Line:
    """Return the line of a session.

    Args:
        found: the session.
        width: cells of the line.
        here: whether the chat is in it.
        marked: whether another is to be compared with it.
    """
    sign = HERE if here else OPEN if found.state == "open elsewhere" else CLOSED
    lead = f"{MARKED if marked else ' '} {sign} "
    figures = _columns(lambda column: column.text(found), width)
    room = width - LEAD - cells(figures)
    state = "" if found.state in ("finished", "open elsewhere") else f"  [{found.state}]"
    tags = "".join(f"  #{one_line(tag)}" for tag in found.tags)
    prompt = elided(one_line(found.prompt), max(room - cells(state) - cells(tags), room // 2))
    return (
        Span(lead, "mark" if here or marked else "dim"),
        Span(figures, "dim"),
        Span(prompt),
        Span(elided(tags, room - cells(prompt)), "mark"),
        Span(elided(state, room - cells(prompt) - cells(tags)), "warn"),
    )


def about(found: Summary, width: int) -> list[Line]:
    """Return all there is to say of a session, in two lines."""
    usage, origin = found.usage, found.forked_from
    sent = tokens(usage.input_tokens, estimated=usage.estimated)
    said = tokens(usage.output_tokens, estimated=usage.estimated)
    first = [
        found.id,
        counted(found.records, "record"),
        counted(found.turns, "turn"),
        f"begun {moment(found.created)}" + (f" in {found.cwd}" if found.cwd else ""),
    ]
    second = [
        found.model or "no model was asked",
        f"↑ {sent} ↓ {said}",
        money(found.cost),
        f"forked from {origin[0]} at record {origin[1]}" if origin else "",
        found.state,
    ]
    return [
        line(elided(one_line(" · ".join(filter(None, part))), width), style)
        for part, style in ((first, "strong"), (second, "dim"))
    ]


def hit(found: Hit, query: str, width: int) -> Line:
    """Return the line of a record in which something was found."""
    lead = f"    {moment(found.at)}  turn {found.turn:<3} "
    lead += f"{found.kind:16} " if width >= COLUMNS[-1].since else ""
    room = width - cells(lead)
    text = excerpt(
        one_line(found.text), query, max(8, room)
    )  # in characters, some of which are wide
    return (Span(lead, "dim"), Span(elided(text, room)))


def hit_titles(width: int) -> Line:
    """Return the line above records."""
    kind = f"{'record':16} " if width >= COLUMNS[-1].since else ""
    return line(f"    {'when':16}  turn     {kind}what was found", "dim")


def _columns(text: Callable[[Column], str], width: int) -> str:
    shown = [column for column in COLUMNS if width >= column.since]
    return "".join(fit(text(each), each.cells, right=each.right) + "  " for each in shown)
