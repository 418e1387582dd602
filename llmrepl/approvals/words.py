"""Words of a command: what is known of them before the shell has expanded them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from llmrepl.approvals.touches import EXACT, LIKELY, OPEN, PATTERN

WILD = re.compile(r"[*?\[]")


class Word(NamedTuple):
    """A word: its text where `form` is exact or a pattern, what was written where it is open.

    `home` says that it begins with a `~` that means the home folder.
    """

    text: str
    form: str = EXACT
    home: bool = False

    @property
    def known(self) -> bool:
        """Whether the program gets exactly this text (or the home folder for its `~`)."""
        return self.form == EXACT

    @property
    def substituted(self) -> bool:
        """Whether it is `<(…)` or `>(…)`: a pipe to a command."""
        return self.form == OPEN and self.text.startswith(("<(", ">("))

    def cut(self, start: int) -> Word:
        """Return the word without its first `start` characters."""
        return Word(self.text[start:], self.form)


def literal(text: str) -> Word:
    """Return a word that is known."""
    return Word(text)


def known(words: Iterable[Word]) -> tuple[str, ...]:
    """Return the texts of `words` up to the first that only running the block can tell."""
    texts = []
    for word in words:
        if not word.known or word.text.startswith("~") is not word.home:
            break
        texts.append(word.text)
    return tuple(texts)


def joined(parts: Sequence[Word]) -> Word:
    """Return the word that `parts` make without a space between them."""
    text = "".join(part.text for part in parts)
    forms = {part.form for part in parts}
    form = OPEN if OPEN in forms else PATTERN if PATTERN in forms else EXACT
    return Word(text, form, parts[0].home if parts else False)


class Place(NamedTuple):
    """Where relative paths start: "" where the block does, None where only running it can tell."""

    directory: str | None = ""

    def to(self, word: Word) -> Place:
        """Return where `cd` to `word` leads."""
        target, form = self.path(word)
        return Place(target if form in (EXACT, LIKELY) else None)

    def path(self, word: Word) -> tuple[str, str]:
        """Return `word` as a path, and its form."""
        text, form = word.text, word.form
        if text.startswith("~") and not word.home and form != OPEN:
            text = f"./{text}"
        if word.home and not re.match(r"~(/|$)", text):
            form = OPEN
        if self.directory == "" or word.home or text.startswith("/"):
            return text, form
        if self.directory is None or form != EXACT:
            return posixpath.join(self.directory or "", text), OPEN
        return posixpath.join(self.directory, text), LIKELY


NOWHERE = Place(None)
"""A directory that only running the block can tell."""
