"""What is staged: the block that is being made, as the live area shows it.

A stage keeps little of what passes through it, and what it shows takes no longer to draw later on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from llmrepl.figures import rate, tokens
from llmrepl.sanitise import Sanitiser
from llmrepl_timeline.lines import TAB, Line, Span, fold, line
from llmrepl_timeline.markdown import Look, MarkdownStream

KEPT = 4_000
"""Characters at the end of a text that a stage keeps."""

CHARACTERS = 4
"""Characters of a token, about: enough to say how fast a model writes."""

SECONDS_FOR_RATE = 1.0

SHOWN = 8
"""Rows at the end of a text that are shown while it is being written."""


class Tail:
    """The end of a text that goes on, made safe to show."""

    def __init__(self) -> None:
        self._sanitiser = Sanitiser()
        self.text = ""
        self.characters = 0
        self.lines = 0

    def feed(self, text: str) -> None:
        """Take in more of the text."""
        text = self._sanitiser.feed_text(text)
        self.characters += len(text)
        self.lines += text.count("\n")
        self.text = (self.text + text)[-KEPT:]

    def rows(self, width: int, most: int, before: Line) -> list[Line]:
        """Return the last `most` rows of it."""
        if most <= 0 or not self.text:
            return []
        room = max(1, width - sum(len(span.text) for span in before))
        rows: list[Line] = []
        for text in self.text.removesuffix("\n").split("\n")[-most:]:
            rows += fold((Span(text.expandtabs(TAB), "dim"),), room)
        return [(*before, *row) for row in rows[-most:]]


def about(characters: int) -> int:
    """Return how many tokens so many characters are, about."""
    return -(-characters // CHARACTERS)


class Waiting:
    """Something goes on that gives nothing to see: its name and its time."""

    def __init__(self, title: str, clock: Callable[[], float]) -> None:
        self._title = title
        self._clock = clock
        self._began = clock()

    @property
    def seconds(self) -> float:
        """How long it has gone on."""
        return self._clock() - self._began

    def goes_on(self, before: Waiting) -> None:
        """Be the same as what was shown before, and told by the time since that began."""
        self._began = before._began

    def status(self) -> str:
        """Return the line that says what goes on."""
        return f"{self._title} {self.seconds:.0f} s"

    def draw(self, width: int, rows: int) -> list[Line]:
        """Return at most `rows` lines and the status."""
        return [*self.body(width, rows), *fold(line(self.status(), "dim"), width)[:1]]

    def body(self, _: int, __: int) -> list[Line]:
        """Return what there is to see."""
        return []


class Writing(Waiting):
    """The model writes: `Thinking 5 s · ~900 tokens · 60 tok/s`, below the end of what it wrote."""

    def __init__(self, title: str, clock: Callable[[], float], before: Line) -> None:
        super().__init__(title, clock)
        self.tail = Tail()
        self._before = before

    @property
    def tokens(self) -> int:
        """How many tokens it has written, about."""
        return about(self.tail.characters)

    def status(self) -> str:
        """Return the line that says what goes on, and how fast."""
        return super().status() + speed(self.tokens, self.seconds)

    def body(self, width: int, rows: int) -> list[Line]:
        """Return the end of what was written."""
        return self.tail.rows(width, min(rows, SHOWN), self._before)


class Running(Writing):
    """A call runs: `Running python 5 s · 12 lines`, below the end of what it wrote."""

    def status(self) -> str:
        """Return the line that says what goes on."""
        lines = f" · {self.tail.lines} lines" if self.tail.lines else ""
        return f"{self._title} {self.seconds:.0f} s{lines}"


class Composing(Waiting):
    """The model answers: how fast it writes, below the Markdown that is not final yet.

    Args:
        clock: returns seconds that never go back.
        links: whether the terminal shows links.
        words: whether it is drawn without rules and boxes.
        kept: whether the answer is drawn as a whole, so that nothing of it is final before its end.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        links: bool,
        words: bool = False,
        kept: bool = False,
    ) -> None:
        super().__init__("Composing", clock)
        self._markdown = MarkdownStream()
        self._look = partial(Look, links=links, words=words)
        self._kept: list[str] | None = [] if kept else None
        self._sanitiser = Sanitiser()
        self._characters = 0

    def feed(self, text: str) -> None:
        """Take in more of the answer."""
        self._characters += len(text)
        self._take(self._sanitiser.feed_text(text))

    def _take(self, text: str) -> None:
        self._markdown.feed(text)
        if self._kept is not None:
            self._kept.append(text)

    def close(self, width: int) -> list[Line]:
        """Return all lines that were not returned: the answer has ended."""
        self._take(self._sanitiser.close())
        return self._markdown.close(self._look(width))

    @property
    def text(self) -> str:
        """The answer so far, where it is kept."""
        return "".join(self._kept or ())

    def advance(self, width: int) -> list[Line]:
        """Return the lines of what has become final."""
        return self._markdown.advance(self._look(width)) if self._kept is None else []

    def status(self) -> str:
        """Return the line that says what goes on, and how fast."""
        return super().status() + speed(about(self._characters), self.seconds)

    def body(self, width: int, rows: int) -> list[Line]:
        """Return the end of what is not final."""
        lines = self._markdown.preview(self._look(width))
        return lines[-rows:] if rows > 0 else []


def speed(count: int, seconds: float) -> str:
    """Return ` · ~120 tokens · 45 tok/s`, without the rate in the first second."""
    fast = f" · {rate(count, seconds * 1000)}" if seconds >= SECONDS_FOR_RATE else ""
    return f" · {tokens(count, estimated=True)} tokens{fast}" if count else ""
