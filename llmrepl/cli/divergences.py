"""What `llmrepl verify` reports, as lines for a person and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmrepl.figures import money, tokens
from llmrepl.replaying.asking import Asked
from llmrepl.replaying.comparing import SHOWN
from llmrepl.replaying.verifying import Checked, Report
from llmrepl.sanitise import clean
from llmrepl.usage import Cost, Usage


def plain(report: Report) -> dict[str, Any]:
    """Return a report as JSON-ready data."""
    return {
        "session": report.session,
        "problem": report.problem,
        "same": report.count("same"),
        "diverged": report.count("diverged"),
        "not_run": report.count("not run"),
        "versions": {name: list(both) for name, both in report.versions.items()},
        "estranged": None if report.estranged is None else list(report.estranged),
        "calls": [_plain_call(checked) for checked in report.calls],
        "asked": [_plain_step(asked) for asked in report.asked],
    }


def _plain_step(asked: Asked) -> dict[str, Any]:
    return {
        "turn": asked.turn,
        "step": asked.step,
        "model": asked.model,
        "outcome": asked.outcome,
        "why": asked.why,
        "recorded": list(asked.recorded),
        "now": list(asked.now),
        "input_tokens": asked.usage.input_tokens,
        "output_tokens": asked.usage.output_tokens,
        "cost_usd": None if asked.cost is None else float(asked.cost.total),
    }


def _plain_call(checked: Checked) -> dict[str, Any]:
    call = checked.call
    return {
        "call_id": call.request.call_id,
        "seq": call.seq,
        "language": call.request.language,
        "outcome": checked.outcome,
        "why": checked.why,
        "behind": checked.behind,
        "differences": [
            {"field": found.field, "recorded": found.recorded, "now": found.now}
            for found in checked.differences
        ],
    }


def told(report: Report) -> str:
    """Return a report as lines for a person."""
    if report.problem:
        return f"✗ {report.session}: not verified: {clean(report.problem)}"
    diverged = report.divergences
    counts = [f"{report.count('same')} the same"]
    counts += [f"{len(diverged)} diverged"] if diverged else []
    counts += [f"{skipped} not run"] if (skipped := report.count("not run")) else []
    lines = [f"{'✓' if report.passed else '✗'} {report.session}: {', '.join(counts)}"]
    for checked in report.calls:
        lines += _lines(checked, first=bool(diverged) and checked is diverged[0])
    for name, (recorded, now) in report.versions.items():
        lines.append(f"  {name} was {recorded} and is {now}")
    if report.estranged:
        turn, step = report.estranged
        lines.append(f"  from turn {turn}, step {step} on the model would have been told otherwise")
    lines += _asked(report.asked)
    return "\n".join(clean(line) for line in lines)


def _asked(steps: Sequence[Asked]) -> list[str]:
    """Return what came of asking a model again: sums, then each step that is not the same."""
    found = [step for step in steps if step.outcome in ("same", "differs")]
    if not steps:
        return []
    usage = sum((step.usage for step in found), Usage())
    costs = [step.cost for step in found]
    known = [cost for cost in costs if cost is not None]
    cost = money(sum(known, Cost()).total if len(known) == len(costs) else None)
    same = sum(step.outcome == "same" for step in found)
    counts = [f"{same} with the same calls"]
    counts += [f"{len(found) - same} with others"] if same < len(found) else []
    names = ", ".join(dict.fromkeys(step.model for step in steps))
    spent = f"↑ {tokens(usage.input_tokens)} ↓ {tokens(usage.output_tokens)} tokens · {cost}"
    said = f"  {names} answered {len(found)} times: {', '.join(counts)} · {spent}"
    lines = [said] if found else []
    for step in steps:
        name = f"  turn {step.turn}, step {step.step}"
        if step.outcome == "differs":
            lines += [f"{name} made other calls:", *_shortened(step.diff)]
        elif step.outcome != "same":
            lines.append(f"{name}: {step.outcome}: {step.why}")
    return lines


def _shortened(diff: list[str]) -> list[str]:
    lines = [f"    {line}" for line in diff[:SHOWN]]
    return lines + ([f"    … {len(diff) - SHOWN} more lines"] if len(diff) > SHOWN else [])


def _lines(checked: Checked, *, first: bool) -> list[str]:
    call = checked.call
    name = f"  call {call.request.call_id} ({call.request.name}, record {call.seq})"
    if checked.outcome == "not run":
        return [f"{name} was not run again: {checked.why}"]
    if checked.outcome == "same":
        return []
    fields = ", ".join(found.field for found in checked.differences)
    behind = f", behind {checked.behind}, which was not run again" if checked.behind else ""
    lines = [f"{name} diverged{' first' if first else ''} in {fields}{behind}"]
    for found in checked.differences:
        lines.append(f"    {found.field}:")
        lines += _shortened(found.diff)
    return lines
