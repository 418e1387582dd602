"""Blocks are staged while they change; what is inscribed is the same with and without a stage."""

import asyncio
import io

import pytest

from llmrepl.errors import PluginError
from llmrepl.events import (
    ApprovalDecided,
    ApprovalRequested,
    BlockDelta,
    BlockOpened,
    Custom,
    ErrorRaised,
    MessageFinished,
    ReasoningDelta,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
    TurnStarted,
)
from llmrepl.parts import Output, Text
from llmrepl.ports import Surface
from llmrepl.record import Record
from llmrepl.testing import FakeClock, Step, records, turn
from llmrepl_timeline.drawings import DRAWINGS
from llmrepl_timeline.screen import Pace
from llmrepl_timeline.tests.story import REST, SCREENS, WIDTHS, call, events, screen, shown
from llmrepl_timeline.tests.terminal import screen_of
from llmrepl_timeline.timeline import Timeline

STEP = StepStarted(provider="p", model="m")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_screens_are_those_on_file(width):
    assert screen(width) == (SCREENS / f"{width}.txt").read_text()


def test_every_kind_of_block_is_on_the_screens():
    told = {event.name if isinstance(event, Custom) else event.type for event in events()}
    silent = {kind for kind, drawing in DRAWINGS.items() if drawing is DRAWINGS["step.started"]}
    assert sorted(set(DRAWINGS) - silent - told) == []


@pytest.mark.parametrize("width", [20, *WIDTHS])
def test_a_live_terminal_ends_with_the_same_lines_as_a_pipe(width):
    written, timeline = shown(events(), live=True, rest=REST, size=lambda: (width + 1, 24))
    timeline.settle()
    rows = screen_of(written, 10**6)
    assert rows == [
        line.rstrip()
        for line in shown(events(), rest=REST, size=lambda: (width, 24))[0].split("\n")
    ]


@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
def test_a_theme_changes_no_text(theme):
    written, _ = shown(events(), theme=theme, rest=REST, size=lambda: (80, 24))
    assert screen_of(written, 10**6) == screen_of(screen(80), 10**6)


def test_without_a_theme_nothing_but_text_is_written():
    assert "\x1b" not in screen(80)


class Live:
    """A live timeline whose screen can be looked at between records."""

    def __init__(self, columns=60, rows=24):
        self.columns, self.rows = columns, rows
        self.stream = io.StringIO()
        self.clock = FakeClock()
        surface = Surface(
            stream=self.stream, live=True, asks=True, size=lambda: (self.columns, self.rows)
        )
        self.timeline = Timeline(surface, clock=self.clock.monotonic)

    def show(self, *some, seconds=1.0):
        for event in some:
            self.clock.advance(seconds)
            self.timeline.show(Record(0, 0, 1, 1, event))

    @property
    def screen(self):
        return [row for row in screen_of(self.stream.getvalue(), self.columns) if row]


def test_an_answer_is_staged_as_it_comes():
    live = Live()
    live.show(STEP)
    assert live.screen == ["Waiting for the model 0 s"]
    live.show(TextDelta(text="One *par"))
    assert live.screen == ["One *par", "Composing 0 s · ~2 tokens"]
    live.show(TextDelta(text="agraph*.\n\nAnother "), seconds=2)
    assert live.screen == ["One paragraph.", "Another", "Composing 2 s · ~7 tokens · 4 tok/s"]


def test_reasoning_is_staged_and_then_collapsed():
    live = Live()
    live.show(STEP, ReasoningDelta(text="Let me think. " * 10))
    assert live.screen[-1] == "Thinking 0 s · ~35 tokens"
    live.show(TextDelta(text="Yes."), seconds=5)
    assert live.screen[0] == "Thought for 5.0 s · ~35 tokens"
    assert live.screen[1:] == ["Yes.", "Composing 0 s · ~1 tokens"]


def test_code_is_staged_while_it_is_written_and_a_call_while_it_runs():
    live = Live()
    live.show(STEP, BlockOpened(language="bash"), BlockDelta(text="echo 1\nec"))
    assert live.screen == ["│ echo 1", "│ ec", "Writing bash 1 s · ~3 tokens · 3 tok/s"]
    live.show(call(1, "bash", "echo 1\necho 2", "bash"), ToolStarted(call_id="1.1.1", executor="x"))
    live.show(ToolOutput(call_id="1.1.1", stream="stdout", text="1\n"))
    assert live.screen == ["╭─ bash", "│ echo 1", "│ echo 2", "  1", "Running bash 1 s · 1 lines"]
    live.show(ToolFinished(call_id="1.1.1", status="ok", ms=5.0, parts=(Output("stdout", "1\n2"),)))
    assert live.screen == ["╭─ bash", "│ echo 1", "│ echo 2", "  1", "  2", "╰─ ✓ ok · 5.0 ms"]


def test_calls_that_run_together_are_staged_together():
    live = Live()
    live.show(STEP, BlockOpened(language="tool"))
    for number, city in ((1, "Oslo"), (2, "Rome")):
        live.show(call(number, "weather", city, "tool"))
    live.show(*(ToolStarted(call_id=f"1.1.{n}", executor="x") for n in (1, 2)))
    assert live.screen[-2:] == ["Running weather 1 s", "Running weather 0 s"]
    live.show(ToolFinished(call_id="1.1.2", status="ok", ms=5.0))
    assert live.screen[-2:] == ["╰─ ✓ weather Rome ok · 5.0 ms", "Running weather 2 s"]


def test_while_a_person_is_asked_the_terminal_is_left_alone():
    live = Live()
    live.show(STEP, BlockOpened(language="bash"), call(1, "bash", "ls", "bash"))
    live.show(ApprovalRequested(call_id="1.1.1", question="May it?"))
    before = live.screen
    assert before == ["╭─ bash", "│ ls"]
    live.stream.write("May it? y\n")
    live.show(ApprovalDecided(call_id="1.1.1", decision="once"))
    assert live.screen == [*before, "May it? y", "allowed (once) by person"]


def test_a_question_that_nobody_has_shown_stands_above_its_answer():
    asked = ApprovalRequested(call_id="1", question="May it?", dangers=("deletes x",))
    for by, surface in (("rule", {"asks": True}), ("person", {})):
        decided = ApprovalDecided(call_id="1", decision="deny", by=by, reason="too bold")
        written, _ = shown([asked, decided], **surface)
        assert written == f"? May it?\n  ! deletes x\nrefused by {by}: too bold\n"


def test_many_touches_are_counted_and_every_danger_is_shown():
    some = tuple(f"reads file {n}" for n in range(20))
    asked = ApprovalRequested(call_id="1", question="May it?", dangers=some, touches=some)
    written, _ = shown([asked, ApprovalDecided(call_id="1", decision="once")])
    assert written.count("  ! reads") == 20
    assert written.count("  · reads") == 12
    assert "  · and 8 more\n" in written


def test_words_stand_for_signs_where_a_screen_reader_reads():
    written, _ = shown(events(), words=True, rest=REST)
    assert not set("╭│├╰─┼▌❯✓✗↑↓→·◇•◦") & set(written)
    for line in ("You: What is in data.csv?", "Block: python", "Message: sent 3.1k received 204"):
        assert f"\n{line}" in written
    assert "Result: error, exit 3, 1.2 s, left plot.png, ValueError: bad row\n" in written
    assert "count: 1200\n" in written


def test_words_are_the_same_however_an_answer_comes():
    text = "> a quote\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n---\n\n- one\n  - two\n"
    whole, _ = shown([STEP, TextDelta(text=text), *events()[-3:]], words=True)
    pieces = [TextDelta(text=letter) for letter in text]
    assert shown([STEP, *pieces, *events()[-3:]], words=True)[0] == whole
    assert "> a quote\n\na: 1\nb: 2\n" in whole


def test_a_cognition_is_drawn_as_far_as_it_is_told():
    def drawn(**data):
        return shown([Custom(name="cognition", data=data)])[0]

    assert drawn() == "◇ cognition\n"
    assert drawn(activity="planning", decision=["a", "b"]) == "◇ planning: ['a', 'b']\n"
    assert drawn(activity="x", options=3, ms="long", input_tokens=1) == "◇ x\n"
    assert drawn(reason="it is due", ms=5).endswith("because it is due\n  5.0 ms\n")


def test_a_theme_can_be_changed_while_it_shows():
    written, timeline = shown([ErrorRaised(kind="X", message="red")], theme="dark")
    assert "\x1b[31m" in written
    timeline.theme = "none"
    assert timeline.theme == "none"
    timeline.show(Record(0, 0, 1, 1, ErrorRaised(kind="X", message="plain")))
    assert timeline._surface.stream.getvalue().endswith("0m\nerror: plain\n")


def test_a_staged_answer_is_never_higher_than_the_terminal():
    live = Live(rows=8)
    live.show(STEP, *(TextDelta(text=f"> line {n}\n>\n") for n in range(30)))
    assert len(live.screen) <= 8
    assert live.screen[-1].startswith("Composing")


def test_after_a_resize_what_is_inscribed_stays_and_the_rest_takes_the_new_width():
    live = Live(columns=61)
    words = "some words that go on and on and fill a line or more of the screen "
    live.show(STEP, TextDelta(text=words + "\n\n"))
    inscribed = live.screen[:-1]
    live.columns = 31
    live.show(TextDelta(text=words + "\n\n"))
    written = live.stream.getvalue()
    assert inscribed[0] == "some words that go on and on and fill a line or more of the"
    assert all(line in written.split("\n") for line in inscribed[1:])
    assert live.screen[-2] == "screen"
    assert max(map(len, live.screen[-4:-1])) <= 30


def test_a_live_area_is_erased_at_the_width_there_is_then():
    live = Live(columns=61)
    live.show(STEP, TextDelta(text="x" * 50))
    assert live.stream.getvalue().endswith("x\nComposing 0 s · ~13 tokens\n")
    live.columns = 26  # where the terminal has broken the 50 cells into two rows
    live.show(TextDelta(text="\n\n"))
    assert "\r\x1b[3A\x1b[J" in live.stream.getvalue()


def test_what_is_settled_leaves_no_stage_and_loses_nothing():
    live = Live()
    live.show(STEP, TextDelta(text="half an ans"))
    live.timeline.settle()
    assert live.screen == ["half an ans"]
    live.stream.write("a message\n")
    live.show(Custom(name="more", data={}))
    assert live.screen == ["half an ans", "a message", "more {}"]


def test_what_comes_in_the_middle_of_an_answer_stands_below_it():
    live = Live()
    live.show(STEP, TextDelta(text="```\nhalf "), ErrorRaised(kind="X", message="it broke"))
    live.show(TextDelta(text="a line"), MessageFinished(parts=(), stop="error"))
    assert live.screen == ["  half a line", "error: it broke"]


def test_redraws_take_a_tenth_of_the_time_at_the_most():
    clock = FakeClock()
    pace = Pace(clock.monotonic)
    assert pace.wait <= 0
    began = clock.monotonic()
    clock.advance(0.001)
    pace.count(began)
    assert pace.wait == pytest.approx(0.1)
    began = clock.monotonic()
    clock.advance(0.1)
    pace.count(began)
    assert pace.wait == pytest.approx(0.9)


def test_ten_thousand_pieces_at_once_are_drawn_a_few_times():
    live = Live()
    live.show(STEP)
    live.show(*(TextDelta(text="word ") for _ in range(10_000)), seconds=0.0001)
    assert live.stream.getvalue().count("Composing") <= 21


def test_what_came_last_is_drawn_soon_though_nothing_follows():
    async def talk():
        stream = io.StringIO()
        timeline = Timeline(Surface(stream=stream, live=True))
        for event in (STEP, TextDelta(text="first "), TextDelta(text="second")):
            timeline.show(Record(0, 0, 1, 1, event))
        before = stream.getvalue()
        await asyncio.sleep(0.3)
        timeline.settle()
        return before, stream.getvalue()

    before, after = asyncio.run(talk())
    assert "second" not in before
    assert "second" in after


def test_the_time_of_a_stage_goes_on_by_itself():
    async def wait():
        stream = io.StringIO()
        timeline = Timeline(Surface(stream=stream, live=True))
        timeline.show(Record(0, 0, 1, 1, STEP))
        await asyncio.sleep(1.3)
        timeline.settle()
        return stream.getvalue()

    assert "Waiting for the model 1 s" in asyncio.run(wait())


def test_a_saved_session_is_inscribed_as_the_live_one_was():
    whole = records(turn("What is 6 * 7?", [Step("See.", "6 * 7", "42\n"), Step("**42**")]))
    live = shown([record.event for record in whole])[0]
    assert shown([record.event for record in whole if record.event.durable])[0] == live


def test_what_is_not_asked_for_is_left_out():
    written, _ = shown(events(), answers=False, prompts=False)
    assert "three columns" not in written
    assert "Thought" not in written
    assert "❯" not in written
    assert "╭─ python" in written


# Plugins


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a package with drawings of its own; `source` is its module."""

    def install(source, *kinds):
        (tmp_path / "drawn.py").write_text(source)
        info = tmp_path / "drawn-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: drawn\nVersion: 1\n")
        lines = "".join(f"{kind} = drawn:draw\n" for kind in kinds)
        (info / "entry_points.txt").write_text(f"[llmrepl.blocks]\n{lines}")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(__import__("sys").modules, "drawn", raising=False)

    return install


DRAW = """
def draw(block, page):
    return page.text(f"<{block.kind} {block.text} at {page.width}>", "strong")
"""


def test_a_plugin_draws_blocks_of_its_own_kind_and_replaces_others(plugin):
    plugin(DRAW, "weather.measured", "turn.finished")
    written, _ = shown(events())
    assert "<weather.measured  at 80>\n" in written
    assert "<turn.finished  at 80>\n" in written
    assert "degrees" not in written


def test_a_plugin_draws_answers_once_they_are_complete(plugin):
    plugin(DRAW, "text.delta")
    written, _ = shown([STEP, TextDelta(text="one "), TextDelta(text="two"), *events()[-3:]])
    assert "<text.delta one two at 80>" in written


def test_a_drawing_that_fails_is_named(plugin):
    plugin("def draw(block, page):\n    1 / 0\n", "weather.measured")
    with pytest.raises(PluginError, match=r"the drawing of .* from drawn:draw failed"):
        shown(events())


def test_of_a_prompt_that_was_pasted_the_beginning_and_the_end_are_inscribed():
    pasted = "\n".join(f"row {number}" for number in range(5_000))
    written, _ = shown([TurnStarted(prompt=(Text(pasted),))])
    assert "row 0\n" in written
    assert "row 4999" in written
    assert "… 4960 lines more" in written
    assert "row 2500" not in written
    assert len(written.splitlines()) < 50


def test_a_prompt_of_megabytes_is_broken_into_lines_at_its_ends_alone():
    pasted = "first " + "word " * 400_000 + "last"
    written, _ = shown([TurnStarted(prompt=(Text(pasted),))])
    assert "first word" in written
    assert "word last" in written
    assert "… 2,000,010 characters in all" in written
    assert len(written.splitlines()) < 50
