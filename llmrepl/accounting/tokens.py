"""Counts tokens: at once with an estimate, exactly as soon as a vocabulary has been loaded.

Text reaches tiktoken in pieces of bounded size, cut where it would cut a word anyway. A long
text without any such place would otherwise take it quadratic time or make it panic.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from llmrepl.accounting import ranks
from llmrepl.accounting.estimate import estimate, guessed
from llmrepl.accounting.kinds import kinds_of
from llmrepl.content import Content

if TYPE_CHECKING:
    import tiktoken

PIECE = 4096
"""Characters that tiktoken gets at once."""

LONG = 500_000
"""Characters from which on a text is counted by samples, so that a count never takes long."""

SAMPLES = 32
"""How many evenly spread samples of `2 * PIECE` characters stand for a long text."""

BOUNDARY = r"""
    (?: (?<=\S)(?=[ \t])                             # before a space
      | (?<=[\r\n])(?=[^\s/])                        # at the start of a line
      | (?<=[^\W_])(?=[\r\n!-&(-/:-@\[-`{-~、。]) )    # after a letter or digit
"""
"""Where both encodings begin a new word, whatever comes before and after."""

_PIECES = re.compile(
    rf".{{1,{PIECE}}} (?: \Z | {BOUNDARY} ) | .{{1,{PIECE}}}", re.VERBOSE | re.DOTALL
)

CL100K_MODELS = ("gpt-4-", "gpt-3.5", "gpt-35-turbo", "text-embedding-")
"""How the names begin of the models that count in cl100k_base; `gpt-4` itself does, too."""


def encoding_of(model: str) -> str:
    """Return the encoding that counts best for `model`.

    Only OpenAI's models use it exactly; for all others it is an estimate.
    """
    name = model.rpartition("/")[2].lower()
    old = name == "gpt-4" or name.startswith(CL100K_MODELS)
    return "cl100k_base" if old else "o200k_base"


class Tokens:
    """Counts tokens of one encoding. Counting never blocks on loading and never downloads.

    Args:
        encoding: `o200k_base` or `cl100k_base`.
    """

    def __init__(self, encoding: str = "o200k_base") -> None:
        self.encoding = encoding
        self._loaded: tiktoken.Encoding | None = None
        self._lock = threading.Lock()

    @property
    def exact(self) -> bool:
        """Whether the vocabulary is loaded, so that counts are tiktoken's own."""
        return self._loaded is not None

    def load(self) -> None:
        """Load the vocabulary and return when it is there; may be called from any thread."""
        with self._lock:
            if self._loaded is None:
                self._loaded = ranks.load(self.encoding)

    def count(self, text: str) -> int:
        """Return the number of tokens of `text`.

        Once `exact`, this is tiktoken's number for any text that has a space, a line or
        punctuation every `PIECE` characters; other texts are off by about one token per `PIECE`.
        A text over `LONG` characters is extrapolated from samples.
        """
        count = self._exactly if self.exact else estimate
        return count(text) if len(text) <= LONG else _by_samples(text, count)

    def content(self, text: str) -> Content:
        """Return the tokens of `text`, as `count` does, and of what kinds they are."""
        if len(text) <= LONG:
            return self._content(text)
        samples = _samples(text)
        scale = len(text) / sum(map(len, samples))
        whole = sum(map(self._content, samples), Content())
        return Content(
            round(whole.tokens * scale), tuple(round(kind * scale) for kind in whole.kinds)
        )

    def _content(self, text: str) -> Content:
        encoding = self._loaded
        if encoding is None:
            words = Counter(guessed(text))
            return Content(words.total(), kinds_of(words, exact=False))
        ids: Counter[int] = Counter()
        estimated: Counter[str] = Counter()
        for piece in pieces(text):
            if (found := _ids(encoding, piece)) is None:
                estimated.update(guessed(piece))
            else:
                ids.update(found)
        words = Counter()
        for number, count in ids.items():
            word = encoding.decode_single_token_bytes(number).decode("utf-8", "replace")
            words[word] += count
        words += estimated
        return Content(words.total(), kinds_of(words, exact=True))

    def _exactly(self, text: str) -> int:
        return sum(_encoded(self._loaded, piece) for piece in pieces(text))


def pieces(text: str) -> Iterator[str]:
    """Cut `text` into pieces of at most `PIECE` characters that join to it again."""
    return (match[0] for match in _PIECES.finditer(text))


def _encoded(encoding: tiktoken.Encoding | None, piece: str) -> int:
    """Return the number of tokens of `piece`, estimated should the encoder break on it."""
    ids = None if encoding is None else _ids(encoding, piece)
    return estimate(piece) if ids is None else len(ids)


def _ids(encoding: tiktoken.Encoding, piece: str) -> list[int] | None:
    """Return the tokens of `piece`; None should the encoder break on it."""
    try:
        return encoding.encode_ordinary(piece)
    except BaseException as error:  # a Rust panic is no Exception, and ends a program otherwise
        if type(error).__name__ != "PanicException":
            raise
        return None


def _by_samples(text: str, count: Callable[[str], int]) -> int:
    """Return the number of tokens of a long `text`, from evenly spread samples of it."""
    samples = _samples(text)
    return round(sum(map(count, samples)) * len(text) / sum(map(len, samples)))


def _samples(text: str) -> list[str]:
    size = 2 * PIECE
    stride = (len(text) - size) // (SAMPLES - 1)
    return [text[start : start + size] for start in range(0, SAMPLES * stride, stride)]
