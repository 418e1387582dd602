"""What the list of the sessions screen holds: sessions, found records, or branches of trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from llmrepl.sessions.branching.tree import Row, drawn, milliseconds
from llmrepl.sessions.listing import Summary
from llmrepl.sessions.search.index import Hit
from llmrepl_textual.studying import lines
from llmrepl_timeline.lines import Line, line


class Marks(Protocol):
    """Which sessions are set off."""

    @property
    def here(self) -> str:
        """The session that the chat is in; empty for none."""
        ...

    @property
    def marked(self) -> str:
        """The session that another is to be compared with; empty for none."""
        ...


class Shown:
    """Rows of a kind.

    Args:
        marks: which sessions are set off.
    """

    def __init__(self, marks: Marks) -> None:
        self.marks = marks

    def __len__(self) -> int:
        return 0

    def titles(self, width: int) -> Line:
        """Return the line above the rows."""
        del width
        return ()

    def line(self, at: int, width: int) -> Line:
        """Return a row."""
        raise NotImplementedError

    def session(self, at: int) -> str:
        """Return the id of the session that a row is about; empty where it is about none."""
        raise NotImplementedError

    def record(self, at: int) -> int | None:
        """Return the record that a row is about, where it is about one."""
        del at
        return None

    def summary(self, at: int) -> Summary | None:
        """Return what there is to say of the row's session, where it is known already."""
        del at
        return None


class Listed(Shown):
    """Sessions, the one used last first; `found` grows."""

    def __init__(self, marks: Marks) -> None:
        super().__init__(marks)
        self.found: list[Summary] = []

    def __len__(self) -> int:
        return len(self.found)

    def titles(self, width: int) -> Line:
        """Return what the columns are called."""
        return lines.titles(width)

    def line(self, at: int, width: int) -> Line:
        """Return a session."""
        found, marks = self.found[at], self.marks
        return lines.session(
            found, width, here=found.id == marks.here, marked=found.id == marks.marked
        )

    def session(self, at: int) -> str:
        """Return its id."""
        return self.found[at].id

    def summary(self, at: int) -> Summary | None:
        """Return it."""
        return self.found[at]


class Hits(Shown):
    """Records that were found, the newest first."""

    def __init__(self, marks: Marks, found: list[Hit], words: str) -> None:
        super().__init__(marks)
        self._found = found
        self._words = words

    def __len__(self) -> int:
        return len(self._found)

    def titles(self, width: int) -> Line:
        """Return what the columns are called."""
        return lines.hit_titles(width)

    def line(self, at: int, width: int) -> Line:
        """Return a record."""
        return lines.hit(self._found[at], self._words, width)

    def session(self, at: int) -> str:
        """Return the id of the session that it is in."""
        return self._found[at].session

    def record(self, at: int) -> int:
        """Return its number."""
        return self._found[at].seq


class Forest(Shown):
    """Branches, tree by tree.

    Args:
        marks: which sessions are set off.
        redact: takes secrets out of prompts.
    """

    def __init__(self, marks: Marks, redact: Callable[[str], str]) -> None:
        super().__init__(marks)
        self._redact = redact
        self._trees: list[list[Row | int]] = []
        self._rows: list[tuple[int, Row | int]] = []
        self._now = milliseconds()
        self._lines: tuple[int, list[str]] = (0, [])

    @property
    def trees(self) -> int:
        """How many trees there are by now."""
        return len(self._trees)

    def add(self, tree: list[Row | int], at: int | None = None) -> None:
        """Take in a tree, in the place of another where one is given."""
        if at is None:
            self._trees.append(tree)
        else:
            self._trees[at] = tree
        self._rows = [(number, row) for number, tree in enumerate(self._trees) for row in tree]
        self._lines = (0, [])

    def left_out(self, at: int) -> int | None:
        """Return which tree a row is in that stands for branches which were left out."""
        tree, row = self._rows[at]
        return tree if isinstance(row, int) else None

    def __len__(self) -> int:
        return len(self._rows)

    def _drawn(self, width: int) -> list[str]:
        if self._lines[0] != width:
            rows = [row for _, row in self._rows]
            found = drawn(rows, width, now=self._now, redact=self._redact)
            self._lines = width, [*found]
        return self._lines[1]

    def titles(self, width: int) -> Line:
        """Return what the columns are called."""
        return line(self._drawn(width)[0], "dim")

    def line(self, at: int, width: int) -> Line:
        """Return a branch."""
        here = self.session(at) == self.marks.here
        return line(self._drawn(width)[at + 1], "mark" if here and self.marks.here else "")

    def session(self, at: int) -> str:
        """Return the id of a branch; empty where it is gone, or was left out."""
        row = self._rows[at][1]
        if isinstance(row, int) or row.place.kin.file is None:
            return ""
        return row.place.kin.id
