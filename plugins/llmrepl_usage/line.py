"""The status line: segments in several forms each, of which the longest that fit are shown.

What matters least gives way first, and a figure is shown whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmrepl.cells import elided
from llmrepl.figures import money, percent, spent, tokens
from llmrepl.standing import Budgeted, Fragment, Standing
from llmrepl_usage.cells import width_of

SEPARATOR = " · "
SHORT_NAME = 16
"""Cells of a model's name where there is little room."""

MARKS = ((95, "!!!", "bad"), (80, "!!", "hot"), (60, "!", "warn"))
"""From how many percent of the context on it is marked: the sign, and the style."""

SPENT = ((100, "!!!", "bad"), (80, "!!", "hot"), (50, "!", "warn"))
"""From how many percent of a budget on it is marked, in the same way."""

Forms = tuple[str, ...]

ORDER = ("alarm", "mode", "model", "sandbox", "cwd", "context", "flow", "cost", "budgets")
"""The segments from left to right."""

GONE = -1
LADDER = (
    *(("sandbox", 1), ("cwd", 1), ("flow", GONE), ("budgets", 1), ("mode", 1), ("model", 1)),
    *(("context", 1), ("budgets", 2)),
    *(("cwd", GONE), ("model", 2), ("model", 3), ("sandbox", GONE), ("alarm", 1), ("mode", GONE)),
    *(("context", 2), ("budgets", GONE), ("cost", 1), ("model", 4), ("model", GONE)),
    *(("cost", GONE),),
    *(("context", GONE), ("alarm", GONE)),
)
"""What gives way, the least important first: a segment, and the form that it is left with."""


def status(standing: Standing, width: int) -> list[Fragment]:
    """Return the line in at most `width` cells."""
    line = _fitting(_segments(standing), width)
    styles = {"alarm": "alarm", "context": mark_of(standing)[1], "budgets": _spent(standing)[1]}
    everywhere = "alarm" if standing.alarm == "off" else ""
    fragments: list[Fragment] = []
    for name, text in line:
        if fragments:
            fragments.append((everywhere, SEPARATOR))
        fragments.append((everywhere or styles.get(name, ""), text))
    return fragments


def _fitting(segments: Mapping[str, Forms], width: int) -> list[tuple[str, str]]:
    """Return the names and texts of the segments in the forms that fit."""
    shown = dict.fromkeys(segments, 0)
    given: list[tuple[str, int]] = []  # what gave way, as it was before
    for name, form in LADDER:
        if _size(_texts(segments, shown)) <= width:
            break
        if name in segments:
            given.append((name, shown[name]))
            shown[name] = form
    for name, form in reversed(given):  # what gave way in vain comes back
        longer = {**shown, name: form}
        if _size(_texts(segments, longer)) <= width:
            shown = longer
    return _texts(segments, shown)


def _texts(segments: Mapping[str, Forms], shown: Mapping[str, int]) -> list[tuple[str, str]]:
    return [
        (name, segments[name][min(shown[name], len(segments[name]) - 1)])
        for name in ORDER
        if name in segments and shown[name] != GONE
    ]


def _size(texts: list[tuple[str, str]]) -> int:
    return width_of(texts) + len(SEPARATOR) * max(0, len(texts) - 1)


def mark_of(standing: Standing) -> tuple[str, str]:
    """Return how full the context is, as a sign and a style; both are empty while it is not."""
    if standing.context is None or not standing.room:
        return "", ""
    share = standing.context * 100 // standing.room
    return next(((sign, style) for least, sign, style in MARKS if share >= least), ("", ""))


def _segments(standing: Standing) -> dict[str, Forms]:
    """Return the forms of every segment that there is something to say in, the longest first."""
    walls = ": ".join(filter(None, (standing.sandbox, standing.policy)))
    segments: dict[str, Forms] = {
        "mode": (f"approval {standing.mode}", standing.mode),
        "model": _model(standing),
        "cwd": (standing.cwd, standing.cwd.rpartition("/")[2] or standing.cwd),
        "cost": _cost(standing),
    }
    if standing.alarm:
        segments["alarm"] = (walls, standing.sandbox)
    else:
        segments["sandbox"] = (walls, standing.sandbox)
    if standing.context is not None:
        segments["context"] = _context(standing)
    if standing.budgets:
        segments["budgets"] = _budgets(standing)
    usage = standing.session.usage
    if usage.input_tokens or usage.output_tokens:
        sent = tokens(usage.input_tokens, estimated=usage.estimated)
        said = tokens(usage.output_tokens, estimated=usage.estimated)
        words = f"sent {sent} received {said}"
        segments["flow"] = (words if standing.words else f"↑ {sent} ↓ {said}",)
    return segments


def _model(standing: Standing) -> Forms:
    name = standing.model
    own = name.rpartition("/")[2] or name
    remarks = (standing.remark, standing.remark.partition(";")[0])
    told = (f"{name} ({remark})" if remark else name for remark in remarks)
    return (*told, name, own, elided(own, SHORT_NAME))


def _context(standing: Standing) -> Forms:
    count = standing.context or 0
    used = tokens(count, estimated=True)
    if not standing.room:
        return f"context {used}", f"context {used}", used
    share = percent(count, standing.room, estimated=True)
    sign = mark_of(standing)[0]
    mark = f"{sign} " if sign else ""
    middle = f"{mark}context {share}"
    return f"{middle} ({used}/{tokens(standing.room)})", middle, f"{mark}{share}"


def _cost(standing: Standing) -> Forms:
    paid = spent(standing.session.cost, standing.session.unpriced)
    return (paid,) if standing.budget is None else (f"{paid} / {money(standing.budget)}", paid)


def _share(budget: Budgeted) -> int:
    """Return how much of a budget is spent, in percent."""
    return int(budget.spent * 100 / budget.amount) if budget.amount else 100


def _spent(standing: Standing) -> tuple[str, str]:
    """Return how far the budgets are spent, as a sign and a style; both are empty at first."""
    share = max(map(_share, standing.budgets), default=0)
    return next(((sign, style) for least, sign, style in SPENT if share >= least), ("", ""))


def _budgets(standing: Standing) -> Forms:
    """Return all budgets, that of which most is spent, and the same without its amount."""
    sign = _spent(standing)[0]
    mark = f"{sign} " if sign else ""
    told = [f"{each.scope} {money(each.spent)} / {money(each.amount)}" for each in standing.budgets]
    tight = max(standing.budgets, key=_share)
    first = told[standing.budgets.index(tight)]
    return mark + ", ".join(told), mark + first, f"{mark}{tight.scope} {_share(tight)}%"
