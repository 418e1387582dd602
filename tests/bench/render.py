"""What an answer costs to render while it streams, against rendering it once at its end: CPU time.

Ten tokens come at a time, as fast as they are taken. The bounds: at most 8 times the work of once,
the same work per token within a factor of 1.3 whatever the length, for prose and for one long fence
alike, and the first token on the screen within 20 ms.
"""

from __future__ import annotations

import io
import random
import statistics
import time
from collections.abc import Iterable, Iterator

from llmrepl.displays.opening import open_display
from llmrepl.events import Event, MessageFinished, StepStarted, TextDelta
from llmrepl.ports import Surface
from llmrepl.record import Record

SIZES = (1_000, 4_000, 16_000, 64_000)
CHARACTERS = 4  # of a token
PIECE = 10 * CHARACTERS
ROUNDS = 3
WORDS = (
    "some *words* of `code` in a display **laid out** with [links](http://x.example) line by line"
)
LINE = '    value = compute(x, "text", 42)  # and a comment\n'


def prose(tokens: int) -> str:
    """Return paragraphs, lists and headings of so many tokens."""
    chance, words, blocks, size = random.Random(1), WORDS.split(), [], 0
    while size < tokens * CHARACTERS:
        text = " ".join(chance.choices(words, k=chance.randrange(20, 120)))
        if chance.random() < 0.2:
            text = f"- {text}\n- {text[:80]}\n"
        elif chance.random() < 0.1:
            text = f"## {text[:40]}\n"
        blocks.append(f"{text}\n\n")
        size += len(blocks[-1])
    return "".join(blocks)[: tokens * CHARACTERS]


def fence(tokens: int) -> str:
    """Return one code fence of so many tokens."""
    size = tokens * CHARACTERS
    return "```python\n" + (LINE * (size // len(LINE) + 1))[:size] + "\n```\n"


def events(pieces: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a message that comes in `pieces`."""
    yield StepStarted(provider="bench", model="bench")
    for piece in pieces:
        yield TextDelta(text=piece)
    yield MessageFinished(parts=(), stop="end_turn")


class Hurried:
    """A pace by which each redraw is due at once."""

    wait = 0.0

    def count(self, began: float) -> None:
        """Take note of a redraw."""


def shown(pieces: Iterable[str], *, hurried: bool = False) -> float:
    """Return the CPU milliseconds that a live timeline takes to show `pieces`."""
    surface = Surface(stream=io.StringIO(), live=True, theme="dark", size=lambda: (100, 40))
    timeline = open_display("timeline", surface)
    if hurried:
        vars(timeline)["_pace"] = Hurried()
    records = [Record(0, 0, 1, 1, event) for event in events(pieces)]
    began = time.process_time()
    for record in records:
        timeline.show(record)
    return (time.process_time() - began) * 1000


def first_token() -> float:
    """Return the milliseconds until a first token is on the screen, when nothing was before."""
    stream = io.StringIO()
    timeline = open_display("timeline", Surface(stream=stream, live=True))
    started, piece, *_ = events(["Hello"])
    timeline.show(Record(0, 0, 1, 1, started))
    time.sleep(0.3)  # as long as any model takes; drawing is warmed up meanwhile
    began = time.perf_counter()
    timeline.show(Record(0, 0, 1, 1, piece))
    took = (time.perf_counter() - began) * 1000
    assert "Hello" in stream.getvalue()
    return took


def report() -> str:
    """Return the table of all measurements."""
    lines = [f"\nrender   first token {first_token():.1f} ms   [20 ms]"]
    for name, text_of in (("prose", prose), ("one fence", fence)):
        lines.append(f"\nrender {name}, CPU ms   [8 x once; per token within 1.3]")
        for tokens in SIZES:
            text = text_of(tokens)
            pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
            ways: dict[str, list[float]] = {"once": [], "streamed": [], "each piece drawn": []}
            for _ in range(ROUNDS):
                ways["once"].append(shown([text]))
                ways["streamed"].append(shown(pieces))
                ways["each piece drawn"].append(shown(pieces, hurried=True))
            once = statistics.median(ways["once"])
            for way, samples in ways.items():
                median = statistics.median(samples)
                lines.append(
                    f"  {tokens:6d} tokens {way:18s} {median:9.1f} ms  x{median / once:5.1f}"
                    f"  {median / tokens * 1000:7.1f} µs a token"
                )
    return "\n".join(lines)
