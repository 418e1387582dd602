"""What is pasted comes whole, however the terminal sends it, and presses no key."""

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from llmrepl_textual.pasting import END, START, Pasting, teach_pastes

COLOURED = "one\r\x1b[31mtwo\x1b[0m \x1b]52;c;aGk=\x07\x1b\x1b[A \x1b[200 three\r!rm four"
SIZES = [1, 2, 3, 5, 7, 4096]


def sent(*pieces):
    """Return what comes of pieces: pastes as text, and the names of keys."""
    reader = Pasting()
    found = [message for piece in pieces for message in reader.feed(piece)]
    return [each.text if isinstance(each, events.Paste) else each.key for each in found]


def cut(text, size):
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize("size", [3, 4, 5, 7, 4096])
def test_a_paste_is_one_and_has_no_keys(size):
    text = f"a{START}{COLOURED}{END}b{START}{END}\r"
    assert sent(*cut(text, size)) == ["a", COLOURED, "b", "", "enter"]


@pytest.mark.parametrize("size", SIZES)
def test_its_end_may_come_in_pieces(size):
    assert sent(START, *cut(f"{COLOURED}\0{END}x", size)) == [COLOURED, "x"]


@pytest.mark.parametrize("size", SIZES)
def test_keys_are_keys(size):
    text = "é\x1b[A\x1b[2~\x1b[20~\r"
    assert sent(*cut(text, size)) == ["é", "up", "insert", "f9", "enter"]


def test_the_drivers_of_terminals_read_with_it():
    teach_pastes(LinuxDriver)
    teach_pastes(HeadlessDriver)  # reads nothing
    from textual.drivers import linux_driver

    assert linux_driver.XTermParser is Pasting
    assert issubclass(Pasting, XTermParser)
