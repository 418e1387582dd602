"""The pictures of the chat show what the pages say, and load nothing from anywhere."""

import re
from xml.etree import ElementTree as ET

import pytest

from tests.docs.console import COLUMNS, PROMPT, ROOT, same
from tests.docs.test_commands import COMMANDS

SCREENS = ROOT / "docs/screens"
SHOWN = {command.screen: command for found in COMMANDS.values() for command in found}
SHOWN.pop("")
TEXT = "{http://www.w3.org/2000/svg}text"
WIDTH = 12.2
"""Of a column in a picture."""


def rows(picture):
    """The rows of text in a picture's terminal."""
    found = {}
    for text in ET.fromstring(picture).iter(TEXT):
        if text.get("x") and text.get("textLength"):
            row = found.setdefault(float(text.get("y")), "")
            column = round(float(text.get("x")) / WIDTH)
            found[float(text.get("y"))] = row.ljust(column) + text.text.replace("\xa0", " ")
    top, *_, bottom = sorted(found)
    count = round((bottom - top) / 24.4) + 1
    return [
        next((row.rstrip() for y, row in found.items() if round((y - top) / 24.4) == number), "")
        for number in range(count)
    ]


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_shows_the_chat_that_stands_on_the_page(name):
    *shown, status = rows((SCREENS / f"{name}.svg").read_text())
    printed = SHOWN[name].printed
    before_leaving = [*printed[: printed.index(f"{PROMPT} /quit")], PROMPT]
    broken = [
        line[start : start + COLUMNS]
        for line in before_leaving
        for start in range(0, max(1, len(line)), COLUMNS)
    ]
    assert same(shown, broken), "\n".join(["make it again: python -m docs.screens.make", *shown])
    assert "· full sandbox · " in status


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_loads_nothing(name):
    picture = (SCREENS / f"{name}.svg").read_text()
    assert set(re.findall(r"\w+://[^\s\"']+", picture)) == {"http://www.w3.org/2000/svg"}


def test_every_picture_is_made_from_a_page():
    assert {path.stem for path in SCREENS.glob("*.svg")} == set(SHOWN)
    assert len(SHOWN) >= 2
