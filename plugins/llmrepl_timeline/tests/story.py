"""A session with a block of each kind, and how it looks at three widths.

`python -m llmrepl_timeline.tests.story` writes the screens anew.
"""

import io
from decimal import Decimal
from pathlib import Path

from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    BlockDelta,
    BlockOpened,
    CheckFinished,
    ContextCompacted,
    ContextRestored,
    ContextTrimmed,
    Custom,
    ErrorRaised,
    MessageFinished,
    ModelChosen,
    NetworkRequested,
    NoteAdded,
    ReasoningDelta,
    RequestFailed,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Output, Text
from llmrepl.ports import Surface
from llmrepl.record import Record
from llmrepl.testing import FakeClock
from llmrepl.usage import Cost, Usage
from llmrepl_timeline.timeline import Timeline

WIDTHS = (40, 80, 120)
SCREENS = Path(__file__).parent / "screens"

USAGE = Usage(input_tokens=3120, output_tokens=204)
COST = Cost(input=Decimal("0.0031"), output=Decimal("0.0008"))

ANSWER = """\
# What came of it

The file has **three** columns, see `data.csv` and [the manual](https://example.org/manual), and
a sentence that is long enough to be broken somewhere at most widths.

1. First the *header*
2. then the rows:
   - a nested list with a line that goes on and on until it does not fit any more
   - 日本語のテキストと絵文字 👍🏽 in one line

> A quote of somebody who had
> something to say.

| name | count | what it means |
|------|------:|:--------------|
| alpha | 1 | the first of all letters that there are |
| omega | 1200 | the last |

---

```python
def area(radius: float) -> float:
    '''The area of a circle,
    whatever its radius.'''
    return 3.14159 * radius ** 2  # about
```
"""
REST = "/show {call}"
CODE = 'import csv\n\nwith open("data.csv") as file:\n    rows = list(csv.reader(file))\nlen(rows)'
DIFF = "--- a/data.csv\n+++ b/data.csv\n@@ -1,2 +1,2 @@\n name,count\n-alpha,1\n+alpha,2\n"


def call(number, name, code, language="python", step=1):
    arguments = {"code": code} if language != "tool" else {"city": code}
    call_id = f"1.{step}.{number}"
    return ToolRequested(call_id=call_id, name=name, language=language, arguments=arguments)


def events():
    """Return the events of the session."""
    first = call(1, "weather", "Oslo", "tool", step=2)
    second = call(2, "weather", "Rome", "tool", step=2)
    return [
        Custom(
            name="welcome",
            data={
                "model": "groq/llama-3.3-70b-versatile",
                "sandbox": "bubblewrap: writes a copy of ~/tea, no network",
                "session": "20261121-083000-k2vq",
                "hint": "/help for help · Ctrl-D leaves",
            },
        ),
        CheckFinished(name="sandbox", status="ok", message="namespaces, python 3.11"),
        CheckFinished(name="provider", status="warning", message="slow", fix="use another one"),
        TurnStarted(
            prompt=(Text("What is in data.csv?\nBe brief, but do not leave out a thing."),)
        ),
        NoteAdded(text="the file is larger than the context"),
        Custom(
            name="cognition",
            data={
                "activity": "routing",
                "decision": "groq/llama-3.3-70b-versatile",
                "reason": "the question needs code, and no picture",
                "options": ["ollama/llama3.2", "groq/gpt-oss-20b"],
                "input_tokens": 310,
                "output_tokens": 20,
                "ms": 140,
            },
        ),
        StepStarted(provider="groq", model="llama"),
        ReasoningDelta(text="The person wants to know what is in the file. " * 40),
        TextDelta(text="I will **read** it.\n\n"),
        BlockOpened(language="python"),
        BlockDelta(text=CODE),
        call(1, "python", CODE),
        MessageFinished(parts=(), stop="end_turn", usage=USAGE, cost=COST, total_ms=2300.0),
        ApprovalRequested(
            call_id="1.1.1",
            question="May this block read data.csv and reach example.org?",
            dangers=("sends data to example.org",),
            touches=("reads data.csv", "reaches example.org:80"),
        ),
        ApprovalDecided(call_id="1.1.1", decision="once"),
        ToolStarted(call_id="1.1.1", executor="sandbox"),
        ToolOutput(call_id="1.1.1", stream="stdout", text="reading\n"),
        NetworkRequested(
            call_id="1.1.1",
            method="GET",
            host="example.org",
            port=80,
            decision="deny",
            reason="no rule allows it",
        ),
        ToolFinished(
            call_id="1.1.1",
            status="error",
            exit_code=3,
            ms=1234.0,
            reason="ValueError: bad row",
            artifacts=("plot.png",),
            parts=(
                Output("stdout", "".join(f"row {n}\n" for n in range(60))),
                Output("stderr", "a warning\n"),
                Output("error", "Traceback (most recent call last):\nValueError: bad row\n"),
                Output("diff", DIFF),
            ),
        ),
        StepFinished(usage=USAGE, cost=COST, ms=3600.0),
        StepStarted(provider="groq", model="llama"),
        BlockOpened(language="tool"),
        first,
        second,
        MessageFinished(parts=(), stop="end_turn", usage=USAGE, cost=None, total_ms=400.0),
        ApprovalRequested(call_id="1.2.1", question="May it ask for the weather in Oslo?"),
        ApprovalDecided(call_id="1.2.1", decision="session", by="rule", rules=("allow weather",)),
        ToolStarted(call_id="1.2.1", executor="sandbox"),
        ToolStarted(call_id="1.2.2", executor="sandbox"),
        ToolFinished(call_id="1.2.2", status="ok", ms=20.0, parts=(Output("value", "31 °C"),)),
        ToolFinished(call_id="1.2.1", status="timeout", ms=9000.0, reason="took too long"),
        StepFinished(usage=USAGE, ms=9400.0),
        ErrorRaised(kind="ProviderBusy", message="The service is busy", hint="try again in 2 s"),
        ContextTrimmed(messages=9, characters=2000, outputs=2, dropped=12_400),
        ContextCompacted(
            summary="They talk of a file.", replaced=12, tokens_before=9000, tokens_after=700
        ),
        ContextRestored(tokens_before=700, tokens_after=9000),
        Custom(name="weather.measured", data={"place": "Oslo", "degrees": -4}),
        ModelChosen(
            provider="groq",
            model="llama",
            reason="auto:cheapest: $0.0004 for this request, 820 ms per message",
            passed=("ollama/llama3.2: it failed, and is left alone for 24 s",),
        ),
        StepStarted(provider="groq", model="llama"),
        RequestFailed(
            provider="groq",
            model="llama",
            kind="ProviderBusy",
            message="Groq is busy: rate limit reached",
            next="groq/llama",
            wait=2.0,
        ),
        StepStarted(provider="groq", model="llama"),
        *(TextDelta(text=ANSWER[at : at + 7]) for at in range(0, len(ANSWER), 7)),
        MessageFinished(parts=(Text(ANSWER),), stop="end_turn", usage=USAGE, cost=COST),
        StepFinished(usage=USAGE, cost=COST, ms=5200.0),
        TurnFinished(reason="max_steps", usage=USAGE, cost=COST, ms=20_000.0),
    ]


def shown(some, *, clock=None, **about):
    """Return what a timeline writes for `some` events, and the timeline."""
    stream = io.StringIO()
    clock = clock or FakeClock(tick=0.01)
    timeline = Timeline(Surface(stream=stream, **about), clock=clock.monotonic)
    for event in some:
        timeline.show(Record(0, 0, 1, 1, event))
    return stream.getvalue(), timeline


def screen(width):
    """Return the session at a width."""
    return shown(events(), size=lambda: (width, 24), rest=REST)[0]


if __name__ == "__main__":
    for columns in WIDTHS:
        (SCREENS / f"{columns}.txt").write_text(screen(columns))
