"""The answers to a question with their keys: a row for each, or several to a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

GAP = "  "


class Place(NamedTuple):
    """Where an answer stands."""

    row: int
    columns: range
    answer: str


class Choices(NamedTuple):
    """How a question and its answers are shown.

    Args:
        text: what is shown.
        places: where each answer stands in it.
    """

    text: Text
    places: list[Place]

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.text.plain.count("\n") + 1

    def at(self, x: int, y: int) -> str:
        """Return the answer that stands in a cell; empty where none does."""
        found = (place.answer for place in self.places if y == place.row and x in place.columns)
        return next(found, "")


def choices(question: str, answers: Mapping[str, tuple[str, str]], width: int) -> Choices:
    """Return how they are shown.

    Args:
        question: what is asked.
        answers: the key and the words of each answer, by its name.
        width: of rows that answers share; 0 for a row for each.
    """
    text = Text(question, no_wrap=True)
    places: list[Place] = []
    row, column = 0, cell_len(question)
    for name, (key, words) in answers.items():
        length = len(key) + len(words) + (1 if width else len(GAP))
        if column + len(GAP) + length <= width:
            text.append(GAP)
            column += len(GAP)
        else:
            text.append("\n" if width else f"\n{GAP}")
            row, column = row + 1, 0 if width else len(GAP)
        text.append(key, "bold")
        text.append((" " if width else GAP) + words)
        columns = range(column, column + length) if width else range(1 << 16)
        places.append(Place(row, columns, name))
        column += length
    return Choices(text, places)
