"""The table of docs/reference/abuse-suite.md, made from the cases.

`python -m tests.sandbox.abuse.page` writes it into the page; a test checks that it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tests.sandbox.abuse.case import Case
from tests.sandbox.abuse.suite import GROUPS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "abuse-suite.md"
MARK, END = "<!-- cases: generated -->", "<!-- end -->"

POLICIES = {
    "copy": "a copy",
    "default": "a copy",
    "read-only": "read-only",
    "write": "written for real",
    "net": "a copy, and some hosts",
}
"""What a case's blocks may write, in words."""


def written(page: str) -> str:
    """Return the page with the tables as they must be."""
    before, _, rest = page.partition(MARK)
    _, _, after = rest.partition(END)
    count = sum(len(group.CASES) for group in GROUPS)
    tables = "\n\n".join(_table(group) for group in GROUPS)
    return f"{before}{MARK}\n\n{count} cases.\n\n{tables}\n\n{END}{after}"


def _table(group: ModuleType) -> str:
    head = ["| what is promised | what is checked besides | project |", "|---|---|---|"]
    return "\n".join([f"### {group.TITLE}", "", *head, *_rows(group)])


def _rows(group: ModuleType) -> Iterator[str]:
    for case in group.CASES:
        yield f"| {_cell(case.claim)} | {_cell(_checked(case))} | {POLICIES[case.policy]} |"


def _checked(case: Case) -> str:
    return "; ".join(dict.fromkeys(check.words for check in case.checks))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
