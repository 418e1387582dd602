"""How outcomes are told: lines for people, rows for programs, one line for the start of a chat.

The rows are a contract: fields are added, and none changes its meaning or goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from llmrepl.figures import counted
from llmrepl.health.running import Outcome

MARKS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield an outcome for people: a line, and one with what mends it."""
    name, finding, _ = outcome
    if finding.subject and finding.status == "ok":
        yield f"{MARKS[finding.status]} {finding.subject} {finding.message}"
    else:
        title = f"{name}: {finding.subject}" if finding.subject else name
        yield f"{MARKS[finding.status]} {title}: {finding.message}"
    if finding.fix:
        yield f"    {finding.fix}"


def row(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON-ready data."""
    name, finding, ms = outcome
    return {
        "name": name,
        "subject": finding.subject,
        "status": finding.status,
        "message": finding.message,
        "fix": finding.fix,
        "repairable": finding.repair is not None,
        "ms": ms,
        "measures": dict(finding.measures),
        "details": dict(finding.details),
    }


def summary(outcomes: Sequence[Outcome]) -> tuple[str, str]:
    """Return the worst status, and in one line how many checks came to what."""
    counts = Counter(outcome.finding.status for outcome in outcomes)
    worst = next((s for s in ("failed", "warning") if counts[s]), "ok")
    wrong = [outcome for outcome in outcomes if outcome.finding.status == worst != "ok"]
    if not wrong:
        return worst, f"{counted(counts['ok'], 'check')} passed"
    first = wrong[0]
    more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    told = ": ".join(filter(None, (first.name, first.finding.subject, first.finding.message)))
    return worst, f"{told}{more}"
