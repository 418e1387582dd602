"""What changes again goes to the stage where there is one, and the stream gets what is final."""

import io

from llmrepl.displays.opening import open_display
from llmrepl.events import MessageFinished, StepStarted, TextDelta, TurnFinished, TurnStarted
from llmrepl.parts import Text
from llmrepl.ports import Surface
from llmrepl.record import Record


def test_the_stream_gets_whole_lines_in_order_and_the_stage_the_rest():
    stream, stages = io.StringIO(), []
    surface = Surface(stream=stream, live=True, theme="dark", links=True, stage=stages.append)
    timeline = open_display("timeline", surface)
    events = (
        TurnStarted(prompt=(Text("Well?"),)),
        StepStarted(provider="p", model="m"),
        TextDelta(text="One [*paragraph*](http://x.example).\n\n"),
        TextDelta(text="Another "),
        MessageFinished(parts=(), stop="end_turn"),
        TurnFinished(reason="end_turn"),
    )
    for event in events:
        timeline.show(Record(1, 0, 1, 1, event))
    written = stream.getvalue()
    assert "\x1b[1A" not in written
    assert "Composing" not in written
    assert written.index("Well?") < written.index("paragraph") < written.index("Another")
    assert "Waiting for the model" in "".join(stages)
    assert stages[-1] == ""
    assert "\x1b]8" not in "".join(stages)  # links can be followed once they stay


def test_without_a_live_terminal_nothing_is_staged():
    stages = []
    surface = Surface(stream=io.StringIO(), stage=stages.append)
    timeline = open_display("timeline", surface)
    timeline.show(Record(1, 0, 1, 1, StepStarted(provider="p", model="m")))
    timeline.show(Record(1, 0, 1, 1, TextDelta(text="Hello")))
    assert stages == []
