"""Sessions to write and damage in the tests."""

import json
from decimal import Decimal
from itertools import chain

from hypothesis import HealthCheck, settings

from llmrepl import testing
from llmrepl.events import (
    MessageFinished,
    NoteAdded,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
)
from llmrepl.parts import Output, Text, ToolCall
from llmrepl.record import Record
from llmrepl.sessions.log import SessionLog
from llmrepl.sessions.reader import LogReader
from llmrepl.usage import Price, Usage, cost_of

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For property tests that work on files: how long a disk takes says nothing about the code."""

USAGE = Usage(1200, 40)
COST = cost_of(USAGE, Price(Decimal("0.15"), Decimal("0.6"), source="test"))
CODE = "for i in range(9):\n    print(i)\n"


def turn(number, *, prompt="What is the sum of the first numbers?"):
    """The (event, step) pairs of one turn with one call in it."""
    call_id = f"{number}.1.1"
    arguments = {"code": CODE}
    call = ToolCall(call_id, "python", "python", arguments)
    return [
        (TurnStarted(prompt=(Text(prompt),)), 0),
        (StepStarted(provider="demo", model="assistant", estimated_tokens=1200), 1),
        (
            ToolRequested(
                call_id=call_id, name="python", language="python", arguments=arguments, span=(0, 9)
            ),
            1,
        ),
        (
            MessageFinished(
                parts=(Text("Let me see."), call), stop="end_turn", usage=USAGE, cost=COST
            ),
            1,
        ),
        (ToolStarted(call_id=call_id, executor="bwrap", limits={"timeout": 10}), 1),
        (ToolFinished(call_id=call_id, status="ok", parts=(Output("stdout", "0\n1\n"),)), 1),
        (StepFinished(usage=USAGE, cost=COST, ms=600.0), 1),
        (StepStarted(provider="demo", model="assistant-2"), 2),
        (MessageFinished(parts=(Text("It is 36. "),), stop="end_turn", usage=USAGE), 2),
        (TurnFinished(reason="end_turn", usage=USAGE + USAGE, cost=COST, ms=1000.0), 2),
    ]


def story(turns=1):
    """The records of a session of `turns` whole turns."""
    pairs = [
        (number, event, step) for number in range(1, turns + 1) for event, step in turn(number)
    ]
    return [
        Record(seq, 1_700_000_000_000 + seq, number, step, event)
        for seq, (number, event, step) in enumerate(pairs, start=1)
    ]


def notes(count, text="remember"):
    """Records without a turn, as short as they come."""
    return [Record(seq, seq, 0, 0, NoteAdded(text=text)) for seq in range(1, count + 1)]


def write(directory, records, **options):
    """Write a whole session and return its path."""
    with SessionLog.create(directory, **options) as log:
        for record in records:
            log.append(record)
    return log.path


def read(path):
    """Read all records of a session that must be sound."""
    reader = LogReader(path)
    records = list(reader)
    assert reader.problem is None
    return records


def lines_of(path):
    """The parsed lines, header first."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def chat(*prompts):
    """The records of a chat that could go on: each prompt has a turn of 11 records with a call."""
    turns = (testing.turn(prompt, number=number) for number, prompt in enumerate(prompts, 1))
    return [record for record in testing.records(chain(*turns)) if record.seq]
