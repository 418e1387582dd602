"""File names in questions, quoted or not, and what the words around them are."""

from __future__ import annotations

import re
from dataclasses import dataclass

_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "「": "」"}
_FILLER = re.compile(r"(?:(?:the|of|in|file|files|called|named|contents?)\s+)+", re.IGNORECASE)
_AFTER = re.compile(r"\s+(?:file|for me|here)\Z", re.IGNORECASE)
_EXTENSION = re.compile(r".\.[^\W_]{1,8}\Z", re.DOTALL)
_HERE = re.compile(
    r"(?:(?:the|this|that|current|my|here|in|project|working|directory|folder|dir)\s*)+|\.",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name as the person wrote it.

    `exact` says whether it is to be taken at its word: it was quoted, or has an extension or a
    folder. Any other may be the beginning of a name, such as README.
    """

    text: str
    exact: bool

    @property
    def is_here(self) -> bool:
        """Whether it means the working directory."""
        return not self.text or _HERE.fullmatch(self.text) is not None


def name_in(words: str) -> Name:
    """Return the file name in `words`: the quoted part, else all but filler words."""
    words = words.strip()
    quoted = _quoted(words)
    if quoted:
        return Name(quoted, exact=True)
    if filler := _FILLER.match(words):
        words = words[filler.end() :]
    words = _AFTER.sub("", words).strip()
    return Name(words, exact="/" in words or _EXTENSION.search(words) is not None)


def _quoted(words: str) -> str:
    """Return the longest text between two quotes that no letter adjoins from outside."""
    found = [""]
    for opening, closing in _QUOTES.items():
        start = re.search(rf"(?:\A|(?<=[\s(,:])){re.escape(opening)}", words)
        if not start:
            continue
        for end in reversed([match.start() for match in re.finditer(re.escape(closing), words)]):
            if end < start.end():
                break
            if not words[end + 1 : end + 2].isalnum():
                found.append(words[start.end() : end])
                break
    return max(found, key=len)
