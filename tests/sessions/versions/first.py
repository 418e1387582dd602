"""What `version-1.jsonl` holds: every type, part and field that version 1 had, none at its default.

The file was written by the llmrepl that had no newer version, and never changes.
"""

from decimal import Decimal
from pathlib import Path

from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    CheckFinished,
    ConfigChanged,
    ContextCompacted,
    Custom,
    ErrorRaised,
    MessageFinished,
    NetworkRequested,
    NoteAdded,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    Unknown,
)
from llmrepl.parts import Image, Output, Reasoning, Text, ToolCall, ToolResult, UnknownPart
from llmrepl.record import Record
from llmrepl.usage import Price, Usage, cost_of

FILE = Path(__file__).with_name("version-1.jsonl")

USAGE = Usage(1200, 340, 1000, 50, 120, True)
PRICE = Price(Decimal("0.15"), Decimal("0.6"), Decimal("0.075"), None, "a table of 2026-11-21")
COST = cost_of(USAGE, PRICE)
CODE = {"code": "print('naïve 🐦')\n", "timeout": 2.5}
RESULT = ToolResult(
    "1.1.1", "python", "error", (Output("error", "boom\n"),), 1, 31.5, "it failed", CODE, True
)

EVENTS = [
    ConfigChanged(key="model", value={"provider": "demo", "list": [1, None, True, 0.5]}),
    CheckFinished(name="sandbox", status="warning", message="slow", fix="do less"),
    TurnStarted(
        prompt=(Text("Say\u2028it \ud800 twice"), Image("image/png", "aGk=", "a.png")),
        source="cron",
    ),
    StepStarted(provider="demo", model="assistant", estimated_tokens=1200),
    ToolRequested(
        call_id="1.1.1",
        name="python",
        language="python",
        arguments=CODE,
        origin="native",
        span=(0, 9),
        ambiguous=True,
        problem="too odd",
    ),
    MessageFinished(
        parts=(Reasoning("hm"), Text("so"), ToolCall("1.1.1", "python", "python", CODE, "too odd")),
        stop="end_turn",
        usage=USAGE,
        cost=COST,
        first_token_ms=12.5,
        total_ms=88.5,
    ),
    ApprovalRequested(
        call_id="1.1.1",
        question="Run it?",
        options=("once", "edit", "deny"),
        dangers=("it writes",),
        touches=("a.txt",),
        rules=("python *",),
    ),
    ApprovalDecided(
        call_id="1.1.1",
        decision="edit",
        by="rule",
        rules=("python *",),
        reason="shorter",
        arguments=CODE,
    ),
    ToolStarted(call_id="1.1.1", executor="bwrap", policy="no network", limits={"timeout": 10}),
    NetworkRequested(
        call_id="1.1.1",
        method="GET",
        host="example.org",
        port=443,
        address="192.0.2.1",
        decision="deny",
        rule="*.org",
        reason="not allowed",
    ),
    ToolFinished(
        call_id="1.1.1",
        status="error",
        parts=(RESULT, UnknownPart("hologram", {"depth": 3})),
        display="boom",
        exit_code=1,
        ms=31.5,
        reason="it failed",
        dropped_bytes=7,
        artifacts=("plot.png",),
    ),
    StepFinished(usage=USAGE, cost=COST, ms=99.5),
    TurnFinished(reason="max_steps", usage=USAGE, cost=COST, ms=100.0),
    ContextCompacted(summary="they talked", replaced=3, tokens_before=900, tokens_after=90),
    ErrorRaised(kind="ProviderError", message="no answer", hint="ask again"),
    NoteAdded(text="remember", audience="both", call_id="1.1.1"),
    Custom(name="plugin.thing", data={"blobs": {}, "deep": [[["x"]]]}),
    Unknown(name="from.elsewhere", data={"what": "ever"}),
]
RECORDS = [
    Record(seq, 1_700_000_000_000 + seq, 1, 1, event) for seq, event in enumerate(EVENTS, start=1)
]
