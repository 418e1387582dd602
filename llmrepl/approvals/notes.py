"""Where a review collects what it finds, within bounds on number, depth and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from llmrepl.approvals.touches import OPEN, Command, Touch
from llmrepl.approvals.weighing import is_danger
from llmrepl.approvals.words import Place

MOST_TOUCHES = 300
DEEPEST = 4
"""How many languages may stand inside each other: bash in Python in bash …"""
SECONDS = 0.5

CODE = "runs code that is known only when it runs:"
"""The beginning of what is said of code that cannot be read."""

Reader = Callable[[str, "Notes"], None]
"""Reads a source and notes what it touches."""


class Enough(Exception):
    """The review ends here; the message says which bound was reached."""


class Notes:
    """The touches found so far.

    Args:
        readers: what reads a language.
    """

    def __init__(self, readers: Mapping[str, Reader]) -> None:
        self.through: tuple[str, ...] = ()
        """What was looked through before the code that is being read: `sudo bash -c '…'`."""
        self.place = Place()
        """Where the code that is being read starts."""
        self.evaluated = False
        """Whether that code is evaluated by the code around it, in the same process."""
        self.moved = False
        """Whether something changed the directory in a way that is not followed."""
        self._readers = readers
        self._touches: dict[Touch, None] = {}
        self._depth = 0
        self._end = time.monotonic() + SECONDS

    @property
    def touches(self) -> tuple[Touch, ...]:
        """What was found, each once, in the order in which it was found."""
        return tuple(self._touches)

    def add(self, touch: Touch) -> None:
        """Note a touch; whether it is a danger is judged here, too.

        Raises:
            Enough: there are too many.
        """
        if not touch.danger and is_danger(touch):
            touch = replace(touch, danger=True)
        self._touches[touch] = None
        if len(self._touches) > MOST_TOUCHES:
            raise Enough(f"it touches more than {MOST_TOUCHES} things, and not all are told")

    def unread(self, why: str) -> None:
        """Note that something could not be read."""
        self._touches[Touch("unknown", "", why, OPEN, danger=True)] = None

    def hidden(self, target: str, detail: str = CODE, *, command: Command | None = None) -> None:
        """Note code, or a name, that only running the block can tell."""
        self.add(Touch("unknown", target, detail, OPEN, danger=True, command=command))

    def code(
        self,
        language: str,
        source: str,
        place: Place,
        through: tuple[str, ...] = (),
        *,
        apart: bool = False,
    ) -> None:
        """Read `source`, which stands in the code that is being read.

        Args:
            language: python or bash.
            source: the code.
            place: where it starts.
            through: what was looked through before it.
            apart: it runs in a process of its own.

        Raises:
            Enough: a bound was reached.
        """
        if self._depth >= DEEPEST:
            self.hidden(source, f"holds code more than {DEEPEST} levels deep:")
            return
        before = self.through, self.place, self.evaluated
        moved = self.moved
        self.through, self.place = (*self.through, *through), place
        self.evaluated = not apart and self._depth > 0
        self._depth += 1
        try:
            self._readers[language](source, self)
        finally:
            self._depth -= 1
            self.through, self.place, self.evaluated = before
            self.moved = moved if apart else self.moved

    def check_time(self) -> None:
        """Raise `Enough` when the review has taken too long."""
        if time.monotonic() > self._end:
            raise Enough(f"reading it took longer than {SECONDS:g} s")

    @property
    def late(self) -> bool:
        """Whether the review has taken too long."""
        return time.monotonic() > self._end

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Turn the end of a review into a touch that says why it ended."""
        try:
            yield
        except Enough as why:
            self.unread(f"cannot be told whole: {why}")
        except RecursionError:
            self.unread("cannot be told: it is nested too deep")
