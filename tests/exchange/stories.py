"""Sessions to write in every format: those of the project, and one with something of every kind."""

import io
import math
from decimal import Decimal
from functools import partial
from pathlib import Path

from llmrepl.conversation import Conversation, evolve
from llmrepl.displays.opening import open_display
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    ContextCompacted,
    ContextRestored,
    ContextTrimmed,
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
)
from llmrepl.exchange.formats import written
from llmrepl.exchange.told import Session
from llmrepl.parts import Image, Output, Reasoning, Text, ToolCall
from llmrepl.record import Record
from llmrepl.replaying.playing import frames
from llmrepl.sessions.reader import LogReader
from llmrepl.usage import Price, Usage, cost_of

ROOT = Path(__file__).parents[2]
RECORDED = sorted((ROOT / "sessions").glob("*/*.jsonl"))
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
HOSTILE = (
    "```\n</pre><script>alert(1)</script>\n````\n~~~\n<!-- \x1b]52;c;aGk=\x07\x1b[2J"
    '" onload="x"\n<details>\n# no heading\n'
)
ANSWER = (
    "It is **9**, see [this](javascript:alert(1)) ![pixel](http://192.0.2.1/x.png).\n\n" + HOSTILE
)
PRICE = Price(Decimal("0.15"), Decimal("0.6"), source="test")
USAGE = Usage(1200, 40, cache_read=200)
COST = cost_of(USAGE, PRICE)
SUMMARY = Usage(2000, 50)
BEGIN = 1_790_000_000_000


def call(call_id, code, language="python", problem=""):
    """A call's part and its event."""
    arguments = {"code": code} if language != "tool" else {"city": code}
    name = language if language != "tool" else "weather"
    asked = ToolRequested(
        call_id=call_id, name=name, language=language, arguments=arguments, problem=problem
    )
    return ToolCall(call_id, name, language, arguments, problem), asked


def events():
    """Two turns with something of every kind."""
    one, one_asked = call("1.1.1", f"print('''{HOSTILE}''')\n")
    two, two_asked = call("1.1.2", "rm -rf build", "bash")
    three, three_asked = call("1.1.3", "Oslo", "tool")
    four, four_asked = call("1.1.4", "puts 1", "ruby", "'ruby' is not a language that runs here")
    five, five_asked = call("2.1.1", "print(1)")
    return [
        TurnStarted(prompt=(Text(f"What is 3 × 3? 日本語\n{HOSTILE}"), Image("image/png", PIXEL))),
        StepStarted(provider="groq", model="llama"),
        *(one_asked, two_asked, three_asked, four_asked),
        MessageFinished(
            parts=(
                Reasoning(f"Hm.\n{HOSTILE}"),
                Text("I'll look.\n```python\nopen"),
                one,
                two,
                three,
                four,
            ),
            stop="end_turn",
            usage=USAGE,
            cost=COST,
            first_token_ms=200.0,
            total_ms=1000.0,
        ),
        ApprovalRequested(call_id="1.1.1", question="May it?"),
        ApprovalDecided(call_id="1.1.1", decision="edit", arguments={"code": "print(9)\n"}),
        ToolStarted(call_id="1.1.1", executor="sandbox"),
        NetworkRequested(call_id="1.1.1", method="GET", host="a.test", port=80, decision="deny"),
        ToolFinished(
            call_id="1.1.1",
            status="error",
            exit_code=1,
            ms=20.0,
            reason="ValueError: <bad>",
            parts=(
                Output("stdout", HOSTILE, dropped=7),
                Output("error", "Traceback (most recent call last):\n  x\nValueError: <bad>\n"),
                Image("image/png", PIXEL),
            ),
            dropped_bytes=7,
            artifacts=("plot.png",),
        ),
        ToolFinished(call_id="1.1.2", status="denied", reason="a person said no"),
        ToolStarted(call_id="1.1.3", executor="sandbox"),
        ToolFinished(call_id="1.1.3", status="ok", ms=3.0, parts=(Output("value", "−4 °C"),)),
        ToolFinished(call_id="1.1.4", status="error", reason="it did not run"),
        StepFinished(usage=USAGE, cost=COST, ms=1400.0),
        ErrorRaised(kind="ProviderBusy", message="busy", hint="wait"),
        NoteAdded(text=f"a note {HOSTILE}"),
        StepStarted(provider="groq", model="llama"),
        MessageFinished(parts=(Text(ANSWER),), stop="end_turn", usage=USAGE, cost=COST),
        StepFinished(usage=USAGE, cost=COST, ms=900.0),
        TurnFinished(reason="end_turn", usage=USAGE + USAGE, cost=COST + COST, ms=2300.0),
        ContextTrimmed(messages=2, characters=2000, outputs=1, dropped=99),
        ContextCompacted(
            summary=HOSTILE,
            replaced=3,
            kept=(0,),
            tokens_before=9000,
            tokens_after=700,
            focus=HOSTILE,
            provider="groq",
            model="llama",
            usage=SUMMARY,
            cost=cost_of(SUMMARY, PRICE),
            ms=1500.0,
        ),
        ContextRestored(tokens_before=700, tokens_after=9000),
        ContextCompacted(
            summary="", replaced=1, provider="groq", model="llama", problem=f"busy {HOSTILE}"
        ),
        ContextCompacted(summary=HOSTILE, replaced=1),
        TurnStarted(prompt=(Text("again"),)),
        StepStarted(provider="groq", model="other"),
        five_asked,
        MessageFinished(parts=(five,), stop="end_turn", usage=Usage(900, 9)),
    ]


def everything():
    """A session of `events`, which ends in the middle of a turn."""
    return told(events())


def told(some):
    """A session of these events, which must be able to happen."""
    state, records = Conversation(), []
    for seq, event in enumerate(some, 1):
        state = evolve(state, event)
        records.append(Record(seq, BEGIN + 250 * seq, state.turn, state.step, event))
    return Session("20260921-everything", BEGIN, records, "/home/me/tea", ("earlier", 12))


def saved(path):
    """A session of the project."""
    reader = LogReader(path)
    return Session(reader.header.id, reader.header.created, list(reader), reader.header.cwd)


def all_sessions():
    """Every session that the tests write in every format."""
    return [*some_sessions(), *(saved(path) for path in RECORDED if path.parent.name != "demos")]


def some_sessions():
    """Those that are looked at where a look takes long."""
    demos = [saved(path) for path in RECORDED if path.parent.name == "demos"]
    return [everything(), Session("empty", BEGIN, []), *demos]


def export(session, name, display="timeline"):
    """A session in a format."""
    opened = partial(open_display, display, saved=True)
    return written(session, name, opened, partial(frames, longest=math.inf))


def shown(records, display="plain"):
    """What a display shows of records."""
    from llmrepl.ports import Surface

    stream = io.StringIO()
    drawn = open_display(display, Surface(stream=stream), saved=True)
    for record in records:
        drawn.show(record)
    return stream.getvalue()
