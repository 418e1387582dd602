"""Each kind of block has a picture in the documentation, and the pictures are what is drawn now."""

import re
from xml.etree import ElementTree as ET

import pytest

from docs.screens.blocks import CUSTOM, KINDS, PICTURES, chosen, picture
from llmrepl.events import Custom
from llmrepl_timeline.drawings import DRAWINGS
from tests.docs.console import ROOT

PAGE = ROOT / "docs/explanation/what-you-see.md"


@pytest.mark.parametrize("name", KINDS)
def test_a_picture_is_what_is_drawn_now(name):
    on_file = (PICTURES / f"{name}.svg").read_text("utf-8")
    assert on_file == picture(name), "make it again: python -m docs.screens.blocks"
    ET.fromstring(on_file)


def test_every_picture_stands_on_the_page():
    shown = re.findall(r"!\[[^\]]+\]\(\.\./screens/blocks/([\w-]+)\.svg\)", PAGE.read_text())
    assert sorted(shown) == sorted(KINDS)
    assert {path.stem for path in PICTURES.iterdir()} == set(KINDS)


def test_every_kind_that_is_drawn_is_on_a_picture():
    events = [event for name in KINDS for event in chosen(name)]
    pictured = {event.name if isinstance(event, Custom) else event.type for event in events}
    silent = {"step.finished", "config.changed", "context.pinned", "system.set", "paused"}
    assert {*DRAWINGS, *CUSTOM} - silent == pictured
