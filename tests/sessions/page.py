"""The tables of docs/reference/session-format.md, made from the code.

`python -m tests.sessions.page` writes them into the page; a test checks that they are there.
"""

import json
import re
from dataclasses import MISSING, fields
from pathlib import Path

from llmrepl import parts
from llmrepl.events import TYPES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "session-format.md"

WORDS = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "Any": "any value",
    "Mapping[str, Any]": "object",
    "tuple[str, ...]": "list of texts",
    "tuple[int, ...]": "list of integers",
    "tuple[Part, ...]": "parts",
    "Usage": "usage",
    "Cost": "cost",
}
KINDS = (parts.Text, parts.Reasoning, parts.ToolCall, parts.Output, parts.Image, parts.ToolResult)


def _field(field):
    words = " or ".join(WORDS.get(name, "null") for name in field.type.split(" | "))
    if field.default is MISSING and field.default_factory is MISSING:
        return f"`{field.name}`: {words}"
    default = field.default if field.default is not MISSING else field.default_factory()
    try:
        value = json.dumps(default)
    except TypeError:
        value = "all zero"
    return f"`{field.name}`: {words} ({value})"


def _row(name, cls):
    described = "; ".join(map(_field, fields(cls)))
    meaning = " ".join(cls.__doc__.split()).replace("|", "\\|")
    return f"| `{name}` | {described} | {meaning} |"


def tables():
    """The rows of each generated table."""
    durable = {name: cls for name, cls in TYPES.items() if cls.durable}
    return {
        "events": [_row(name, cls) for name, cls in durable.items()],
        "parts": [_row(cls.kind, cls) for cls in KINDS],
    }


def written(page):
    """The page with the tables as they must be."""
    for name, rows in tables().items():
        block = "\n".join(
            [f"<!-- {name}: generated -->", "", *HEAD[name], *rows, "", "<!-- end -->"]
        )
        page = re.sub(
            rf"<!-- {name}: generated -->.*?<!-- end -->",
            lambda _, b=block: b,
            page,
            flags=re.DOTALL,
        )
    return page


HEAD = {
    "events": ["| type | data (with the default) | meaning |", "|---|---|---|"],
    "parts": ["| kind | fields (with the default) | meaning |", "|---|---|---|"],
}

if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
