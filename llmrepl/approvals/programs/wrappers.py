"""Programs that only start another one: which words are their own, and what they start."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from llmrepl.approvals.programs.options import Options, split
from llmrepl.approvals.touches import OPEN
from llmrepl.approvals.words import Word

ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=")

SHAPING = re.compile(
    r"(?:PATH|IFS|HOME|SHELL|ENV|CDPATH|SHELLOPTS|PROMPT_COMMAND|PS[0-4]|BASH_\w+|LD_\w+|GIT_\w+"
    r"|PYTHON(?:PATH|STARTUP|HOME)|PERL5\w+|RUBY\w+|NODE_\w+|\w*(?:PAGER|EDITOR|BROWSER))\b"
)
"""Variables that change which programs later commands start, or what those do."""

HARMLESS = re.compile(
    r"LANG|LC_\w+|TZ|TERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|CLICOLOR|CI|DEBIAN_FRONTEND"
    r"|PYTHON(?:UNBUFFERED|DONTWRITEBYTECODE|HASHSEED|UTF8|WARNINGS)|RUST_BACKTRACE"
)
"""Variables that change nothing about which files a command touches or what it starts."""

SYSTEM = re.compile(r"/(?:usr/(?:local/)?)?s?bin/([^/]+)")
"""A program's full path in a directory of the system."""


class Wrapper(NamedTuple):
    """How a wrapper's arguments are read.

    Args:
        valued: its options that take a value.
        operands: how many operands are its own (the seconds of `timeout`).
        other: options with which it does not simply start a command.
        assigns: `NAME=value` may stand before the command.
        adds: it adds arguments to the command that only running it can tell.
    """

    valued: str = ""
    operands: int = 0
    other: str = ""
    assigns: bool = False
    adds: bool = False


_SUDO = "u user g group h host p prompt C close-from r role t type T command-timeout U other-user"
WRAPPERS = {
    "sudo": Wrapper(
        _SUDO, other="e edit l list v validate s shell i login D chdir R chroot", assigns=True
    ),
    "doas": Wrapper("u C", other="s L"),
    "env": Wrapper("u unset", other="S split-string C chdir", assigns=True),
    "timeout": Wrapper("k kill-after s signal", operands=1),
    "nohup": Wrapper(),
    "nice": Wrapper("n adjustment"),
    "ionice": Wrapper("c class n classdata", other="p pid P u"),
    "stdbuf": Wrapper("i input o output e error"),
    "setsid": Wrapper(),
    "time": Wrapper("f format", other="o output"),
    "xargs": Wrapper("I n max-args P max-procs L d delimiter E s", other="a arg-file", adds=True),
    "exec": Wrapper("a"),
    "command": Wrapper(other="v V"),
    "builtin": Wrapper(),
    "coproc": Wrapper(),
}

ADDED = Word("…", OPEN)
"""The arguments that `xargs` reads."""


class Seen(NamedTuple):
    """A command without its wrappers: its words, and the names of what was looked through."""

    words: list[Word]
    through: tuple[str, ...]


def program_name(word: Word) -> str:
    """Return the name of the program that `word` starts: of a system path, its last part."""
    found = SYSTEM.fullmatch(word.text)
    return found[1] if found else word.text


def look_through(words: Sequence[Word]) -> Seen:
    """Return the command that `words` start in the end."""
    rest, through = list(words), list[str]()
    while rest and rest[0].known:
        name = program_name(rest[0])
        wrapper = WRAPPERS.get(name)
        if wrapper is None:
            break
        options = split(rest[1:], wrapper.valued, interleaved=False)
        inner = options.operands[wrapper.operands :]
        assigned = list[str]()
        while wrapper.assigns and inner and ASSIGNMENT.match(inner[0].text):
            assigned += assignment(inner.pop(0))
        if not inner or options.has(*wrapper.other.split()):
            break
        through += [name, *assigned]
        rest = [*_filled(inner, options), ADDED] if wrapper.adds else inner
    return Seen(rest, tuple(through))


def _filled(words: Sequence[Word], options: Options) -> list[Word]:
    """Return the words of a command into which `xargs` puts what it reads."""
    if not options.has("I", "i", "replace"):
        return list(words)
    marks = {word.text for word in options.values("I", "replace")} | {"{}"}
    return [
        Word(word.text, OPEN) if any(mark in word.text for mark in marks) else word
        for word in words
    ]


def assignment(word: Word) -> tuple[str, ...]:
    """Return what an assignment before a command adds to what has to be looked through."""
    found = ASSIGNMENT.match(word.text)
    harmless = found and HARMLESS.fullmatch(found[1])
    return () if harmless or not found else (f"{found[1]}=",)
