"""What the person ran is shown as a block of theirs, live and from a saved session alike."""

import io

import pytest

from llmrepl.displays.opening import open_display
from llmrepl.events import ToolFinished, ToolOutput, ToolRequested, ToolStarted
from llmrepl.parts import Output
from llmrepl.ports import Surface
from llmrepl.testing import records, turn


def command(origin):
    call_id = "1.!9"
    return [
        ToolRequested(
            call_id=call_id,
            name="bash",
            language="bash",
            arguments={"code": "ls"},
            origin=origin,
        ),
        ToolStarted(call_id=call_id, executor="fake"),
        ToolOutput(call_id=call_id, stream="stdout", text="a b\n"),
        ToolFinished(
            call_id=call_id, status="ok", parts=(Output("stdout", "a b\n"),), exit_code=0, ms=3.0
        ),
    ]


def shown(name, some):
    stream = io.StringIO()
    display = open_display(name, Surface(stream=stream))
    for record in records(some):
        display.show(record)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["plain", "timeline"])
@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize(
    ("origin", "told"), [("person", " · typed"), ("aside", " · typed, not for the model")]
)
def test_a_command_stands_after_the_turn_as_a_block_of_its_own(name, saved, origin, told):
    events = [*turn(), *command(origin), *turn(number=2)]
    text = shown(name, [event for event in events if event.durable or not saved])
    block = f"╭─ bash{told}\n│ ls\n  a b\n╰─ ✓ ok · 3.0 ms\n"
    assert text.count(block) == 1
    places = [text.index(words) for words in ("It is 42.", "╭─ bash")]
    assert places == sorted(places)
    assert text.rindex("It is 42.") > places[1]
