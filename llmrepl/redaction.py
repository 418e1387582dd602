"""Keeps secrets out of text: wherever one stands, `[redacted:NAME]` stands in its place.

Pure. It looks for the secrets themselves and for their usual encodings, in time linear in the text;
what was redacted once stays as it is when it is redacted again.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, unquote

T = TypeVar("T")
Secret = tuple[str, str]
"""A name, which is shown, and a value, which is not."""

SHORTEST = 8
"""Characters of the shortest value that counts as a secret; shorter ones are ordinary words."""

SHORTEST_LINE = 16
"""Characters of the shortest line that counts by itself, of a secret of several lines."""

_NAMED = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|(?:^|_)(?:PASS|PAT|JWT|COOKIE)(?:_|$)|_(?:AUTH|PWD)$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"^GPG_KEY$|KEYBOARD|KEYMAP|KEYRING|TOKENIZERS_|MAX_TOKENS"  # public, or no texts
    r"|_(?:FILE|PATH|DIR|DIRECTORY|SOCK|HOST|PORT)$|^GOOGLE_APPLICATION_CREDENTIALS$",  # where
    re.IGNORECASE,
)
_IN_URL = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")

_CODED = frozenset(
    {
        *("call_id", "kind", "status", "stop", "stream", "decision", "provider", "model"),
        *("origin", "seal"),
        "TurnFinished.reason",
    }
)
"""Fields that hold names and words of llmrepl's own, by which the loop goes: they stay."""


def looks_secret(name: str) -> bool:
    """Return whether a variable or an option of this name usually holds a secret."""
    return bool(_NAMED.search(name)) and not _HARMLESS.search(name)


def secrets_in(values: Mapping[str, Any]) -> Iterator[Secret]:
    """Yield the values that are secret by their names, and the passwords that stand in URLs.

    Args:
        values: environment variables, or options that may hold others.
    """
    for name in sorted(values):
        value = values[name]
        if isinstance(value, Mapping):
            yield from secrets_in(value)
        elif isinstance(value, str):
            if looks_secret(name):
                yield name, value
            for password in _IN_URL.findall(value):
                yield name, password
                yield name, unquote(password)


class Redactor:
    """Takes secrets out of texts.

    Args:
        secrets: what must not be seen. White space around a value is no part of it, and values
            shorter than `SHORTEST` are passed over. Of the same value the first name counts.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._labels: dict[str, str] = {}
        for name, value in secrets:
            label = f"[redacted:{_UNSAFE.sub('_', name)}]"
            for spelling in _spellings(str(value).strip()):
                self._labels.setdefault(spelling, label)
        self._labels |= {label: label for label in self._labels.values()}
        self._sorted = sorted(self._labels)
        self._longest = max(map(len, self._sorted), default=0)
        self._heads = {text[:size] for text in self._sorted for size in range(1, SHORTEST + 1)}

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._sorted)

    def redact(self, text: str) -> str:
        """Return `text` without secrets: itself, where it has none."""
        return self._replaced(text, len(text))[0]

    def split(self, text: str) -> tuple[str, str]:
        """Return what of `text` is certain, redacted, and the end of it that is not.

        That end may be the beginning of a secret, and is shorter than the longest.
        """
        hold = self._undecided(text, 0)
        if len(text) < SHORTEST:
            return text[:hold], text[hold:]
        return self._replaced(text, hold)

    def scrub(self, value: T) -> T:
        """Return `value` with every text in it redacted: itself, where nothing had to be.

        Args:
            value: text, a mapping, a list, a tuple or a dataclass of such; anything else is
                returned as it is.
        """
        return self._scrubbed(value) if self else value

    def stream(self) -> Stream:
        """Return what redacts one text that arrives in pieces."""
        return Stream(self)

    def _scrubbed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, Mapping):
            clean = {self._scrubbed(key): self._scrubbed(item) for key, item in value.items()}
            return value if clean == value else clean
        if isinstance(value, list | tuple):
            items = [self._scrubbed(item) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else type(value)(items)
        if is_dataclass(value) and not isinstance(value, type):
            changes = {}
            for name in _texts(type(value)):
                old = getattr(value, name)
                new = self._scrubbed(old)
                if new is not old:
                    changes[name] = new
            return replace(value, **changes) if changes else value
        return value

    def _replaced(self, text: str, hold: int) -> tuple[str, str]:
        """Return `text` redacted up to `hold`, or to behind the secret there, and the rest."""
        pieces: list[str] = []
        done = 0
        for start, found in self._occurrences(text):
            if start >= hold:
                break
            pieces += text[done:start], self._labels[found]
            done = start + len(found)
            if done > hold:
                hold = self._undecided(text, done)
        if not pieces:
            return (text, "") if hold == len(text) else (text[:hold], text[hold:])
        return "".join((*pieces, text[done:hold])), text[hold:]

    def _occurrences(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield (start, spelling), from left to right without overlaps, of two the longer."""
        if len(text) < SHORTEST:
            return
        at = {spelling: text.index(spelling) for spelling in self._sorted if spelling in text}
        while at:
            found = min(at, key=lambda spelling: (at[spelling], -len(spelling)))
            start = at[found]
            yield start, found
            end = start + len(found)
            for spelling in [spelling for spelling, index in at.items() if index < end]:
                at[spelling] = text.find(spelling, end)
                if at[spelling] < 0:
                    del at[spelling]

    def _undecided(self, text: str, start: int) -> int:
        """Return where `text`, from `start` on, ends in what may become a secret: or its length."""
        heads = self._heads
        for index in range(max(start, len(text) - self._longest + 1), len(text)):
            if text[index : index + SHORTEST] in heads:
                tail = text[index:]
                after = bisect_right(self._sorted, tail)
                if after < len(self._sorted) and self._sorted[after].startswith(tail):
                    return index
        return len(text)


class Stream:
    """Redacts a text that arrives in pieces: the same result however it is cut.

    What may be the beginning of a secret is held back until it is known; that is always less than
    the longest secret.
    """

    __slots__ = ("_held", "_redactor")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what is certain now."""
        if not self._redactor:
            return text
        certain, self._held = self._redactor.split(self._held + text)
        return certain

    def close(self) -> str:
        """Return what was held back, now that nothing more comes; it can be fed anew then."""
        text, self._held = self._held, ""
        return self._redactor.redact(text) if text else ""


NOTHING = Redactor()
"""Knows no secrets."""


@cache
def _texts(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of the fields in which secrets may stand."""
    return tuple(
        field.name
        for field in fields(kind)
        if not {field.name, f"{kind.__name__}.{field.name}"} & _CODED
    )


def _spellings(value: str) -> Iterator[str]:
    """Yield `value` in every form in which it is looked for."""
    if len(value) < SHORTEST:
        return
    data = value.encode(errors="surrogateescape")
    yield value
    yield repr(value)[1:-1]
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1]
    for quoted in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield quoted
        yield _ESCAPE.sub(lambda found: found.group().lower(), quoted)
    for encode in (b64encode, urlsafe_b64encode):
        yield encode(data).decode()
        # Inside a longer text the first character and the last may belong to its neighbours too.
        for before, lost in enumerate((0, 2, 3)):
            whole = (before + len(data)) * 8 // 6
            yield encode(bytes(before) + data).decode()[lost:whole]
    for line in value.splitlines():
        if SHORTEST_LINE <= len(line.strip()) < len(value) and not line.startswith("-----"):
            yield line.strip()
