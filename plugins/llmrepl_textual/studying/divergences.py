"""What running calls again gave, call by call, as lines with diffs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from llmrepl.figures import counted
from llmrepl.replaying.comparing import SHOWN
from llmrepl.replaying.verifying import Checked, Report
from llmrepl_timeline.lines import Line, Span, line

SIGNS = {"same": ("✓", "ok"), "diverged": ("✗", "bad"), "not run": ("○", "dim")}

DIFF = {"--- ": "dim", "+++ ": "dim", "+": "added", "-": "removed", "@": "place"}
"""How a line of a diff is set off, by what it begins with."""


class Told(NamedTuple):
    """A line, and the record of the call that it is about; 0 for none."""

    line: Line
    seq: int = 0


def told_of(checked: Checked, *, first: bool = False) -> list[Told]:
    """Return what came of a call.

    Args:
        checked: the call.
        first: whether it is the first that diverges.
    """
    call = checked.call
    sign, style = SIGNS.get(checked.outcome, ("?", ""))
    head = f" {call.request.name} {call.request.call_id}"
    place = f" · turn {call.turn}, record {call.seq} · "
    lead = (Span(sign, style), Span(head, "strong"), Span(place, "dim"))
    if checked.outcome == "not run":
        return [Told((*lead, Span(f"not run again: {checked.why}", "dim")), call.seq)]
    if checked.outcome == "same":
        return [Told((*lead, Span("the same", style)), call.seq)]
    fields = ", ".join(found.field for found in checked.differences)
    behind = f", behind {checked.behind}, which was not run again" if checked.behind else ""
    what = f"diverged{' first' if first else ''} in {fields}{behind}"
    lines = [Told((*lead, Span(what, style)), call.seq)]
    for found in checked.differences:
        lines.append(Told(line(f"  {found.field}", "strong"), call.seq))
        lines += [Told(row, call.seq) for row in _diff(found.diff)]
    return lines


def _diff(diff: list[str]) -> Iterable[Line]:
    for row in diff[:SHOWN]:
        style = next((style for sign, style in DIFF.items() if row.startswith(sign)), "")
        yield line(f"    {row}", style)
    if len(diff) > SHOWN:
        yield line(f"    … {counted(len(diff) - SHOWN, 'line')} more", "dim")


def told_at_the_end(report: Report) -> list[Told]:
    """Return what there is to say of a session as a whole, behind its calls."""
    lines = [
        Told(line(f"{name} was {recorded} and is {now}", "warn"))
        for name, (recorded, now) in report.versions.items()
    ]
    if report.estranged:
        turn, step = report.estranged
        text = f"from turn {turn}, step {step} on the model would have been told otherwise"
        lines.append(Told(line(text, "warn")))
    if not report.calls:
        lines.append(Told(line("there is no call to run again", "dim")))
    return lines


def sums(report: Report, among: int, *, ended: bool) -> Line:
    """Return how far it has come.

    Args:
        report: what has come of it.
        among: how many calls there are.
        ended: whether there is nothing more to come.
    """
    diverged, skipped = len(report.divergences), report.count("not run")
    counts = [f"{report.count('same')} the same"]
    counts += [f"{diverged} diverged"] if diverged else []
    counts += [f"{skipped} not run"] if skipped else []
    told = ", ".join(counts)
    if not ended:
        return line(f"{len(report.calls)} of {among or '?'} calls · {told}", "strong")
    sign, style = SIGNS["same" if report.passed else "diverged"]
    return (Span(sign, style), Span(f" {report.session}: {told}", "strong"))
