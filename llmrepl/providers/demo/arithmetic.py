"""Arithmetic: reads the expression in a question and has Python compute it."""

from __future__ import annotations

import re

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.expression import Expression, NoExpression, read_expression
from llmrepl.providers.demo.skill import Block, Steps, skill
from llmrepl.providers.demo.wording import code, fenced, number

_LONG = 200


def start(match: re.Match[str], _: Turn) -> Steps | None:
    """Return the steps where the question holds an expression with at least one operation."""
    text = match["expression"].strip(" =")
    if off := re.fullmatch(
        r"([\d.,]+)\s*(?:%|per ?cent)\s+off\s+(?:of\s+)?([\d.,]+)", text, re.IGNORECASE
    ):
        text = f"{off[2]} - {off[1]}%"
    if re.fullmatch(r"\d{4}-\d\d?-\d\d?", text):
        return None  # a date
    try:
        expression = read_expression(text)
    except NoExpression:
        return None
    return steps(match["expression"], expression) if expression.operations else None


def steps(text: str, expression: Expression) -> Steps:
    """Compute `expression`, which the person wrote as `text`."""
    names = ", ".join(sorted(expression.functions))
    head = f"from math import {names}\n" if names else ""
    result = yield Block(f"{head}print({expression.source})", say="Let me compute that.")
    value = number(result.stdout)
    if len(value) > _LONG:
        return f"{code(text)} is\n\n{fenced(value)}"
    return f"{code(text)} is **{value}**."


SKILLS = (
    skill(
        r"""\A (?: (?:what(?:'?s|\s+is|\s+are)|how\s+much\s+(?:is|are)|calculate|compute|evaluate
                     |solve|work\s+out) \b [\s:]* )?
            (?P<expression> .*? ) \s* \Z""",
        start,
        "what is 15% of 240",
    ),
)
