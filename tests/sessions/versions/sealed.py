"""What `version-3.jsonl` holds: records of version 2, sealed for `IDENTITY`. It never changes."""

from pathlib import Path

from llmrepl.events import ConfigChanged, NoteAdded, TurnFinished, TurnStarted
from llmrepl.parts import Text
from llmrepl.record import Record

FILE = Path(__file__).with_name("version-3.jsonl")
IDENTITY = FILE.with_suffix(".identity")
"""A file of an age key that is no secret."""
RECIPIENT = IDENTITY.read_text().split()[3]
"""Who it is sealed for."""

CWD = "/home/ada/π"
CREATED = 1_700_000_000_000
EVENTS = [
    TurnStarted(prompt=(Text("Say it 🐦 twice"),)),
    NoteAdded(text="remember"),
    TurnFinished(reason="end_turn"),
    ConfigChanged(key="tags", value=["keep"]),
]
RECORDS = [
    Record(seq, CREATED + seq, 1 if seq < 4 else 0, 0, event)
    for seq, event in enumerate(EVENTS, start=1)
]
