"""Splits a command's arguments into options and operands, as getopt does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from llmrepl.approvals.touches import OPEN
from llmrepl.approvals.words import Word

FLAG = Word("")
"""The value of an option that has none."""


@dataclass
class Options:
    """Options by name (without dashes) with their values, and operands in order.

    `hidden` says that an argument which is known only when it runs may be an option.
    """

    named: dict[str, list[Word]] = field(default_factory=dict)
    operands: list[Word] = field(default_factory=list)
    hidden: bool = False

    def has(self, *names: str) -> bool:
        """Return whether one of `names` is among the options; long ones may be abbreviated."""
        return any(
            name in self.named
            or (len(name) > 1 and any(len(n) > 1 and name.startswith(n) for n in self.named))
            for name in names
        )

    def values(self, *names: str) -> list[Word]:
        """Return the values that were given for `names`."""
        return [word for name in names for word in self.named.get(name, ()) if word is not FLAG]


def split(args: Sequence[Word], valued: str = "", *, interleaved: bool = True) -> Options:
    """Return `args` split.

    Args:
        args: the words after the program's name.
        valued: the names of the options that take a value, with spaces between them; of `-name`
            in one dash (as `find` and Java programs have them) nothing is known.
        interleaved: options may stand behind operands; else the first operand ends them.
    """
    takes = frozenset(valued.split())
    options = Options()
    rest = list(args)
    while rest:
        word = rest.pop(0)
        text = word.text
        if word.form == OPEN and not text.startswith("-") and not word.substituted:
            # Unquoted or not, a variable can hold an option.
            options.hidden = True
        if text == "--" and word.known:
            options.operands += rest
            break
        if not text.startswith("-") or text == "-":
            options.operands.append(word)
            if not interleaved:
                options.operands += rest
                break
        elif text.startswith("--"):
            name, equals, _ = text[2:].partition("=")
            value = word.cut(len(name) + 3) if equals else FLAG
            if not equals and name in takes and rest:
                value = rest.pop(0)
            options.named.setdefault(name, []).append(value)
        else:
            _cluster(word, takes, rest, options)
    return options


def _cluster(word: Word, takes: frozenset[str], rest: list[Word], options: Options) -> None:
    for index, letter in enumerate(word.text[1:], 2):
        if letter in takes:
            value = word.cut(index) if index < len(word.text) else FLAG
            if value is FLAG and rest:
                value = rest.pop(0)
            options.named.setdefault(letter, []).append(value)
            return
        options.named.setdefault(letter, []).append(FLAG)
