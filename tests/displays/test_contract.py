"""What every display keeps: it shows whatever comes, and nothing of that commands the terminal."""

import io
import json

import pytest

from llmrepl.displays.opening import open_display
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    BlockDelta,
    BlockOpened,
    CheckFinished,
    ContextCompacted,
    Custom,
    ErrorRaised,
    MessageFinished,
    NetworkRequested,
    NoteAdded,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolRequested,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    Unknown,
    encode,
)
from llmrepl.parts import Output, Text
from llmrepl.ports import Surface
from llmrepl.record import Record
from llmrepl.testing import Step, check_display, records, turn
from llmrepl_timeline.tests.terminal import foreign_commands, screen_of
from tests.repl.test_hostile import ATTACKS

NAMES = ("plain", "json", "timeline")
SURFACES = {
    "a pipe": {},
    "a terminal": {"live": True, "theme": "dark", "links": True, "size": lambda: (40, 12)},
    "a screen reader": {"words": True, "theme": "contrast", "rest": "/show {call}"},
}
ALIKE = {("json", "a terminal"), ("json", "a screen reader")}
"""Programs get the same lines wherever they go."""


SHOWN = [(name, place) for name in NAMES for place in SURFACES if (name, place) not in ALIKE]


@pytest.fixture(params=SHOWN, ids=" on ".join)
def shown(request):
    return request.param


@pytest.fixture
def name(shown):
    return shown[0]


@pytest.fixture
def surface(shown):
    return Surface(stream=io.StringIO(), **SURFACES[shown[1]])


def test_it_keeps_the_contract(name, surface):
    check_display(open_display(name, surface))


MARKUP = "[bold red]x[/] [link=http://e.example]y[/link] \\[z] {markup} &#27;[2J &#x202e; &#155;2J"
BROKEN = b"\xff\xfe\xf0\x28\x8c\xbc \xe2\x80".decode("utf-8", "surrogateescape")
HOSTILE = "safe" + "safe".join(ATTACKS) + f"safe {MARKUP} {BROKEN} \x1b[" + "A" * 70


def everywhere(text):
    """Events of a session with `text` wherever there is room for it."""
    call = {"call_id": "1.1.1"}
    return [
        TurnStarted(prompt=(Text(text),)),
        StepStarted(provider=text, model=text),
        ReasoningDelta(text=text),
        TextDelta(text=text),
        TextDelta(text=f"\n\n# {text}\n\n- {text}\n\n> {text}\n\n```{text}\n{text}\n```\n"),
        TextDelta(
            text=f"\n| {text} | b |\n|--|--|\n| {text} |\n\n[{text}](http://x/{text})\n<{text}>\n"
        ),
        BlockOpened(language=text),
        BlockDelta(text=text),
        ToolRequested(**call, name=text, language="python", arguments={"code": text}),
        MessageFinished(parts=(Text(text),), stop="end_turn"),
        ApprovalRequested(**call, question=text, dangers=(text,), touches=(text,), rules=(text,)),
        ApprovalDecided(**call, decision="deny", by="rule", reason=text, rules=(text,)),
        ToolStarted(**call, executor=text),
        ToolOutput(**call, stream="stdout", text=text),
        NetworkRequested(**call, method=text, host=text, decision="deny", reason=text),
        ToolFinished(
            **call,
            status="error",
            reason=text,
            artifacts=(text,),
            parts=tuple(Output(stream, text) for stream in ("stdout", "stderr", "diff", "error")),
        ),
        ToolFinished(**call, status=text, display=text),
        TurnFinished(reason=text),
        ContextCompacted(summary=text, replaced=1),
        ErrorRaised(kind=text, message=text, hint=text),
        CheckFinished(name=text, status=text, message=text, fix=text),
        NoteAdded(text=text),
        Custom(name=text, data={"x": text}),
        Custom(name="welcome", data={"model": text, "session": text, "hint": text}),
        Custom(
            name="cognition",
            data={"activity": text, "decision": text, "reason": text, "options": [text]},
        ),
        Unknown(name=text, data={text: text}),
    ]


def test_nothing_that_was_written_reaches_the_terminal_as_a_command(name, surface):
    surface.stream.write("above\n")
    display = open_display(name, surface)
    for event in everywhere(HOSTILE):
        display.show(Record(0, 0, 1, 1, event))
    written = surface.stream.getvalue()
    assert foreign_commands(written) == []
    assert "safe" in written
    assert screen_of(written, 10**6)[0] == "above"


def test_a_message_of_a_saved_session_is_harmless_too(name, surface):
    display = open_display(name, surface)
    for event in (StepStarted(provider="p", model="m"), *everywhere(HOSTILE)[8:10]):
        display.show(Record(1, 0, 1, 1, event))
    assert foreign_commands(surface.stream.getvalue()) == []


@pytest.mark.parametrize("attack", [*ATTACKS, "\u2066x\u2069", "\ud800", "\x1b"])
def test_what_is_looked_for_is_found(attack):
    assert foreign_commands(f"safe{attack}safe")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["x" * 2**20, "`" * 2**18, "[" * 2**16, "日本" * 2**17, "a " * 2**16]
)
def test_a_line_of_a_megabyte_is_shown_in_time(name, surface, text):
    display = open_display(name, surface)
    for event in turn("x", [Step(f"Look:\n\n{text}", "print()", text), Step(f"```\n{text}\n```")]):
        display.show(Record(0, 0, 1, 1, event))
    assert surface.stream.getvalue()


def test_json_lines_are_the_records_as_they_are():
    stream = io.StringIO()
    display = open_display("json", Surface(stream=stream))
    whole = records(turn("é\u202e"))
    for record in whole:
        display.show(record)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert stream.getvalue().isascii()
    assert [{**line["data"], "type": line["type"]} for line in lines] == [
        encode(record.event) for record in whole
    ]
    assert [line["seq"] for line in lines] == [record.seq for record in whole]


@pytest.mark.parametrize("name", ["plain", "timeline"])
def test_a_saved_session_is_shown_as_the_live_one_was(name):
    shown = []
    whole = records(turn("What is 6 * 7?"))
    for chosen in (whole, [record for record in whole if record.event.durable]):
        stream = io.StringIO()
        display = open_display(name, Surface(stream=stream))
        for record in chosen:
            display.show(record)
        shown.append(stream.getvalue())
    assert shown[0] == shown[1]
