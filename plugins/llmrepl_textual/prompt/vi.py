"""vi's modes and what keys do in them, for a text with a cursor. Pure.

It knows no widget: `press` says what is to become of the text, and whoever has it does that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from llmrepl_textual.prompt.motions import MOTIONS, Reach, found, line_of, on_text

OPERATORS = "dcy"
FINDS = "fFtT"
SHORT = {"x": "dl", "X": "dh", "D": "d$", "C": "c$", "s": "cl", "S": "cc", "Y": "yy"}
"""What stands for an operator with its motion."""


class Step(NamedTuple):
    """What a key comes to: where the cursor stands then, and what takes the place of what.

    `do` is something that the text alone cannot do: `undo`, or `up` and `down` out of it.
    """

    at: int
    begin: int = 0
    end: int = 0
    text: str = ""
    do: str = ""


class Vi:
    """Begins with inserting.

    Attributes:
        inserting: whether keys insert.
        kept: what was deleted or copied last.
    """

    def __init__(self) -> None:
        self.inserting = True
        self.kept = ""
        self._typed = ""
        self._doing: Mapping[str, Callable[[str, int, int], Step]] = {
            "i": lambda _, at, __: self._insert(at),
            "a": lambda text, at, _: self._insert(min(at + 1, line_of(text, at)[1])),
            "I": lambda text, at, _: self._insert(MOTIONS["^"](text, at, 1).at),
            "A": lambda text, at, _: self._insert(line_of(text, at)[1]),
            "o": lambda text, at, _: self._open(line_of(text, at)[1], 1),
            "O": lambda text, at, _: self._open(line_of(text, at)[0], 0),
            "p": self._put_behind,
            "P": self._put_before,
            "~": _other_case,
            "u": lambda _, at, __: Step(at, do="undo"),
        }

    @property
    def waits(self) -> bool:
        """Whether keys were pressed that more have to follow."""
        return bool(self._typed)

    def begin(self) -> None:
        """Insert, and forget what was begun."""
        self.inserting, self._typed = True, ""

    def escape(self, text: str, at: int) -> Step:
        """Leave inserting, or what was begun; the cursor stands on a character then."""
        at = max(line_of(text, at)[0], at - 1) if self.inserting else at
        self.inserting, self._typed = False, ""
        return Step(on_text(text, at))

    def press(self, key: str, text: str, at: int) -> Step | None:
        """Take a key where keys do not insert.

        Args:
            key: a character.
            text: what there is.
            at: where the cursor is in it.

        Returns:
            None where more keys have to follow, or where they mean nothing.
        """
        typed = self._typed + key
        count, rest = _counted(typed)
        rest = SHORT.get(rest, rest)
        self._typed = typed if _is_begun(rest) else ""
        if self._typed or not rest:
            return None
        if rest[0] == "r" and len(rest) > 1:
            return _replaced(rest[1], text, at, count)
        if rest in self._doing:
            return self._doing[rest](text, at, count)
        operator, keys = (rest[0], rest[1:]) if rest[0] in OPERATORS else ("", rest)
        more, keys = _counted(keys)
        count *= more
        if operator and keys == operator:
            return self._lines(operator, text, at, MOTIONS["j"](text, at, count - 1).at)
        reach = _reach(keys, text, at, count)
        if reach is None:
            return None
        if not operator:
            return _moved(keys, reach, text, at)
        if operator == "c" and keys in ("w", "W") and not text[at : at + 1].isspace():
            reach = MOTIONS["eE"["wW".index(keys)]](text, at - 1, count)  # the rest of the word
        if reach.lines:
            return self._lines(operator, text, at, reach.at)
        begin, end = sorted((at, reach.at))
        return self._operated(operator, text, begin, end + reach.inclusive)

    def _insert(self, at: int) -> Step:
        self.inserting = True
        return Step(at)

    def _open(self, at: int, after: int) -> Step:
        self.inserting = True
        return Step(at + after, at, at, "\n")

    def _operated(self, operator: str, text: str, begin: int, end: int) -> Step:
        self.kept = text[begin:end]
        if operator == "y":
            return Step(begin)
        if operator == "c":
            self.inserting = True
            return Step(begin, begin, end)
        return Step(on_text(text[:begin] + text[end:], begin), begin, end)

    def _lines(self, operator: str, text: str, at: int, to: int) -> Step:
        first, last = sorted((at, to))
        begin, end = line_of(text, first)[0], line_of(text, last)[1]
        self.kept = text[begin:end] + "\n"
        if operator == "y":
            return Step(at)
        if operator == "c":
            self.inserting = True
            return Step(begin, begin, end)
        if end < len(text):
            end += 1
        elif begin:
            begin -= 1
        left = text[:begin] + text[end:]
        return Step(line_of(left, min(begin, len(left)))[0], begin, end)

    def _put_behind(self, text: str, at: int, count: int) -> Step:
        end = line_of(text, at)[1]
        if self.kept.endswith("\n"):
            return Step(end + 1, end, end, ("\n" + self.kept.removesuffix("\n")) * count)
        place = min(at + 1, end)
        return Step(place + len(self.kept) * count - 1, place, place, self.kept * count)

    def _put_before(self, text: str, at: int, count: int) -> Step:
        begin, _ = line_of(text, at)
        place = begin if self.kept.endswith("\n") else at
        more = 0 if self.kept.endswith("\n") else len(self.kept) * count - 1
        return Step(place + more, place, place, self.kept * count)


def _counted(typed: str) -> tuple[int, str]:
    """Return how often, 1 where nothing says it, and what."""
    rest = typed.lstrip("0123456789") if typed[:1] != "0" else typed
    number = typed[: len(typed) - len(rest)]
    return int(number[:3]) if number else 1, rest


def _is_begun(rest: str) -> bool:
    """Return whether more keys have to follow."""
    if not rest:
        return True
    if rest[0] in OPERATORS:
        rest = _counted(rest[1:])[1]
        return not rest or (len(rest) == 1 and rest in FINDS + "g")
    return len(rest) == 1 and rest in FINDS + "gr"


def _reach(keys: str, text: str, at: int, count: int) -> Reach | None:
    if keys in MOTIONS:
        return MOTIONS[keys](text, at, count)
    if keys[:1] and keys[0] in FINDS:
        return found(keys[0], keys[1:], text, at, count)
    return None


def _moved(keys: str, reach: Reach, text: str, at: int) -> Step:
    if keys in "jk" and line_of(text, at) == line_of(text, reach.at):
        return Step(at, do="down" if keys == "j" else "up")
    return Step(on_text(text, reach.at))


def _replaced(letter: str, text: str, at: int, count: int) -> Step | None:
    end = line_of(text, at)[1]
    if at + count > end:
        return None
    return Step(at + count - 1, at, at + count, letter * count)


def _other_case(text: str, at: int, count: int) -> Step:
    end = min(at + count, line_of(text, at)[1])
    swapped = text[:at] + text[at:end].swapcase() + text[end:]
    return Step(on_text(swapped, end), at, end, text[at:end].swapcase())
