"""How tools and models do, drawn from a tally."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llmrepl.accounting.reporting import known
from llmrepl.accounting.tallies import Model, Tally, Tool, percentile
from llmrepl.figures import duration, tokens
from llmrepl.purposes import RULES, Chain
from llmrepl.routing import CLOSED
from llmrepl_textual.figures.charts import Column, bar, table
from llmrepl_timeline.lines import Line, Span, line, wrap

BLANK: Line = ()
WIDE = 110
"""Cells from which on there are bars."""

LONGEST = 16


def _time(ms: float | None) -> str:
    return "" if ms is None else duration(ms)


TOOLS: Sequence[Column[Tool]] = (
    Column("calls", 5, 0, lambda tool: str(tool.calls)),
    Column("errors", 6, 0, lambda tool: str(tool.errors or "")),
    Column("denied", 6, 90, lambda tool: str(tool.statuses.get("denied", ""))),
    Column("p50", 7, 0, lambda tool: _time(percentile(tool.ms, 50))),
    Column("p95", 7, 0, lambda tool: _time(percentile(tool.ms, 95))),
    Column("in all", 10, 80, lambda tool: _time(sum(tool.ms)) if tool.ms else ""),
    Column("tokens", 6, 100, lambda tool: tokens(round(tool.tokens))),
    Column("cost", 12, 60, lambda tool: known(tool.cost, tool.unpriced)),
)

MODELS: Sequence[Column[Model]] = (
    Column("asked", 5, 0, lambda model: str(model.messages or "")),
    Column("failed", 6, 0, lambda model: str(model.failed or "")),
    Column("first word", 10, 80, lambda model: _time(percentile(model.first, 50))),
    Column("p50", 7, 0, lambda model: _time(percentile(model.ms, 50))),
    Column("p95", 7, 60, lambda model: _time(percentile(model.ms, 95))),
    Column("tok/s", 6, 90, lambda model: f"{model.rate:.0f}" if model.rate else ""),
)


def tools(tally: Tally, scope: str, width: int) -> list[Line]:
    """Return what came of calls, tool by tool, those that took most time first.

    Args:
        tally: has them.
        scope: whose they are, as words.
        width: cells of a line.
    """
    rows = tally.by_tool
    lines = [line(f"Tools in {scope}", "strong"), BLANK]
    if not rows:
        return [*lines, line("Nothing was called.")]
    most = max(sum(tool.ms) for tool in rows)
    size = LONGEST if width >= WIDE else 0
    lines += table(
        "tool", [(tool.name, tool, bar(sum(tool.ms), most, size)) for tool in rows], TOOLS, width
    )
    lines += [BLANK, line("How calls ended", "strong"), BLANK]
    called = [tool for tool in rows if tool.statuses]
    name_cells = max([len(tool.name) for tool in called], default=0)
    for tool in called:
        spans = [Span(f"{tool.name:{name_cells}}  ")]
        for status, count in sorted(tool.statuses.items(), key=lambda item: -item[1]):
            style = "ok" if status == "ok" else "bad"
            share = bar(count, sum(tool.statuses.values()), 10)
            spans += [Span(share, style), Span(f" {status} {count}  ")]
        lines.append(tuple(spans))
    told = (
        "What a message costs is shared by the calls it asks for. Times are of calls that ran:"
        " half of them took no longer than p50, 95 of 100 no longer than p95."
    )
    return [*lines, BLANK, *wrap([Span(told, "dim")], width)]


def models(
    tally: Tally, chains: Mapping[str, Chain], states: Mapping[str, str], width: int
) -> list[Line]:
    """Return how providers and their models do.

    Args:
        tally: what the session's records say of them.
        chains: whom is asked for what.
        states: the state of each provider's circuit.
        width: cells of a line.
    """
    lines = [line("Circuits", "strong"), BLANK]
    name_cells = max(map(len, states), default=0)
    for name, state in states.items():
        style, sign = ("ok", "●") if state == CLOSED else ("bad", "○")
        if state.startswith("half"):
            style, sign = "warn", "◐"
        lines.append((Span(f"{sign} ", style), Span(f"{name:{name_cells}}  "), Span(state, style)))
    lines += [BLANK, line("Models in this session", "strong"), BLANK]
    named = dict.fromkeys([*tally.models, *_named(chains)])
    rows = [(name, tally.models.get(name, Model(name)), "") for name in named]
    lines += table("model", rows, MODELS, width)
    for name, model, _ in rows:
        if model.problem:
            told = f"{name} failed last: {model.problem}"
            lines += wrap([Span(" ".join(told.split()), "bad")], width)
    lines += [BLANK, line("Chains", "strong"), BLANK]
    for purpose, chain in chains.items():
        told = ", then ".join(" or ".join(equals) for equals in chain)
        lines += wrap([Span(f"{purpose}: ", "dim"), Span(told)], width)
    return lines


def _named(chains: Mapping[str, Chain]) -> Iterator[str]:
    for chain in chains.values():
        yield from (name for group in chain for name in group if name not in RULES)
