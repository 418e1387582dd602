"""What calls of models took and cost, drawn: a chart over time, rows, budgets, the forecast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from llmrepl.accounting.report import Report, Row
from llmrepl.accounting.reporting import cost_of, drawn_of, remarks
from llmrepl.compose.spending import Spending
from llmrepl.figures import counted, money, tokens
from llmrepl_textual.figures.charts import REST, Column, bar, columns, table
from llmrepl_timeline.lines import Line, Span, line, wrap

HEIGHT = 5
"""Rows of the chart."""

LONGEST = 20
"""Cells of the longest bar."""

BLANK: Line = ()
NOTHING = Decimal(0)

WIDE = 70
"""Cells from which on the forecast says that it is of this month."""

ROOM = 46
"""Cells that are left for names and figures before a bar gets any."""

COLUMNS: Sequence[Column[Row]] = (
    Column("calls", 6, 60, lambda row: str(row.calls)),
    Column("broken", 6, 110, lambda row: str(row.broken or "")),
    Column("↑ in", 6, 0, lambda row: _tokens(row, row.usage.input_tokens)),
    Column("cached", 6, 80, lambda row: tokens(row.usage.cache_read)),
    Column("↓ out", 6, 0, lambda row: _tokens(row, row.usage.output_tokens)),
    Column("cost", 12, 0, cost_of),
)


def drawn(found: Spending, by: str, days: int, today: date, width: int) -> list[Line]:
    """Return all there is to show.

    Args:
        found: the report, and the budgets.
        by: what its rows are by.
        days: how many days it is of, the last of them today.
        today: the day.
        width: cells of a line.
    """
    report = found.report
    over = "today" if days == 1 else f"the last {days} days"
    lines = [line(f"By {by}, {over}", "strong"), BLANK]
    if not report.rows:
        lines += [line(f"There are no calls, {over}. i brings in what saved sessions say."), BLANK]
    elif by == "day":
        lines += [*_chart(report, days, today, width), BLANK]
    if report.rows:
        lines += [*_rows(report, by, width), BLANK]
    lines += [*_budgets(found, width), BLANK]
    said = remarks(replace(report, month=NOTHING), (), found.about)  # the forecast is a bar
    return lines + [row for text in said for row in wrap([Span(text, "dim")], width)]


def _tokens(row: Row, count: int) -> str:
    return tokens(count, estimated=row.usage.estimated)


def _chart(report: Report, days: int, today: date, width: int) -> Iterator[Line]:
    """Yield what each day cost; where nothing cost anything, its tokens."""
    priced = bool(report.total.cost)
    known = {
        row.key: float(row.cost) if priced else row.usage.input_tokens + row.usage.output_tokens
        for row in report.rows
    }
    fitting = min(days, width)
    first = today - timedelta(days=fitting - 1)
    dates = [first + timedelta(days=at) for at in range(fitting)]
    values = [float(known.get(day.isoformat(), 0)) for day in dates]
    each = max(1, min(3, width // fitting))
    most = money(max(row.cost for row in report.rows)) if priced else tokens(int(max(values)))
    yield line(f"{'cost' if priced else 'tokens'} of each day, {most} at the most", "dim")
    yield from columns(values, HEIGHT, each)
    ends = f"{first:%d %b}", f"{today:%d %b}"
    gap = " " * max(1, fitting * each - sum(map(len, ends)))
    yield line(ends[0] + gap + ends[1], "dim")


def _rows(report: Report, by: str, width: int) -> list[Line]:
    most = float(max(row.cost for row in report.rows))
    size = max(0, min(LONGEST, width - ROOM - 12))
    rows = [(row.key or "-", row, bar(float(row.cost), most, size)) for row in report.rows]
    return table(by, [*rows, ("all", report.total, "")], COLUMNS, width, total=1)


def _budgets(found: Spending, width: int) -> Iterator[Line]:
    """Yield a bar for each budget, and one for the month: what it cost, what it will have cost."""
    size = max(10, min(30, width - 54))
    report = found.report
    names = [each.budget.scope for each in found.drawn]
    name_cells = max([len("forecast"), *map(len, names)])
    yield line("Budgets", "strong")
    if not found.drawn:
        yield line("There are none: budgets.day, budgets.month, … set them (F8).", "dim")
    for each in found.drawn:
        spent, amount = float(each.spent), float(each.budget.amount)
        style = "bad" if spent >= amount else "warn" if spent >= amount * 0.8 else "ok"
        yield (
            Span(f"{each.budget.scope:{name_cells}}  "),
            Span(bar(spent, amount, size, REST), style),
            Span(f"  {drawn_of(each)}"),
        )
    if report.expected:
        whole = next((d.budget.amount for d in found.drawn if d.budget.scope == "month"), None)
        most = float(max(report.expected, whole or 0))
        so_far = bar(float(report.month), most, size)
        to_come = max(0, round(float(report.expected) / most * size) - len(so_far))
        over = whole is not None and report.expected > whole
        this = " this month" if width >= WIDE else ""
        told = f"{money(report.month)}{this}, about {money(report.expected)} at its end"
        yield (
            Span(f"{'forecast':{name_cells}}  "),
            Span(so_far, "mark"),
            Span("▒" * to_come, "warn" if over else "dim"),
            Span(REST * (size - len(so_far) - to_come), "dim"),
            Span(f"  {told}", "warn" if over else ""),
        )


def summary(report: Report) -> str:
    """Return what all of it took, in a line."""
    usage = report.total.usage
    sent, said = (
        _tokens(report.total, usage.input_tokens),
        _tokens(report.total, usage.output_tokens),
    )
    calls = counted(report.total.calls, "call")
    return f"{calls} · ↑ {sent} ↓ {said} · {cost_of(report.total)}"
