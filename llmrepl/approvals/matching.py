"""Compares what a block touches with the patterns of rules.

How well they fit has four grades, since a rule that says yes must cover all of something, and one
that says no need only meet a part of it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from llmrepl.approvals.rules import COMMANDS, SUBJECTS, Rule
from llmrepl.approvals.touches import EXACT, LIKELY, PATTERN, Command, Touch
from llmrepl.approvals.words import WILD

LONGEST = 4096
"""Characters of a target that is compared: no path is longer, and no host."""

PATHS = frozenset(SUBJECTS["path"].kinds)


class Fit(IntEnum):
    """How much of a touch a rule is about."""

    NONE = 0
    MAYBE = 1  # only running the block can tell
    PART = 2  # some of it, surely
    WHOLE = 3  # all of it, surely


@dataclass(frozen=True, slots=True)
class Ground:
    """What relative paths mean.

    Args:
        project: the absolute directory that relative patterns start from.
        home: the absolute home folder.
        moved: blocks may no longer start in the project, and where they do cannot be told.
    """

    project: str
    home: str
    moved: bool = False

    def absolute(self, path: str) -> str:
        """Return `path` in its shortest absolute form."""
        if path == "~" or path.startswith("~/"):
            path = self.home + path[1:]
        return "/" + posixpath.normpath(posixpath.join(self.project, path)).lstrip("/")

    def knows(self, path: str) -> bool:
        """Whether it can be told what a block means by `path`."""
        return not self.moved or path.startswith(("/", "~"))


def fit(rule: Rule, touch: Touch, ground: Ground) -> Fit:
    """Return how much of `touch` the rule is about."""
    if rule.subject == "everything":
        return Fit.WHOLE
    # Code that cannot be read may do anything, and so what the rule is about, too.
    hidden = touch.kind == "unknown" and touch.danger
    least = Fit.MAYBE if hidden else Fit.NONE
    if rule.subject in COMMANDS:
        exactly = rule.subject == "exactly"
        command = touch.command
        return max(least, _command(rule.words, command, exactly=exactly) if command else Fit.NONE)
    if touch.kind not in SUBJECTS[rule.subject].kinds:
        return least
    if not rule.pattern:
        return Fit.PART if hidden else Fit.WHOLE
    if len(touch.target) > LONGEST:
        return Fit.MAYBE
    if touch.kind in PATHS:
        return _path(rule.pattern, touch, ground)
    if touch.form != EXACT:
        return Fit.MAYBE
    if touch.kind == "network":
        return Fit.WHOLE if matches_host(rule.pattern, touch.target) else Fit.NONE
    return Fit.WHOLE if rule.pattern == touch.target else Fit.NONE


def _path(pattern: str, touch: Touch, ground: Ground) -> Fit:
    if touch.form not in (EXACT, LIKELY, PATTERN) or not ground.knows(touch.target):
        return Fit.MAYBE
    pattern, path = ground.absolute(pattern), ground.absolute(touch.target)
    found = path_fit(pattern, path, wild=touch.form == PATTERN, whole=touch.whole)
    if touch.form == LIKELY:  # if the `cd` before it fails, it is something else
        return min(max(found, Fit.MAYBE), Fit.PART)
    return found


def path_fit(pattern: str, path: str, *, wild: bool = False, whole: bool = False) -> Fit:
    """Return how much of `path` the pattern covers.

    Args:
        pattern: the rule's, absolute.
        path: the block's, absolute.
        wild: `path` is a pattern, too.
        whole: everything in `path` is meant, too.
    """
    folder = _fixed(path) if wild else path
    direct = _compiled(pattern).fullmatch(path) is not None
    if direct and not wild and not whole:
        return Fit.WHOLE
    if wild or whole:
        if pattern.endswith("/**") and _compiled(pattern).fullmatch(f"{folder}/\0/\0"):
            return Fit.WHOLE
        if pattern == path and not whole:
            return Fit.WHOLE
    if direct or (whole and _within(_fixed(pattern), folder)):
        return Fit.PART
    near = _within(_fixed(pattern), folder) or _within(folder, _fixed(pattern))
    return Fit.MAYBE if near and (wild or (whole and WILD.search(pattern))) else Fit.NONE


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a path pattern as an expression: `*` and `?` stop at a `/`, `**` does not."""
    pieces = re.split(r"(/\*\*$|\*\*/|\*\*|\*|\?)", pattern)
    expressions = (_WILDCARDS.get(piece) or re.escape(piece) for piece in pieces)
    return re.compile("".join(expressions), re.DOTALL)


_WILDCARDS = {"/**": "(?:/.*)?", "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _fixed(pattern: str) -> str:
    """Return the folder in which everything lies that `pattern` matches."""
    wild = WILD.search(pattern)
    return pattern if wild is None else posixpath.dirname(pattern[: wild.start()] + "x")


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def matches_host(pattern: str, target: str) -> bool:
    """Return whether `pattern` names the host, and the port where it names one."""
    host, port = _address(target)
    wanted, wanted_port = _address(pattern)
    expression = ".*".join(map(re.escape, wanted.split("*")))
    fits = re.fullmatch(expression, host, re.IGNORECASE) is not None
    return fits and wanted_port in ("", port)


def _address(text: str) -> tuple[str, str]:
    host, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and (":" not in host or host.endswith("]")):
        return host, port
    return text, ""


def _command(words: Sequence[str], command: Command, *, exactly: bool) -> Fit:
    """Compare a rule's words with a command's.

    A command through `sudo`, or with variables set for it, is wholly covered only by words that
    say so; a rule that says no sees through all of it.
    """
    spellings = [text for text in (command.words, command.written) if text]
    for said in (command.words if command.bare else (), command.written):
        complete = command.complete and len(said) == len(words)
        if said and tuple(said[: len(words)]) == tuple(words) and (complete or not exactly):
            return Fit.WHOLE
    if exactly:
        same = any(tuple(said) == tuple(words) for said in spellings)
        return Fit.PART if same and command.complete else Fit.NONE
    spellings += [(posixpath.basename(text[0]), *text[1:]) for text in spellings if "/" in text[0]]
    return max(
        (_meets(words, said, complete=command.complete) for said in spellings), default=Fit.NONE
    )


def _meets(words: Sequence[str], said: Sequence[str], *, complete: bool) -> Fit:
    """Compare word by word; options, and one word behind each, may stand in between."""
    starts = {0}
    least = Fit.NONE
    for word in words:
        behind = set()
        for at in range(len(said) + 2):
            if at not in starts:
                continue
            if at >= len(said):
                least = Fit.NONE if complete else Fit.MAYBE
            elif said[at] == word:
                behind.add(at + 1)
            elif said[at].startswith("-"):
                starts |= {at + 1, at + 2}
        starts = behind
    return Fit.PART if starts else least
