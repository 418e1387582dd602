"""Rows above the prompt are changed without laying the prompt out, and the screen is the same."""

import io
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.application.current import set_app
from prompt_toolkit.data_structures import Size
from prompt_toolkit.filters import Condition
from prompt_toolkit.input import DummyInput
from prompt_toolkit.layout import (
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    Window,
)
from prompt_toolkit.output import ColorDepth

from llmrepl.repl.output import Output
from llmrepl.repl.renderer import PanelRenderer

COLUMNS, ROWS = 12, 9
TOKENS = re.compile(r"\x1b\[\??([\d;]*)([A-Za-z])|\x1b[^\[]|\r|\n|[^\x1b]")
TEXTS = st.lists(st.text("abc ", min_size=1, max_size=8).map(str.rstrip), max_size=3)
PROMPT = [("", "❯ 你好 x\n  "), ("[SetCursorPosition]", ""), ("reverse", "second\nstatus")]


class Terminal(io.StringIO):
    """What a terminal shows of what it is written: text, line ends, moves and erasing."""

    def __init__(self):
        super().__init__()
        self.rows, self.x, self.y = [""], 0, 0

    def take(self, written):  # noqa: C901 - a row for each thing that a terminal does
        for token in TOKENS.finditer(written):
            count, command = token.groups()
            match command, token.group():
                case "A", _:
                    self.y -= int(count or 1)
                case "C", _:
                    self.x += int(count or 1)
                case None, "\b":
                    self.x -= 1
                case "D", _:
                    self.x = max(0, self.x - int(count or 1))
                case "J", _:
                    self.rows[self.y :] = [self.rows[self.y][: self.x]]
                case "K", _:
                    self.rows[self.y] = self.rows[self.y][: self.x]
                case None, "\r":
                    self.x = 0
                case None, "\n":  # the tty sends the beginning of the line with it
                    self.x, self.y = 0, self.y + 1
                    self.rows += [""] * (self.y == len(self.rows))
                case None, character if character[0] != "\x1b":
                    width = 2 if character in "你好" else 1
                    row = self.rows[self.y].ljust(self.x)
                    text = character + "\0" * (width - 1)
                    self.rows[self.y] = row[: self.x] + text + row[self.x + width :]
                    self.x += width

    def seen(self):
        return [row.rstrip() for row in self.rows], (self.x, self.y)


class Drawn:
    """An application with rows above it, on a terminal."""

    def __init__(self):
        self.rows = []
        above = Window(FormattedTextControl(lambda: "\n".join(self.rows)), dont_extend_height=True)
        prompt = Window(FormattedTextControl(PROMPT, focusable=True), height=3)
        shown = ConditionalContainer(above, Condition(lambda: bool(self.rows)))
        self.above, self.terminal = above, Terminal()
        self.output = Output(
            io.StringIO(), lambda: Size(ROWS, COLUMNS), default_color_depth=ColorDepth.DEPTH_4_BIT
        )
        with create_app_session(input=DummyInput(), output=self.output):
            self.app = Application(Layout(HSplit([shown, prompt]), prompt))
        self.renderer = PanelRenderer(self.app.renderer.style, self.output, above)
        self.app.renderer = self.renderer

    def draw(self, *, anew=True, lines=""):
        with set_app(self.app), self.output.aside() as written:
            self.output.flush = lambda: None
            if anew:
                self.renderer.erase()
                self.output.write_raw(lines)
            self.above.content.reset()
            self.app.render_counter += 1
            self.renderer.render(self.app, self.app.layout)
        self.terminal.take("".join(written))

    def replace(self, lines, rows):
        with self.output.aside() as written:
            done = self.renderer.replace(self.app, lines, rows)
        self.rows = rows
        self.terminal.take("".join(written))
        return done


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(TEXTS, TEXTS, st.booleans()), min_size=1, max_size=4))
def test_rows_that_are_replaced_look_like_rows_that_were_drawn_anew(changes):
    fast, slow = Drawn(), Drawn()
    fast.draw()
    slow.draw()
    for printed, rows, key in changes:
        lines = "".join(f"{line}\n" for line in printed)
        if not fast.replace(lines, rows):
            fast.draw(lines=lines)
        slow.rows = rows
        slow.draw(lines=lines)
        assert fast.terminal.seen() == slow.terminal.seen()
        if key:  # it draws what differs from what is on the screen
            fast.draw(anew=False)
            assert fast.terminal.seen() == slow.terminal.seen()


def test_what_would_not_fit_is_left_to_the_layout():
    drawn = Drawn()
    drawn.draw()
    assert drawn.replace("", ["row"] * (ROWS - 3))
    assert not drawn.replace("", ["row"] * (ROWS - 2))


def test_after_a_key_the_prompt_is_drawn_anew_once_since_it_may_have_become_lower():
    drawn = Drawn()
    drawn.draw()
    assert drawn.replace("", ["row"])
    drawn.draw(anew=False)
    assert not drawn.replace("", ["other"])
    drawn.draw()
    assert drawn.replace("", ["row"])
