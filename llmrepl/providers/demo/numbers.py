"""Statistics on numbers in the question, or in the question before; and sorting them."""

from __future__ import annotations

import re

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.skill import Block, Steps, program, skill
from llmrepl.providers.demo.wording import count, fenced, listed, number

MOST = 10_000
"""How many numbers are taken."""

MEASURES = {
    "mean": ("mean", r"mean|average|avg"),
    "median": ("median", r"median"),
    "mode": ("mode", r"mode|most common number"),
    "standard deviation": ("stdev", r"st(?:andard)?[ .]?dev(?:iation)?|stdev|sd|spread"),
    "variance": ("variance", r"variance|var"),
    "sum": ("sum", r"sum|total|add(?: up)?"),
    "smallest": ("min", r"min(?:imum)?|smallest|lowest|least"),
    "largest": ("max", r"max(?:imum)?|largest|biggest|highest|greatest"),
}
"""Each measure: what an answer calls it, the Python function, and the words that ask for it."""

ALL = ("mean", "median", "standard deviation", "smallest", "largest", "sum")
"""What "statistics" asks for."""

_ASKED = {
    name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for name, (_, words) in MEASURES.items()
}
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d{1,3})?(?![\w]|\.\d)", re.IGNORECASE
)
_RANGE = re.compile(
    r"(?<![\w.])(-?\d{1,7})\s*(?:to|through|until|\.\.+|…|–)\s*(-?\d{1,7})(?![\w.])"
)
_NAMED = (
    r"mean|average|avg|median|mode|st(?:andard)?[ .]?dev|variance|sum|total|add|statistics?|stats"
)


def numbers_in(text: str) -> list[str]:
    """Return the numbers in `text` as Python writes them; `1 to 5` is all from 1 to 5."""
    if (span := _RANGE.search(text)) and len(_NUMBER.findall(text)) == 2:  # noqa: PLR2004 - both ends
        low, high = sorted((int(span[1]), int(span[2])))
        if high - low < MOST:
            return [str(value) for value in range(low, high + 1)]
    return [_literal(found) for found in _NUMBER.findall(text)[:MOST]]


def _literal(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    digits = text.lstrip("+-")
    if digits.isdecimal():
        return sign + (digits.lstrip("0") or "0")
    return repr(float(sign + digits))


def values(texts: list[str]) -> list[float | int]:
    """Return numbers for a program."""
    return [int(text) if re.fullmatch(r"-?\d+", text) else float(text) for text in texts]


def start(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps where the question has numbers and asks something of them."""
    found = numbers_in(turn.question)
    if re.search(r"\.(?:csv|txt|json|md|log)\b", turn.question, re.IGNORECASE):
        return None  # the numbers are in a file
    asked = [name for name, words in _ASKED.items() if words.search(turn.question)]
    return steps(found, asked or list(ALL)) if found else None


def start_sort(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps that sort the numbers in the question."""
    found = numbers_in(turn.question)
    down = re.search(
        r"\b(?:desc\w*|down\w*|reversed?|largest first)\b", turn.question, re.IGNORECASE
    )
    return sorting(found, down is not None) if len(found) > 1 else None


def start_again(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps for "and the median?": about the numbers of the last question with some."""
    asked = [name for name, words in _ASKED.items() if words.search(turn.question)]
    for earlier in turn.earlier if asked and not numbers_in(turn.question) else ():
        found = numbers_in(earlier)
        if len(found) > 1:
            return steps(found, asked)
    return None


def steps(found: list[str], asked: list[str]) -> Steps:
    """Compute `asked`, which are keys of `MEASURES`, of the numbers `found`."""
    if len(found) == 1:  # one number has no spread
        asked = [name for name in asked if MEASURES[name][0] not in ("stdev", "variance")]
    functions = [MEASURES[name][0] for name in asked]
    wanted = ", ".join(name for name in functions if name not in ("sum", "min", "max"))
    head = f"from statistics import {wanted}\n" if wanted else ""
    lines = [f'print("{name}:", {MEASURES[name][0]}(numbers))' for name in asked]
    source = head + program("\n".join(lines), numbers=values(found))
    result = yield Block(source, say="Let me compute that.")
    facts = result.facts
    told = [f"the {name} is **{number(facts[name])}**" for name in asked if name in facts]
    if not told:
        return "I got no numbers back."
    return f"Of {count(len(found), 'number')}, {listed(told)}."


def sorting(found: list[str], down: bool) -> Steps:
    """Sort the numbers `found`."""
    body = f"print(*sorted(numbers{', reverse=True' if down else ''}), sep=', ')"
    result = yield Block(program(body, numbers=values(found)), say="Let me sort them.")
    way = "from the largest" if down else "from the smallest"
    return f"{count(len(found), 'number')} {way}:\n\n{fenced(result.stdout)}"


SKILLS = (
    skill(r"\A (?:sort|order|rank) \b", start_sort, "sort 3, 1, 2"),
    skill(
        rf"""\A (?:and|what\s+about|how\s+about|now|also|then|what(?:'?s|\s+is)) \b .{{0,40}}
             \b (?:{_NAMED}|min|max|minimum|maximum|smallest|largest) \b .{{0,40}} \Z""",
        start_again,
    ),
    skill(
        rf"""\b (?:{_NAMED}) (?:iation)? \b | \b (?:min|max|minimum|maximum|smallest|largest|biggest
             |highest|lowest) \b .{{0,40}} \d""",
        start,
        "mean, median and stdev of 3, 5, 8, 13",
    ),
)
