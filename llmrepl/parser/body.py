"""The body of an open helper block: one action, or several in code fences.

A line that may end an action is one *reading* of where it ends, and provisional: the first reading
whose code compiles is accepted. A block of which none does is settled when the message ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import StringIO
from typing import Literal

from llmrepl.parser.calls import Action, make_calls
from llmrepl.parser.checks import MOST_READINGS, UNCHECKED, Checker, one_line
from llmrepl.parser.grammar import (
    BLANK,
    LANGUAGES,
    Certainty,
    Fence,
    Opening,
    is_closing,
    may_close,
    may_open_fence,
    read_fence,
)
from llmrepl.parser.items import Block, Code, Item, Opened, Prose

Ending = Literal["", "tag", "fence"]

CUT = (
    "the message was cut off before this block's </helpers>, so nothing ran;"
    " send the block again, whole or in smaller parts"
)
GLUED = "the closing tag does not stand alone; write </helpers> on a line of its own"

EXACT = ("python", "tool")
"""Languages in which at most one reading of a text compiles."""

_CLOSING_FIRST = re.compile(r"^[ \t]*</helpers", re.IGNORECASE | re.MULTILINE)
_CLOSING_LAST = re.compile(r"</helpers[ \t]*>[ \t\r]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(slots=True)
class _Readings:
    """The readings of one kind, none of which compiles.

    The line of the first stands at `start:end` in the code and ends at `at` in the message;
    `problem` is what is wrong with the code before it.
    """

    start: int
    end: int
    at: int
    problem: str
    count: int = 1


class _Reader:
    """One action's code while it is read."""

    def __init__(self, language: str, fence: Fence | None) -> None:
        self.language = language
        self._fence = fence
        self._code = StringIO(newline="\n")
        self._lines = 0
        self._blank = True
        self._readings: dict[Ending, _Readings] = {}

    @property
    def code(self) -> str:
        """The code so far."""
        return self._code.getvalue()

    @property
    def lead(self) -> str:
        """What stands between the code so far and the next line."""
        return "\n" if self._lines else ""

    def add(self, line: str) -> None:
        """Take `line` as a line of code."""
        self._code.write(self.lead + line)
        self._lines += 1
        self._blank = self._blank and not line.strip(BLANK)

    def may_end(self, line: str) -> bool:
        """Return whether `line`, which may still go on, could end the action."""
        return may_close(line) or (self._fence is not None and self._fence.may_close(line))

    def ending(self, line: str) -> Ending:
        """Return as what the complete `line` could end the action."""
        if is_closing(line):
            return "tag"
        return "fence" if self._fence is not None and self._fence.closes(line) else ""

    def ends(self, ending: Ending, line: str, at: int, checker: Checker) -> bool:
        """Return whether the code before `line` compiles; if not, remember this reading."""
        if self._blank:
            return True
        tried = self._readings.get(ending)
        if tried is not None:
            tried.count += 1
            return tried.count <= MOST_READINGS and not checker.problem(self.language, self._code)
        problem = checker.problem(self.language, self._code)
        if problem:
            start = self._code.tell()
            end = start + len(self.lead) + len(line)
            self._readings[ending] = _Readings(start, end, at, problem)
        return not problem

    def settle(self, checker: Checker) -> tuple[Action, _Readings | None]:
        """Return the action, now that the message has ended without ending it.

        The second value is where its block ends, or None if that is the message's end.
        """
        code = self.code
        problem = checker.problem(self.language, self._code)
        tag, fence = self._readings.get("tag"), self._readings.get("fence")
        tried = fence or tag
        if tried is None:
            if self._is_glued(code, problem):
                return Action(self.language, code, problem=GLUED), None
            return self._judge(code, problem, 1), None
        if not problem:
            return Action(self.language, code, ambiguous=self.language not in EXACT), None
        last = tag if tag is not None and tag.start > tried.start else tried
        return self._judge(code[: tried.start], tried.problem, tried.count), last

    def _is_glued(self, code: str, problem: str) -> bool:
        """Return whether `code`, which nothing ended, holds a closing tag next to other text."""
        if problem:
            return bool(_CLOSING_FIRST.search(code) or _CLOSING_LAST.search(code))
        return self.language not in EXACT and _CLOSING_FIRST.search(code) is not None

    def _judge(self, code: str, problem: str, readings: int) -> Action:
        """Return the action of which `readings` do not compile.

        Python and JSON that do not compile cannot run, and say best themselves what is wrong.
        """
        language = self.language
        if not problem or language == "tool" or (language == "python" and readings == 1):
            return Action(language, code)
        if readings > 1 or problem == UNCHECKED or "here-document" in problem:
            return Action(language, code, ambiguous=True)
        return Action(
            language, code, problem=one_line(f"{language} does not accept this: {problem}")
        )


class Body:
    """Reads the lines after an opening tag, until one of them closes the block.

    Args:
        opening: the tag.
        start: where the tag's line begins in the message.
        checker: tells whether code compiles.
    """

    def __init__(self, opening: Opening, start: int, checker: Checker) -> None:
        self._opening = opening
        self._start = start
        self._checker = checker
        self._reader: _Reader | None = None
        self._fenced = False  # whether the body is one or more fenced actions
        self._blanks: list[str] = []  # lines before the first that is not blank
        self._actions: list[Action] = []

    def certainty(self, line: str) -> Certainty:
        """Return what `line`, which may still go on, is known to be."""
        if self._reader is not None:
            return "open" if self._reader.may_end(line) else "text"
        if self._fenced:
            return "held"
        if may_close(line):
            return "open"
        if may_open_fence(line):
            return "held" if line.strip(" ")[2:] else "open"
        return "text"

    def show(self, text: str, *, whole: bool = False) -> list[Item]:
        """Return the preview of `text`, the certain beginning of a line of code, or all of it."""
        items: list[Item] = []
        reader = self._reader
        if reader is None:
            reader = self._reader = _Reader(self._opening.language, None)
            items.append(Opened(reader.language))
            for line in self._blanks:
                items += _code(reader.lead + line)
                reader.add(line)
        items += _code(reader.lead + text)
        if whole:
            reader.add(text)
        return items

    def read(self, line: str, at: int, *, shown: bool) -> list[Item]:
        """Take a complete line that ends at `at`; a `Block`, always last, ends the body."""
        reader = self._reader
        if reader is None:
            if is_closing(line):
                return self._close(at)
            if fence := read_fence(line):
                return self._open_fence(fence)
            if self._fenced:
                return []
            if not line.strip(BLANK):
                self._blanks.append(line)
                return []
        elif (ending := reader.ending(line)) and reader.ends(ending, line, at, self._checker):
            self._actions.append(Action(reader.language, reader.code))
            self._reader = None
            return self._close(at) if ending == "tag" else []
        if reader is not None and shown:
            reader.add(line)
            return []
        return self.show(line, whole=True)

    def _open_fence(self, fence: Fence) -> list[Item]:
        self._fenced = True
        language = LANGUAGES.get(fence.word, fence.word) or self._opening.language
        self._reader = _Reader(language, fence)
        return [Opened(language)]

    def finish(self, after: str, at: int, *, cut: bool) -> list[Item]:
        """Close the body at the end of the message.

        Args:
            after: what the message holds after the last line read.
            at: where the message ends.
            cut: whether it was broken off.
        """
        reader, rest = self._reader, ""
        if reader is not None and cut:
            self._actions.append(Action(reader.language, reader.code))
        elif reader is not None:
            action, end = reader.settle(self._checker)
            self._actions.append(action)
            if end is not None:
                at = end.at
                rest = (reader.code[end.end :] + after)[1:]
        items = self._close(at, CUT if cut else "")
        return [*items, Prose(rest)] if rest else items

    def _close(self, at: int, problem: str = "") -> list[Item]:
        calls = make_calls(self._actions, self._opening, problem)
        block = Block(calls, (self._start, at))
        unseen = self._reader is None and not self._actions
        return [Opened(self._opening.language), block] if unseen else [block]


def _code(text: str) -> list[Item]:
    return [Code(text)] if text else []
