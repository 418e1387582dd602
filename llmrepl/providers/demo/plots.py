"""Plots made of text: bars, a line, a sparkline, a histogram, and the graph of a function."""

from __future__ import annotations

import re

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.expression import NoExpression, read_expression
from llmrepl.providers.demo.numbers import numbers_in, values
from llmrepl.providers.demo.skill import Block, Steps, program, skill
from llmrepl.providers.demo.wording import code, count, fenced, number

MOST_BARS = 60
LONGEST_LABEL = 20

_BARS = """
widest = max(map(abs, numbers)) or 1
for label, number in zip(labels, numbers):
    bar = "█" * round(40 * abs(number) / widest)
    print(f"{label:>{margin}} {bar} {number}")
"""

_SPARK = """
low, high = min(numbers), max(numbers)
marks = "▁▂▃▄▅▆▇█"
print("".join(marks[round(7 * (number - low) / ((high - low) or 1))] for number in numbers))
"""

_HISTOGRAM = """
low, high = min(numbers), max(numbers)
bins = min(20, len(numbers).bit_length() + 1) if high > low else 1
width = (high - low) / bins or 1
counts = [0] * bins
for number in numbers:
    counts[min(bins - 1, int((number - low) / width))] += 1
for place, times in enumerate(counts):
    start = low + place * width
    bar = "█" * round(40 * times / max(counts))
    print(f"{start:10.4g} to {start + width:<10.4g} {bar} {times}")
"""

_GRID = """
rows = 15
finite = [y for y in ys if y is not None]
low, high = min(finite), max(finite)
grid = [[" "] * len(ys) for _ in range(rows)]
for place, y in enumerate(ys):
    if y is not None:
        grid[round((rows - 1) * (high - y) / ((high - low) or 1))][place] = "•"
for place, row in enumerate(grid):
    edge = high if place == 0 else low if place == rows - 1 else None
    print(f"{edge:10.4g} ┤" if edge is not None else " " * 10 + " │", "".join(row).rstrip())
"""

_LINE = f"""
columns = max(len(numbers), 60 // len(numbers) * len(numbers))
ys = [numbers[place * len(numbers) // columns] for place in range(columns)]
{_GRID.strip()}
"""

KINDS = {
    "sparkline": (_SPARK, r"spark\s*-?\s*lines?"),
    "histogram": (_HISTOGRAM, r"histograms?|distribution"),
    "line plot": (_LINE, r"lines?|curve"),
    "bar chart": (_BARS, r"bars?|chart|plot|graph|draw"),
}
"""What a plot is called, the code that draws it, and the words that ask for it; first fit wins."""

_LABELLED = re.compile(
    r"(?P<label>[^\W\d_][^\s,:=]{0,40})\s*[:=]?\s*(?P<number>[-+]?\d[\d.]*)(?=[\s,;]|\Z)"
)
_FUNCTION = re.compile(
    r"""(?: \b (?:plot|graph|draw|curve|chart|show) \b
            (?:\s+(?:me|the|a|an|of|function|graph|curve|line|plot))* )
        \s+ (?:(?:y|f\(x\)) \s* = \s*)? (?P<expression> .*? )
        (?: \s+ (?:from|for\s+x|between|for|over|in) \b \s* (?P<range> .* ) )? \Z""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def start_function(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps that plot a function of x, where the question has one."""
    match = _FUNCTION.search(turn.ask)
    if not match or not re.search(r"x", match["expression"], re.IGNORECASE):
        return None
    try:
        expression = read_expression(match["expression"].strip(), variable="x")
    except NoExpression:
        return None
    ends = values(re.findall(r"-?\d+(?:\.\d+)?", match["range"] or "")[:2])
    low, high = ends if len(ends) > 1 and ends[0] < ends[1] else (-10, 10)
    return function(
        match["expression"].strip(), expression.source, expression.functions, (low, high)
    )


def function(text: str, source: str, functions: set[str], ends: tuple[float, float]) -> Steps:
    """Plot `source`, an expression of x that the person wrote as `text`, between two ends."""
    head = f"from math import {', '.join(sorted(functions))}\n" if functions else ""
    body = f"""
def value(x):
    try:
        y = float({source})
        return y if abs(y) < 1e15 else None
    except (ArithmeticError, ValueError, TypeError):
        return None
low_x, high_x = ends
ys = [value(low_x + (high_x - low_x) * place / 60) for place in range(61)]
{_GRID.strip()}
print(f"{{low_x:>12}}{{high_x:>60}}")
"""
    result = yield Block(f"{head}{program(body, ends=ends)}", "Let me plot it.", may_fail=True)
    low, high = (number(repr(end)) for end in ends)
    if not result.ok:
        return f"{code(text)} has no value that can be drawn between {low} and {high}."
    return f"{code(text)} for x from {low} to {high}:\n\n{fenced(result.stdout)}"


def start(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps that plot the numbers in the question, or in the one before."""
    kind = next(
        name
        for name, (_, words) in KINDS.items()
        if re.search(rf"\b(?:{words})\b", turn.ask, re.IGNORECASE)
    )
    labelled = _LABELLED.findall(turn.ask)
    if kind == "bar chart" and len(labelled) > 1:
        labels, found = (list(column) for column in zip(*labelled, strict=True))
        plain = numbers_in(" ".join(found))
        if len(plain) == len(labels):
            return numbers(kind, plain, labels)
    for text in (turn.ask, *turn.earlier):
        found = numbers_in(text)
        if len(found) > 1:
            return numbers(kind, found, [])
    return None


def numbers(kind: str, found: list[str], labels: list[str]) -> Steps:
    """Plot the numbers `found` as `kind`, a key of `KINDS`."""
    given: dict[str, object] = {"numbers": values(found)}
    if kind == "bar chart":
        given["numbers"] = values(found[:MOST_BARS])
        shown = [label[:LONGEST_LABEL] for label in labels] or found
        given["labels"] = shown[:MOST_BARS]
        given["margin"] = max(map(len, shown[:MOST_BARS]))
    result = yield Block(program(KINDS[kind][0], **given), "Let me draw it.")
    ordered = sorted(values(found))
    low, high = number(repr(ordered[0])), number(repr(ordered[-1]))
    head = f"A {kind} of {count(len(found), 'number')}, from {low} to {high}"
    return f"{head}:\n\n{fenced(result.stdout)}"


SKILLS = (
    skill(
        r"\b (?:plot|graph|draw|curve|chart) \b .* x",
        start_function,
        "plot sin(x) from 0 to 6.3",
    ),
    skill(
        rf"\b (?:{'|'.join(words for _, words in KINDS.values())}) \b".replace("lines?|curve|", ""),
        start,
        "bar chart of tea 3, coffee 5, water 8",
    ),
)
