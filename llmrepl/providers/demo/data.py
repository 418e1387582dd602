"""Data files: what a CSV file holds, a measure of one column, JSON made readable."""

from __future__ import annotations

import re

from llmrepl.providers.demo.dialogue import Turn
from llmrepl.providers.demo.located import paths, unquoted, with_file
from llmrepl.providers.demo.names import Name, name_in
from llmrepl.providers.demo.numbers import MEASURES
from llmrepl.providers.demo.skill import Block, Steps, program, skill
from llmrepl.providers.demo.wording import code, count, fenced, names, number

LONGEST_JSON = 6_000
"""Characters of JSON that an answer shows."""

_COLUMNS = """
import csv
with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
    sample = file.read(4096)
    file.seek(0)
    comma = max(",;\\t", key=sample.count)
    rows = list(csv.DictReader(file, delimiter=comma))
def column(name):
    return [row[name] for row in rows if (row[name] or "").strip()]
def numeric(values):
    try:
        return [float(value) for value in values]
    except ValueError:
        return []
"""

_OVERVIEW = """
print("rows:", len(rows))
for name in (rows[0] if rows else []):
    if name is None:
        continue
    values = column(name)
    found = numeric(values)
    if found:
        about = f"numbers {min(found)} {sum(found) / len(found)} {max(found)}"
    else:
        about = f"text {len(set(values))}"
    print(f"column {about}:", repr(name))
"""

_MEASURE = """
import statistics
wanted = [name for name in (rows[0] if rows else []) if str(name).lower() == asked.lower()]
for name in (rows[0] if rows and not wanted else []):
    print("column:", repr(name))
if wanted:
    found = numeric(column(wanted[0]))
    print("values:", len(found))
    plain = {"sum": sum, "min": min, "max": max}
    print("result:", (plain.get(measure) or getattr(statistics, measure))(found))
"""


def start_csv(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps that summarise a CSV file."""
    return overview(name_in(match["name"]))


def overview(name: Name) -> Steps:
    """Say how many rows a CSV file has and what is in its columns."""
    body = f"{_COLUMNS.strip()}\n{_OVERVIEW.strip()}"
    found = yield from with_file(name, body, "Let me read it.")
    columns = []
    for line in found.result.lines:
        about, _, quoted = line.partition(": ")
        if about.startswith("column "):
            columns.append(_column(unquoted(quoted), about.split()[1:]))
    rows = int(found.result.facts.get("rows", "0"))
    sizes = f"{count(rows, 'row')} and {count(len(columns), 'column')}"
    told = f"{code(found.path)}{found.note} has {sizes}"
    return "\n".join([f"{told}:\n", *columns]) if columns else f"{told}."


def _column(name: str, about: list[str]) -> str:
    match about:
        case ["numbers", low, mean, high]:
            return (
                f"- {code(name)}: numbers from {number(low)} to {number(high)}, mean {number(mean)}"
            )
        case ["text", different]:
            return f"- {code(name)}: text, {different} different"
        case _:
            return f"- {code(name)}"


def start_column(match: re.Match[str], _: Turn) -> Steps | None:
    """Return the steps that compute a measure of one column of a CSV file."""
    for called, (function, words) in MEASURES.items():
        if re.fullmatch(words, match["measure"], re.IGNORECASE):
            return measuring(
                called, function, match["column"].strip("\"'`"), name_in(match["name"])
            )
    return None


def measuring(called: str, function: str, column: str, name: Name) -> Steps:
    """Compute `function`, which people call `called`, of the numbers in a column."""
    body = f"{_COLUMNS.strip()}\n{_MEASURE.strip()}"
    found = yield from with_file(name, body, "Let me read it.", asked=column, measure=function)
    facts = found.result.facts
    if "values" not in facts:
        others = [column for _, column in paths(found.result)]
        return f"{code(found.path)} has no column {code(column)}, but {names(others)}."
    values = int(facts["values"])
    result = number(facts.get("result", "?"))
    return (
        f"The {called} of {code(column)} in {code(found.path)} is **{result}**, of {values} values."
    )


def start_json_file(match: re.Match[str], _: Turn) -> Steps:
    """Return the steps that show a JSON file."""
    return json_file(name_in(match["name"]))


def json_file(name: Name) -> Steps:
    """Show a JSON file with its structure indented."""
    body = """
import json
with open(path, encoding="utf-8") as file:
    print(json.dumps(json.load(file), indent=2, ensure_ascii=False))
"""
    found = yield from with_file(name, body, "Let me read it.")
    return f"{code(found.path)}{found.note} is valid JSON:\n\n{_json(found.result.stdout)}"


def start_json_text(_: re.Match[str], turn: Turn) -> Steps | None:
    """Return the steps that show the JSON in the question."""
    text = turn.question
    start = min((place for place in (text.find("{"), text.find("[")) if place >= 0), default=-1)
    end = max(text.rfind("}"), text.rfind("]"))
    asked = start == 0 or re.search(r"\bjson\b", text[: max(start, 0)], re.IGNORECASE)
    return json_text(text[start : end + 1]) if asked and 0 <= start < end else None


def json_text(text: str) -> Steps:
    """Show JSON text with its structure indented."""
    body = "import json\nprint(json.dumps(json.loads(text), indent=2, ensure_ascii=False))"
    result = yield Block(program(body, text=text), "Let me lay that out.", may_fail=True)
    if not result.ok:
        return f"That is not valid JSON: {code(result.complaint or result.reason)}."
    return f"That is valid JSON:\n\n{_json(result.stdout)}"


def _json(text: str) -> str:
    if len(text) <= LONGEST_JSON:
        return fenced(text, "json")
    lines = text[:LONGEST_JSON].rpartition("\n")[0]
    return (
        f"{fenced(lines, 'json')}\n\nThat is its beginning; it goes on for {len(text)} characters."
    )


SKILLS = (
    skill(
        rf"""\b (?P<measure>{"|".join(words for _, words in MEASURES.values())}) \s+ (?:of|in)
             \s+ (?:the\s+)? (?:column\s+)? (?P<column>"[^"]+"|'[^']+'|`[^`]+`|[^\s"'`]+)
             (?:\s+column)? \s+ (?:of|in|from) \s+ (?P<name> .+ \.csv ["'`]? ) \Z""",
        start_column,
        "mean of price in data.csv",
    ),
    skill(
        r"""\A (?:.{0,40}\s)? (?:summari[sz]e|summary\s+of|describe|columns\s+(?:of|in)|rows\s+in
                 |what(?:'?s|\s+is)\s+in|about|analy[sz]e|csv)
            \s+ (?P<name> .* \.[ct]sv ["'`]? ) \Z""",
        start_csv,
        "summarise data.csv",
    ),
    skill(
        r"""\A (?:pretty[-\s]*print|format|indent|show|prettify|validate|check) (?:\s+(?:the|json))*
            \s+ (?P<name> [^{}\[\]\n]* \.json ["'`]? ) \Z""",
        start_json_file,
        "pretty print settings.json",
    ),
    skill(r"[{\[]", start_json_text, 'format json {"a": [1, 2]}'),
)
