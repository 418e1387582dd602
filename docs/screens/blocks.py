"""Draw what each kind of block looks like: python -m docs.screens.blocks.

The timeline itself draws them, from the session of its tests, and each kind becomes a picture of
its own in docs/screens/blocks. They stand on docs/explanation/what-you-see.md.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from docs.screens.make import svg
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    CheckFinished,
    ContextCompacted,
    ContextRestored,
    ContextTrimmed,
    Custom,
    ErrorRaised,
    Event,
    MessageFinished,
    ModelChosen,
    NetworkRequested,
    NoteAdded,
    ReasoningDelta,
    RequestFailed,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.ports import Surface
from llmrepl.record import Record
from llmrepl.testing import FakeClock
from llmrepl_timeline.tests.story import REST, events
from llmrepl_timeline.timeline import Timeline

PICTURES = Path(__file__).parent / "blocks"
WIDTH = 84
THOUGHT = 12.0
"""Seconds that the model thinks in the picture."""

CALL = (StepStarted, ToolRequested, MessageFinished, ToolStarted, ToolFinished)

KINDS: dict[str, tuple[type[Event], ...]] = {
    "welcome": (Custom,),
    "check": (CheckFinished,),
    "prompt": (TurnStarted,),
    "cognition": (Custom,),
    "routing": (ModelChosen, RequestFailed),
    "compaction": (ContextTrimmed, ContextCompacted, ContextRestored),
    "reasoning": (ReasoningDelta,),
    "answer": (StepStarted, TextDelta, TurnFinished),
    "call": CALL,
    "together": CALL,
    "approval": (ApprovalRequested, ApprovalDecided),
    "network": (NetworkRequested,),
    "error": (ErrorRaised,),
    "note": (NoteAdded,),
}
"""What is on each picture: the events of the session that are of these types."""

CUSTOM = frozenset({"welcome", "cognition"})
FIRST, OTHERS = frozenset({"1.1.1"}), frozenset({"1.2.1", "1.2.2"})
CALLS = {"call": FIRST, "together": OTHERS, "approval": FIRST}
"""The calls that are on a picture; of others nothing is."""


def chosen(name: str) -> Sequence[Event]:
    """Return the events that are on a picture."""
    story = events()
    if name in ("call", "together"):
        steps = [at for at, event in enumerate(story) if isinstance(event, StepStarted)]
        first = 0 if name == "call" else 1
        story = story[steps[first] : steps[first + 1]]
    if name == "answer":
        story = story[max(n for n, event in enumerate(story) if isinstance(event, StepStarted)) :]
    return [event for event in story if isinstance(event, KINDS[name]) and _is_on(name, event)]


def _is_on(name: str, event: Event) -> bool:
    if isinstance(event, Custom):
        return event.name == name if name in CUSTOM else True
    call_id = getattr(event, "call_id", None)
    return call_id is None or name not in CALLS or call_id in CALLS[name]


def drawn(name: str) -> list[str]:
    """Return the rows of a picture, with their colours."""
    stream, clock = io.StringIO(), FakeClock()
    surface = Surface(stream=stream, theme="dark", rest=REST, size=lambda: (WIDTH, 24))
    timeline = Timeline(surface, clock=clock.monotonic)
    for event in chosen(name):
        timeline.show(Record(0, 0, 1, 1, event))
        if isinstance(event, ReasoningDelta):
            clock.advance(THOUGHT)
    timeline.settle()
    return stream.getvalue().strip("\n").split("\n")


def picture(name: str) -> str:
    """Return a picture as SVG."""
    return svg(drawn(name), width=WIDTH, name=name) + "\n"


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or KINDS:
        (PICTURES / f"{name}.svg").write_text(picture(name), "utf-8")
        click.echo(PICTURES / f"{name}.svg")
